#include "agent/server_refill.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/clock.hpp"
#include "agent/joining.hpp"
#include "trust/hand_back.hpp"

namespace lanrage::agent {

namespace asio = boost::asio;

static_assert(trust::kHandBackRecords <= protocol::kMaxHandedBack);
static_assert(trust::kHandBackBoxes <= protocol::kMaxBoxes);

ServerRefill::ServerRefill(asio::io_context& io, std::shared_ptr<TrustKeeper> trust,
                           Control control, io::Log& log)
    : io_(io), timer_(io), trust_(std::move(trust)), control_(std::move(control)), log_(log) {}

void ServerRefill::close() {
  closed_ = true;
  timer_.cancel();
}

// Behind: for longer than what is on its way takes, and by nothing but lacking the end of our log.
trust::RefillPlan::Server ServerRefill::server() const {
  using enum trust::RefillPlan::Server;
  const auto& trust = trust_->trust();
  const auto& log = trust.log();
  const bool behind =
      trust.has_open(trust::Topic::server_behind) && log.in_step() && !log.server_has_all();
  if (!behind || !trust::can_hand_back(log, trust.keys(), log.server_length())) return has_all;
  return control_()->link_state() == LinkState::connected ? lacks_records : out_of_reach;
}

void ServerRefill::look() {
  if (closed_) return;
  const auto now = monotonic_now();
  plan_.look(now, server());
  while (const auto step = plan_.next_step(now))
    carry_out(*step);
  arm();
}

void ServerRefill::on_unknown_party() {
  plan_.on_unknown_party(monotonic_now());
  look();
}

void ServerRefill::carry_out(trust::RefillPlan::Step step) {
  switch (step) {
    case trust::RefillPlan::Step::hand_back:
      asio::co_spawn(
          io_, [self = shared_from_this()] { return self->hand_back(); }, asio::detached);
      break;
    case trust::RefillPlan::Step::ask_again:
      control_()->request_snapshot(trust_->trust().ledger().party_id());
      break;
  }
}

void ServerRefill::arm() {
  const auto next = plan_.next_timeout();
  if (!next || closed_) return void(timer_.cancel());
  timer_.expires_after(std::max(*next - monotonic_now(), Duration(0)));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self) self->look();
  });
}

asio::awaitable<void> ServerRefill::hand_back() {
  const auto taken = co_await hand_back_all();
  if (closed_) co_return;
  const auto party = trust_->trust().ledger().party_id().to_string();
  if (!taken)
    log_.warning("records_not_taken_back", {{"party", party},
                                            {"code", std::string(taken.error().code())},
                                            {"detail", taken.error().message()}});
  else if (*taken > 0)  // else it had them all by then
    log_.info("records_taken_back", {{"party", party}, {"records", std::to_string(*taken)}});
  plan_.on_handed_back(monotonic_now());
  look();
}

asio::awaitable<Result<std::size_t>> ServerRefill::hand_back_all() {
  const auto party = trust_->trust().ledger().party_id();
  auto after = trust_->trust().log().server_length();
  std::size_t records = 0;
  for (;;) {
    const auto& trust = trust_->trust();
    auto next = trust::next_hand_back(random_, trust.log(), trust.keys(), after);
    if (closed_ || !next) co_return records;
    after += next->records.size();
    records += next->records.size();
    protocol::HandBackRequest request{
        new_request_id(), next->after, next->head, std::move(next->records), {}};
    for (auto& box : next->boxes)
      request.boxes.push_back({box.recipient, std::move(box.box)});
    const auto control = control_();
    auto taken = co_await control->hand_back(party, std::move(request));
    if (!taken) co_return std::unexpected(taken.error());
  }
}

}  // namespace lanrage::agent
