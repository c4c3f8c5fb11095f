// What the player of a party should know about its control server: each thing that it tried and
// that the members' records don't bear out, in one sentence. `lanrage status` shows them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/clock.hpp"
#include "io/log.hpp"

namespace lanrage::agent {

// The names are a promise to scripts (docs/guide/troubleshooting.md says what each means).
enum class AlertCode : std::uint8_t {
  server_behind,          // it shows fewer records than it did
  split_view,             // it shows another history than before
  record_refused,         // it brought a record that breaks the rules
  party_key_missing,      // a new party key is in force, and it has no box for us
  party_key_refused,      // the box isn't with the members' party key
  server_ended_service,   // it says that we are out; nobody signed that
  server_closed_party,    // it says that the party is over; nobody signed that
  false_peer,             // it shows a peer, or a key of one, that no record has
  unsigned_removal,       // it says that somebody is out; nobody signed that
  false_charter,          // it shows another host, name or prefix than the charter
  wrong_certificate,      // what answers in its place isn't it
  members_split,          // a member has another history than we: it shows us different things
  server_forgot_party,    // it knows no such party, or not this device in it
  ended_invite_open,      // it refuses the roster that closes an invite which has ended
  member_record_refused,  // a member handed over a record that breaks the rules
};
std::string_view name_of(AlertCode code);

struct Alert {
  AlertCode code;
  std::string message;  // a sentence without full stop
  UnixTime since;
  std::optional<UnixTime> until{};  // when it was over
  friend bool operator==(const Alert&, const Alert&) = default;
};

// At most one a code, so a server can't make it grow. Logs what is new, and when it is over.
class PartyAlerts {
 public:
  // An attack may last a moment: what is over is still shown for so long.
  static constexpr auto kShownAfterwards = std::chrono::hours(1);
  // Between two lines about one code, whatever the server does.
  static constexpr auto kLogSpacing = std::chrono::minutes(1);

  using Clock = std::function<UnixTime()>;
  PartyAlerts(io::Log& log, std::string party, Clock now = unix_now)
      : log_(log), party_(std::move(party)), now_(std::move(now)) {}

  // Stands until clear(). Raised again, it keeps the time of the first.
  void raise(AlertCode code, std::string message);
  void clear(AlertCode code);

  bool any_standing() const;
  bool stands(AlertCode code) const;
  // Those that stand and those over for less than kShownAfterwards, by code.
  std::vector<Alert> shown() const;

 private:
  struct Entry {
    Alert alert;
    std::optional<UnixTime> logged{};
    bool told = false;  // the log has it as standing
  };
  void tell(Entry& entry);

  io::Log& log_;
  std::string party_;
  Clock now_;
  std::map<AlertCode, Entry> entries_;
};

}  // namespace lanrage::agent
