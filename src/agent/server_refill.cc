#include "agent/server_refill.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

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

// For longer than what is on its way takes, and by nothing but lacking the end of our log.
bool ServerRefill::server_is_behind() const {
  const auto& trust = trust_->trust();
  return trust.has_open(trust::Topic::server_behind) && trust.log().in_step() &&
         !trust.log().server_has_all();
}

void ServerRefill::look() {
  ask_again_.reset();
  if (closed_ || waiting_ || handing_back_) return;
  if (!server_is_behind()) return retry_.reset();
  again_after(Duration(random_.below(static_cast<std::uint64_t>(kLots.count()) + 1)),
              &ServerRefill::start);
}

void ServerRefill::on_unknown_party() {
  if (!closed_ && !waiting_ && !handing_back_)
    again_after(ask_again_.next(), &ServerRefill::ask_again);
}

void ServerRefill::again_after(Duration time, void (ServerRefill::*then)()) {
  waiting_ = true;
  timer_.expires_after(time);
  timer_.async_wait([weak = weak_from_this(), then](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self || self->closed_) return;
    self->waiting_ = false;
    ((*self).*then)();
  });
}

void ServerRefill::ask_again() {
  control_()->request_snapshot(trust_->trust().ledger().party_id());
}

void ServerRefill::start() {
  if (!server_is_behind() || control_()->link_state() != LinkState::connected) return;
  handing_back_ = true;
  asio::co_spawn(io_, [self = shared_from_this()] { return self->hand_back(); }, asio::detached);
}

asio::awaitable<void> ServerRefill::hand_back() {
  const auto done = co_await hand_back_all();
  handing_back_ = false;
  if (closed_) co_return;
  // The server tells it as events; should it not, or have refused, later again.
  if (!done)
    log_.warning("records_not_taken_back",
                 {{"party", trust_->trust().ledger().party_id().to_string()},
                  {"code", std::string(done.error().code())},
                  {"detail", done.error().message()}});
  again_after(retry_.next(), &ServerRefill::look);
}

asio::awaitable<Result<void>> ServerRefill::hand_back_all() {
  const auto party = trust_->trust().ledger().party_id();
  auto after = trust_->trust().log().server_length();
  std::size_t records = 0;
  for (;;) {
    const auto& trust = trust_->trust();
    auto next = trust::next_hand_back(random_, trust.log(), trust.keys(), after);
    if (closed_ || !next) break;
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
  if (!closed_)
    log_.info("records_taken_back",
              {{"party", party.to_string()}, {"records", std::to_string(records)}});
  co_return Result<void>{};
}

}  // namespace lanrage::agent
