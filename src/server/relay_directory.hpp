// The relays that this server names to its members, and their permission to use them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "crypto/keys.hpp"
#include "protocol/types.hpp"
#include "server/admin.hpp"

namespace lanrage::server {

// A relay or STUN service in this very process. An unspecified address means every one of ours.
struct BuiltInServices {
  std::string relay_id;
  std::string region;
  std::optional<Endpoint> relay;
  std::optional<Endpoint> stun;
  std::optional<Endpoint> stun_other_port;
};

class RelayDirectory {
 public:
  RelayDirectory(BuiltInServices services, std::optional<IpAddress> public_address,
                 const crypto::SigningKey& token_key)
      : services_(std::move(services)), public_address_(public_address), token_key_(token_key) {}

  // For a client whose connection reached us at `reached`: the public address first, then that one
  // where it differs (a player in the server's own LAN, behind a router that can't turn packets
  // back to it, needs it).
  std::vector<protocol::Relay> relays(const IpAddress& reached) const;
  std::vector<Endpoint> stun(const IpAddress& reached) const;
  void set_public_address(const IpAddress& address) { public_address_ = address; }
  std::vector<AdminRelay> listed(UnixTime now) const;
  std::size_t size() const { return services_.relay ? 1 : 0; }

  struct Client {
    std::uint64_t group = 0;
    crypto::ExchangeKey wireguard;
    crypto::VerifyKey bind_key;
    IpAddress reached;
  };
  protocol::RelayGrant grant(const Client& client, UnixTime now) const;

 private:
  std::vector<Endpoint> reachable(const std::optional<Endpoint>& service,
                                  const IpAddress& reached) const;

  BuiltInServices services_;
  std::optional<IpAddress> public_address_;
  crypto::SigningKey token_key_;
};

}  // namespace lanrage::server
