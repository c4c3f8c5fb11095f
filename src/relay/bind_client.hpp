// The client's side of the bind: gets one source address of ours accepted by one relay, and keeps
// it so. One BindClient for each (WireGuard socket, relay).
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "base/random.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"
#include "relay/route_client.hpp"
#include "relay/token.hpp"
#include "stun/transaction.hpp"

namespace lanrage::relay {

struct BindTarget {
  RelayId id;  // from the control server, never from the relay's own word
  Endpoint endpoint;
};

inline constexpr Duration kBindRenewal = std::chrono::seconds(15);  // and up to kBindJitter more
inline constexpr Duration kBindJitter = std::chrono::seconds(5);
inline constexpr Duration kBindLapse = std::chrono::seconds(45);     // three renewals unanswered
inline constexpr Duration kBindRetry = std::chrono::seconds(5);      // after a refusal or no answer
inline constexpr Duration kNoticeSpacing = std::chrono::seconds(1);  // binds started by notices

class BindClient {
 public:
  enum class Trouble {
    none,
    no_answer,
    token_expired,  // set_token() a new one
    refused,        // the relay doesn't accept token or signature
    full,           // the relay or the group is full
  };

  // `random` must outlive it.
  BindClient(const BindTarget& target, Bytes token, const crypto::SigningKey& bind_key,
             Random& random);

  // Also after a change of link or a resume from sleep: binds at once.
  void start(Instant now, stun::Datagrams& out);
  // True when the message was this bind's (a response to it or to a route, or the relay's unbound
  // notice).
  bool on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message,
                   stun::Datagrams& out);
  void on_timeout(Instant now, stun::Datagrams& out);
  std::optional<Instant> next_timeout() const;

  // Used from the next bind on; binds soon when the old one was refused.
  void set_token(Instant now, Bytes token);

  // Where our packets with these indexes go, in place of what was said before: told as soon as we
  // are bound, and again whenever the relay has lost it.
  void set_routes(Instant now, std::span<const Route> routes, stun::Datagrams& out);
  bool routed(const Route& route) const { return bound_ && routes_.taken(route); }

  const BindTarget& target() const { return target_; }
  bool bound() const { return bound_; }
  std::optional<Endpoint> observed() const {
    return observed_;
  }  // our address, as the relay sees it
  // Of the newest answer, once.
  std::optional<Duration> take_rtt() { return std::exchange(rtt_, std::nullopt); }
  Trouble trouble() const { return trouble_; }
  // Of the first request that the relay has left without an answer, nor answered any after it.
  std::optional<Instant> unanswered_since() const { return unanswered_since_; }
  // Grows by one whenever the relay has lost (or never had) our sessions: the first bind, a restart
  // of the relay, or a bind that had lapsed there. WireGuard must shake hands again through it.
  std::uint32_t generation() const { return generation_; }

 private:
  void send_request(Instant now, stun::Datagrams& out);
  void tell_routes(Instant now, stun::Datagrams& out);
  bool on_route_response(Instant now, const stun::MessageView& message, stun::Datagrams& out);
  void on_success(Instant now, const stun::MessageView& message);
  void on_error(Instant now, const stun::MessageView& message, stun::Datagrams& out);
  void take_challenge(const stun::MessageView& message);

  BindTarget target_;
  Bytes token_;
  crypto::SigningKey bind_key_;
  Random* random_;
  stun::Transactions transactions_;
  RouteClient routes_;
  std::optional<Instant> next_bind_;
  std::optional<Instant> last_success_;
  std::optional<Instant> last_notice_;
  std::optional<Instant> unanswered_since_;
  Bytes nonce_;                // the relay's newest; empty before its first answer
  std::uint64_t boot_id_ = 0;  // of the relay's newest answer
  // Boot id and slot of the last success.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> bound_to_;
  std::optional<Endpoint> claimed_;  // our address in the relay's newest answer, to be signed
  std::optional<Endpoint> observed_;
  std::optional<Duration> rtt_;
  int challenges_ = 0;  // in a row without a success
  bool bound_ = false;
  Trouble trouble_ = Trouble::none;
  std::uint32_t generation_ = 0;
};

}  // namespace lanrage::relay
