// When this device signs a roster of its own: an invite has ended, by its date or because its uses
// are spent, and while the party's roster keeps it, a server can still have an admission by it
// logged. After a roster without it every member refuses that, whatever the clocks say.
//
// The host does it first. Deputies wait, each for a lot of its own, for the host may be away, and
// the others too. One roster leaves out all that has ended by then. Without an invite there is
// nothing to look at.
#pragma once

#include <map>
#include <optional>

#include "base/backoff.hpp"
#include "base/time.hpp"
#include "party/ledger.hpp"

namespace lanrage::trust {

class InviteClosing {
 public:
  enum class Duty { none, deputy, host };  // by whom a roster of ours would be signed

  // After an invite's end: by lot within so long, deputies later by the second.
  static constexpr Duration kHostLots = std::chrono::seconds(10);
  static constexpr Duration kDeputyWait = std::chrono::minutes(2);
  static constexpr Duration kDeputyLots = std::chrono::minutes(10);
  // A spent invite stays so long: whoever joined by it last may have to do it again.
  static constexpr Duration kSpentStays = std::chrono::minutes(10);
  static constexpr Duration kSpacing = std::chrono::minutes(10);  // between rosters of ours
  static constexpr Backoff::Range kRetry{std::chrono::minutes(1), std::chrono::hours(1)};
  // A calendar clock may be set meanwhile.
  static constexpr Duration kLongestSleep = std::chrono::minutes(10);

  // `random` outlives it.
  explicit InviteClosing(Random& random) : random_(random), retry_(kRetry, random) {}

  // The party as it is now; `clock` judges invites' dates. True: a roster is due, and what becomes
  // of it is told by one of the two below.
  bool look(Instant now, UnixTime clock, const party::Ledger& ledger, Duty duty);
  void on_signed(Instant now);  // or somebody else was faster
  void on_failed(Instant now);
  // Of look(); nothing while nothing can end, or a roster is under way.
  std::optional<Instant> next_look() const { return next_look_; }

 private:
  // Whether any has ended; notes when the next one will.
  bool any_ended(Instant now, UnixTime clock, const party::Ledger& ledger);
  Duration lot(Duty duty);

  Random& random_;
  Backoff retry_;
  std::map<InviteId, Instant> spent_since_;
  std::optional<Instant> due_;
  Instant not_before_{};
  std::optional<Instant> next_look_;
};

// Whether the party's roster, or an invite record after it, lets in by one that has ended.
bool keeps_ended_invite(const party::Ledger& ledger, UnixTime clock);

}  // namespace lanrage::trust
