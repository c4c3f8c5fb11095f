#include "server/udp_services.hpp"

namespace lanrage::server {

Result<UdpServices> UdpServices::start(const Config& config, const RelayId& id,
                                       const crypto::VerifyKey& token_key) {
  UdpServices services;
  if (config.has_role("relay")) {
    RelayServerConfig relay;
    relay.listen = config.relay_listen;
    relay.relay.id = id;
    relay.relay.token_key = token_key;
    relay.relay.limits = config.relay;
    auto started = RelayServer::start(relay);
    if (!started) return std::unexpected(started.error());
    services.relay = std::move(*started);
  }
  if (config.has_role("stun")) {
    auto started = StunServer::start({config.stun_listen, config.stun_an_address});
    if (!started) return std::unexpected(started.error());
    services.stun = std::move(*started);
  }
  return services;
}

}  // namespace lanrage::server
