#include "trust/invite_closing.hpp"

#include <algorithm>

namespace lanrage::trust {
namespace {

// From `clock` until just after the invite's end; kLongestSleep where that is longer.
Duration until_expired(const party::InviteState& invite, UnixTime clock) {
  using std::chrono::milliseconds;
  const auto longest = std::chrono::floor<milliseconds>(InviteClosing::kLongestSleep);
  const auto left = invite.terms.not_after + party::kInviteTolerance - clock + milliseconds(1);
  return std::clamp<milliseconds>(left, milliseconds(1), longest);
}

}  // namespace

bool keeps_ended_invite(const party::Ledger& ledger, UnixTime clock) {
  return std::ranges::any_of(ledger.invites(),
                             [&](const auto& entry) { return !entry.second.open(clock); });
}

bool InviteClosing::any_ended(Instant now, UnixTime clock, const party::Ledger& ledger) {
  std::erase_if(spent_since_, [&](const auto& entry) {
    const auto* invite = ledger.invite(entry.first);
    return invite == nullptr || !invite->used_up();
  });
  bool ended = false;
  const auto note = [this](Instant at) { next_look_ = std::min(next_look_.value_or(at), at); };
  for (const auto& [id, invite] : ledger.invites()) {
    if (invite.expired(clock))
      ended = true;
    else
      note(now + until_expired(invite, clock));
    if (!invite.used_up()) continue;
    const auto stays_until = spent_since_.try_emplace(id, now).first->second + kSpentStays;
    if (now >= stays_until)
      ended = true;
    else
      note(stays_until);
  }
  return ended;
}

Duration InviteClosing::lot(Duty duty) {
  const auto most = duty == Duty::host ? kHostLots : kDeputyLots;
  const Duration drawn(random_.below(static_cast<std::uint64_t>(most.count()) + 1));
  return duty == Duty::host ? drawn : kDeputyWait + drawn;
}

bool InviteClosing::look(Instant now, UnixTime clock, const party::Ledger& ledger, Duty duty) {
  next_look_.reset();
  if (duty == Duty::none || !any_ended(now, clock, ledger)) {
    due_.reset();
    return false;
  }
  if (!due_) due_ = now + lot(duty);
  const auto at = std::max(*due_, not_before_);
  if (now < at) {
    next_look_ = at;
    return false;
  }
  next_look_.reset();
  return true;
}

void InviteClosing::on_signed(Instant now) {
  due_.reset();
  retry_.reset();
  not_before_ = now + kSpacing;
}

void InviteClosing::on_failed(Instant now) {
  not_before_ = now + retry_.next();
}

}  // namespace lanrage::trust
