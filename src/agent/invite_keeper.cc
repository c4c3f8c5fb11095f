#include "agent/invite_keeper.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/clock.hpp"
#include "agent/invite_clock.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using Duty = trust::InviteClosing::Duty;

Duty duty_of(const GovernedParty& party) {
  const auto& ledger = party.ledger();
  const auto self = party.device().peer_id();
  const bool signs =
      party.root_key() != nullptr || ledger.may_govern(party.device().identity.public_key());
  if (!signs || ledger.member(self) == nullptr) return Duty::none;
  return self == ledger.host_id() ? Duty::host : Duty::deputy;
}

}  // namespace

void InviteKeeper::look() {
  const auto party = party_.lock();
  if (closed_ || signing_ || !party) return;
  timer_.cancel();
  const auto now = monotonic_now();
  const auto clock = invite_clock(*party->control());
  if (!trust::keeps_ended_invite(party->ledger(), clock)) refused_(std::nullopt);
  if (closing_.look(now, clock, party->ledger(), duty_of(*party))) {
    // Else whoever calls us when that has changed.
    if (party->control()->link_state() != LinkState::connected || !party->server_has_all()) return;
    signing_ = true;
    asio::co_spawn(
        io_, [self = shared_from_this(), party] { return self->sign_roster(party); },
        asio::detached);
    return;
  }
  const auto next = closing_.next_look();
  if (!next) return;
  timer_.expires_after(std::max(*next - now, Duration(0)));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self) self->look();
  });
}

void InviteKeeper::close() {
  closed_ = true;
  timer_.cancel();
}

asio::awaitable<void> InviteKeeper::sign_roster(std::shared_ptr<GovernedParty> party) {
  const auto id = party->ledger().party_id().to_string();
  Governance governance(party);
  const auto done = co_await governance.close_ended_invites();
  signing_ = false;
  if (closed_) co_return;
  const bool needless = !done && done.error().is(GovernErrc::nothing_to_do);
  // Without a link nobody gets in either.
  if (done || needless || party->control()->link_state() == LinkState::connected)
    refused_(done || needless ? std::nullopt : std::optional(done.error()));
  if (done) {
    closing_.on_signed(monotonic_now());
    log_.info("invites_closed", {{"party", id},
                                 {"invites", std::to_string(done->dropped.size())},
                                 {"key_epoch", std::to_string(done->key_epoch)}});
  } else if (needless) {
    closing_.on_signed(monotonic_now());
  } else {
    closing_.on_failed(monotonic_now());
    log_.warning("invites_not_closed", {{"party", id}, {"detail", done.error().message()}});
  }
  look();
}

}  // namespace lanrage::agent
