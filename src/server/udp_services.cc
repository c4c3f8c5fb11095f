#include "server/udp_services.hpp"

namespace lanrage::server {
namespace {

void tell_of_xdp(const RelayServer& relay, bool automatic, io::Log& log) {
  if (const auto* path = relay.xdp()) {
    std::string interfaces;
    for (const auto& each : path->attached())
      interfaces += (interfaces.empty() ? "" : ", ") + each;
    log.info("relay_in_kernel", {{"interfaces", interfaces}});
  } else if (const auto& why = relay.xdp_refusal()) {
    if (automatic)
      log.info("relay_not_in_kernel", {{"detail", why->message()}});
    else
      log.warning("relay_not_in_kernel", {{"detail", why->message()}});
  }
}

}  // namespace

Result<UdpServices> UdpServices::start(const Config& config, const RelayId& id,
                                       const crypto::VerifyKey& token_key, io::Log& log) {
  UdpServices services;
  if (config.has_role("relay")) {
    RelayServerConfig relay;
    relay.listen = config.relay_listen;
    relay.relay.id = id;
    relay.relay.token_key = token_key;
    relay.relay.limits = config.relay;
    relay.xdp = config.xdp;
    relay.threads = config.relay_threads != 0 ? config.relay_threads : usable_processors();
    relay.trains = config.relay_offload;
    auto started = RelayServer::start(relay);
    if (!started) return std::unexpected(started.error());
    services.relay = std::move(*started);
    tell_of_xdp(*services.relay, config.xdp == xdp::Mode::automatic, log);
  }
  if (config.has_role("stun")) {
    auto started = StunServer::start({config.stun_listen, config.stun_an_address});
    if (!started) return std::unexpected(started.error());
    services.stun = std::move(*started);
  }
  return services;
}

}  // namespace lanrage::server
