// The client's side of routes: tells one relay those that it doesn't know yet, and again what it
// couldn't take. Belongs to a BindClient, which lends it what the bind has proved.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"
#include "relay/route_messages.hpp"
#include "stun/transaction.hpp"

namespace lanrage::relay {

// After an answer that didn't take all routes, or none: doubling.
inline constexpr Duration kFirstRouteRetry = std::chrono::milliseconds(200);
inline constexpr Duration kLongestRouteRetry = std::chrono::seconds(15);

class RouteClient {
 public:
  struct Credentials {
    RelayId relay;
    Endpoint endpoint;
    std::uint64_t boot_id;
    ByteView nonce;
    Endpoint observed;
    const crypto::SigningKey& key;
  };
  enum class Answer { not_ours, taken, stale_nonce };

  // `random` must outlive it.
  explicit RouteClient(Random& random);

  // In place of the list before; what the relay has taken already isn't told again.
  void want(std::span<const Route> routes);
  // The relay has lost its sessions: everything is told anew, at once.
  void forget();
  // While bound: sends a request when something is untold, due, and none is under way.
  void tell(Instant now, const Credentials& with, stun::Datagrams& out);
  // `message` is a response of method route_relay.
  Answer on_response(Instant now, const stun::MessageView& message);
  void on_timeout(Instant now, stun::Datagrams& out);
  std::optional<Instant> next_timeout() const;

  bool taken(const Route& route) const;

 private:
  struct Entry {
    Route route;
    bool taken = false;
  };
  void wait_longer(Instant now);
  bool untold() const;

  Random* random_;
  stun::Transactions transactions_;
  std::vector<Entry> entries_;
  std::vector<Route> asked_;  // of the request under way, in its order
  Duration gap_ = kFirstRouteRetry;
  Instant not_before_{};
};

}  // namespace lanrage::relay
