// The relays that this server names to its members, and their permission to use them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "crypto/keys.hpp"
#include "protocol/types.hpp"
#include "server/admin.hpp"
#include "server/relay_table.hpp"

namespace lanrage::server {

// A relay or STUN service in this very process. An unspecified address means every one of ours.
struct BuiltInServices {
  std::string relay_id;
  std::string region;
  std::optional<Endpoint> relay;
  std::optional<Endpoint> stun;
  std::optional<Endpoint> stun_other_port;
  std::uint64_t capacity = 0;                // clients at most; 0: not told
  std::function<std::uint64_t()> clients{};  // bound now
  // Ours on the internet, of both families; asked each time, since a home's prefix changes.
  std::function<std::vector<IpAddress>()> own_addresses{};
};

class RelayDirectory {
 public:
  // `enrolled` outlives it.
  RelayDirectory(BuiltInServices services, std::optional<IpAddress> public_address,
                 const crypto::SigningKey& token_key, const RelayTable& enrolled,
                 std::size_t relays_a_grant)
      : services_(std::move(services)),
        public_address_(public_address),
        token_key_(token_key),
        enrolled_(enrolled),
        relays_a_grant_(relays_a_grant) {}

  // All of them, our own first, then by region and load. For a client whose connection reached us
  // at `reached`: the public address first, then that one where it differs (a player in the
  // server's own LAN, behind a router that can't turn packets back to it, needs it), then what we
  // have of the other family, if we listen there.
  std::vector<protocol::Relay> relays(const IpAddress& reached) const;
  std::vector<protocol::Relay> relays_of(std::string_view region, const IpAddress& reached) const;
  // Of our own STUN service.
  std::vector<Endpoint> stun(const IpAddress& reached) const;
  void set_public_address(const IpAddress& address) { public_address_ = address; }
  std::vector<AdminRelay> listed(UnixTime now) const;
  std::size_t size() const { return enrolled_.relays().size() + (services_.relay ? 1 : 0); }
  crypto::VerifyKey token_key() const { return token_key_.public_key(); }

  struct Client {
    std::uint64_t group = 0;
    crypto::ExchangeKey wireguard;
    crypto::VerifyKey bind_key;
    IpAddress reached;
  };
  // The members of a group are told of the same relays in the same order, as they must meet at one;
  // different groups of different ones, so that none is everybody's first. One of each region comes
  // before the second of any: nobody knows yet where the members are. Loaded ones come last.
  protocol::RelayGrant grant(const Client& client, UnixTime now) const;

 private:
  std::optional<protocol::Relay> own(const IpAddress& reached) const;
  std::vector<protocol::Relay> relays_for(std::uint64_t group, const IpAddress& reached) const;
  std::vector<Endpoint> reachable(const std::optional<Endpoint>& service,
                                  const IpAddress& reached) const;

  BuiltInServices services_;
  std::optional<IpAddress> public_address_;
  crypto::SigningKey token_key_;
  const RelayTable& enrolled_;
  std::size_t relays_a_grant_;
};

}  // namespace lanrage::server
