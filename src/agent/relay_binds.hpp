// Keeps one party's WireGuard port bound at its relays. A relay may be reachable by several
// addresses (a host at home reaches its own by a private one): all are tried, the first that
// answers is used.
//
// Where the grant names more relays than are worth a bind, these are chosen: its first two, which
// all members have in common, our two nearest, and what the paths need. As each side binds at the
// other's nearest too, a pair finds a relay with a round trip hardly longer than the direct one.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/relay_meter.hpp"
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
  static constexpr std::size_t kMaxRelays = path::kMaxSignalRelays;
  static constexpr std::size_t kMaxAddresses = 3;
  static constexpr std::size_t kCommon = 2;                   // of the grant's first
  static constexpr std::size_t kNearest = 2;                  // of ours
  static constexpr std::size_t kAnyway = kCommon + kNearest;  // bound whatever is known of them
  static constexpr Duration kChosenSoon = std::chrono::seconds(2);     // measured by then
  static constexpr Duration kSilent = std::chrono::milliseconds(700);  // three requests by then
  static constexpr Duration kChosenEvery = std::chrono::minutes(1);

  // `random` outlives it.
  RelayBinds(const crypto::SigningKey& bind_key, Random& random)
      : bind_key_(bind_key), random_(random), meter_(random) {}

  // New relays are bound, lost ones forgotten, the others get the new token.
  void set_grant(Instant now, const protocol::RelayGrant& grant, stun::Datagrams& out);
  // By id, those in use first: see path::RelayNeeds.
  void set_needed(Instant now, std::vector<std::string> relays, stun::Datagrams& out);
  // Our packets with these indexes are for the peer with that key: told to every relay, now and
  // whenever it may have forgotten.
  void set_routes(Instant now, const wireguard::Mac1Key& peer,
                  std::span<const std::uint32_t> indexes, stun::Datagrams& out);
  // Bind again at once.
  void restart(Instant now, stun::Datagrams& out);
  // The link changed or the machine slept: measure again, too.
  void on_link_change(Instant now, stun::Datagrams& out);
  // True when the message belonged to a bind.
  bool on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message,
                   stun::Datagrams& out);
  void on_timeout(Instant now, stun::Datagrams& out);
  std::optional<Instant> next_timeout() const;

  // The relays at which we are bound and which answered last, in the grant's order.
  std::vector<path::RelayBinding> bindings() const;
  // Our port as the relays see it.
  std::vector<Endpoint> observed() const;
  // None has answered anything for kSilent, though all were asked.
  bool silent(Instant now) const;
  // A relay refused the token, or says that it's too old.
  bool needs_token() const;

 private:
  struct Bind {
    std::string relay;
    relay::BindClient client;
  };

  // By id, of the grant.
  const protocol::Relay* listed(const std::string& relay) const;
  // Ids of the relays to be bound at.
  std::vector<std::string> choose();
  void choose_nearest();
  // Nothing speaks against meeting others there.
  bool is_fit(const protocol::Relay& relay) const;
  std::optional<Duration> rtt_of(const std::string& relay) const;
  void bind(Instant now, stun::Datagrams& out);
  std::vector<relay::Route> all_routes() const;

  crypto::SigningKey bind_key_;
  Random& random_;
  RelayMeter meter_;
  protocol::RelayGrant grant_;  // relays with ids and addresses that we can use
  std::vector<std::string> needed_;
  std::vector<std::string> nearest_;
  std::optional<Instant> next_choice_;  // where there is one
  std::vector<Bind> binds_;
  std::map<wireguard::Mac1Key, std::vector<std::uint32_t>> routes_;
};

}  // namespace lanrage::agent
