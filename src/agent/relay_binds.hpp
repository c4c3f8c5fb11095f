// Keeps one party's WireGuard port bound at its relays. A relay may be reachable by several
// addresses (a host at home reaches its own by a private one): all are tried, the first that
// answers is used.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "path/peer_path.hpp"
#include "protocol/types.hpp"
#include "relay/bind_client.hpp"
#include "stun/datagram.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::agent {

class RelayBinds {
 public:
  // At most so many relays are bound at once, and so many addresses tried of each.
  static constexpr std::size_t kMaxRelays = 3;
  static constexpr std::size_t kMaxAddresses = 3;

  // `random` outlives it.
  RelayBinds(const crypto::SigningKey& bind_key, Random& random)
      : bind_key_(bind_key), random_(random) {}

  // New relays are bound, lost ones forgotten, the others get the new token.
  void set_grant(Instant now, const protocol::RelayGrant& grant, stun::Datagrams& out);
  // Our packets with these indexes are for the peer with that key: told to every relay, now and
  // whenever it may have forgotten.
  void set_routes(Instant now, const wireguard::Mac1Key& peer,
                  std::span<const std::uint32_t> indexes, stun::Datagrams& out);
  // Bind again at once: the link changed or the machine slept.
  void restart(Instant now, stun::Datagrams& out);
  // True when the message belonged to a bind.
  bool on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message,
                   stun::Datagrams& out);
  void on_timeout(Instant now, stun::Datagrams& out);
  std::optional<Instant> next_timeout() const;

  // The relays at which we are bound and which answered last, in the grant's order.
  std::vector<path::RelayBinding> bindings() const;
  // Our port as the relays see it.
  std::vector<Endpoint> observed() const;
  // A relay refused the token, or says that it's too old.
  bool needs_token() const;

 private:
  struct Bind {
    std::string relay;
    relay::BindClient client;
  };

  std::vector<relay::Route> all_routes() const;

  crypto::SigningKey bind_key_;
  Random& random_;
  std::vector<Bind> binds_;
  std::map<wireguard::Mac1Key, std::vector<std::uint32_t>> routes_;
};

}  // namespace lanrage::agent
