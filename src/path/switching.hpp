// Moving a live WireGuard session to another path without its falling back: from the relay to a
// direct one, between direct ones, or to a relay that has been told the session's routes.
//
// WireGuard moves its endpoint to the source of every authenticated packet, so packets still in
// flight through the relay would undo the change. One side of the pair, the switcher, drops the
// relayed data packets of the session for a while, sets its endpoint, and keeps sending on the new
// path until the other side has roamed and says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "path/action.hpp"
#include "path/check.hpp"
#include "path/tuning.hpp"

namespace lanrage::path {

class Switch {
 public:
  struct Plan {
    Endpoint to;
    std::optional<Endpoint> back;  // the endpoint to return to when it fails
    bool back_is_relay = false;
    bool to_relay = false;
    std::optional<std::uint32_t> receiver_index;  // ours; nothing: switch without a filter
  };
  enum class Outcome {
    running,
    done,
    no_confirmation,  // the peer never said that it sends directly
    silent,           // it said so, but WireGuard received nothing
    reverted,         // WireGuard's endpoint went back
    rekeyed,          // a handshake came in between: the filter's index was of the old session
  };

  explicit Switch(const Tuning& tuning) : tuning_(tuning) {}

  bool active() const { return plan_.has_value(); }
  const Plan& plan() const { return *plan_; }
  bool filtered() const { return plan_ && plan_->receiver_index && plan_->back_is_relay; }

  void start(Instant now, const Plan& plan, std::optional<Instant> handshake,
             std::uint64_t rx_bytes, Actions& out);
  // From the answer to a check that left at `sent_at`.
  void on_peer_state(Instant now, Instant sent_at, PathState state);
  // Both return how it ended, once; then the switch is inactive again, the filter gone, and the
  // endpoint set back unless done. To a relay, what is received is the confirmation.
  Outcome on_wireguard(Instant now, const std::optional<Endpoint>& endpoint,
                       std::optional<Instant> handshake, std::uint64_t rx_bytes, Actions& out);
  Outcome on_timeout(Instant now, Actions& out);
  void cancel(Actions& out);  // leaves the endpoint as it is
  std::optional<Instant> next_timeout() const;

 private:
  Outcome end(Outcome outcome, Actions& out);
  Outcome judge(Instant now, Actions& out);
  Duration limit() const { return plan_->to_relay ? tuning_.reroute_limit : tuning_.switch_limit; }

  Tuning tuning_;
  std::optional<Plan> plan_;
  Instant started_{};
  Instant next_keepalive_{};
  std::optional<Instant> handshake_;
  std::optional<Instant> confirmed_;
  std::uint64_t rx_at_start_ = 0;
  bool rx_moved_ = false;
};

constexpr std::string_view name_of(Switch::Outcome outcome) {
  switch (outcome) {
    case Switch::Outcome::running:
      return "running";
    case Switch::Outcome::done:
      return "done";
    case Switch::Outcome::no_confirmation:
      return "no_confirmation";
    case Switch::Outcome::silent:
      return "silent";
    case Switch::Outcome::reverted:
      return "reverted";
    case Switch::Outcome::rekeyed:
      return "rekeyed";
  }
  return "unknown";
}

}  // namespace lanrage::path
