// Getting a first WireGuard handshake with the peer, or a new one after the session was lost.
//
// Two sides that initiate at once answer each other and discard their own, again and again. So one
// side, the initiator, acts; the other stays without an endpoint and tries only when nothing comes.
#pragma once

#include <optional>

#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "path/action.hpp"
#include "path/tuning.hpp"

namespace lanrage::path {

class Connector {
 public:
  // How the peer can be reached now; nothing before both sides' WireGuards know each other.
  struct Means {
    std::optional<Endpoint> relay;
    std::optional<Endpoint> direct;
    bool any() const { return relay || direct; }
  };

  Connector(bool initiator, const Tuning& tuning, Random& random)
      : initiator_(initiator), tuning_(tuning), random_(&random) {}

  // While there is no session. `received`: when WireGuard last received anything of the peer, for
  // handshake packets count too: a handshake under way mustn't be disturbed. Returns the target of
  // an attempt that has just failed.
  std::optional<Endpoint> drive(Instant now, const Means& means, Instant received, Actions& out);
  // Initiator: replaces the peer, and with it the session.
  void replace(Instant now, const Endpoint& target, Actions& out);
  // What kept the attempt at `target` from succeeding may be over: try again at once.
  void hurry(const Endpoint& target);
  // The peer is there, or we are again: tries that have become rare begin anew.
  void hurry();
  void on_session();
  // The session was lost. `expired`: for certain, so that the passive side may drop what is left.
  void on_lapse(bool expired, Actions& out);

  std::optional<Instant> next_timeout() const { return next_; }
  bool trying() const { return attempt_.has_value(); }

 private:
  struct Attempt {
    Endpoint target;
    Instant at;
  };
  std::optional<Endpoint> initiate(Instant now, const Means& means, Actions& out);
  void stand_by(Instant now, const Means& means, Instant received, Actions& out);
  void begin(Instant now, const Endpoint& target, Actions& out);

  bool initiator_;
  Tuning tuning_;
  Random* random_;
  bool used_ = false;  // an old session or timer may keep WireGuard from a handshake: replace
  std::optional<Attempt> attempt_;
  Duration retry_{};
  int failures_ = 0;
  std::optional<Instant> could_since_;  // passive side: when the initiator could have come
  Duration wait_{};
  std::optional<Instant> next_;
};

}  // namespace lanrage::path
