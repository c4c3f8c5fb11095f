// The relay and the STUN responder of one process, as far as its roles name them.
#pragma once

#include <memory>

#include "io/log.hpp"
#include "server/config.hpp"
#include "server/relay_server.hpp"
#include "server/stun_server.hpp"

namespace lanrage::server {

struct UdpServices {
  std::unique_ptr<RelayServer> relay;  // null: not among the roles
  std::unique_ptr<StunServer> stun;    // null: likewise

  // `id` is the relay's; it takes tokens signed for by `token_key`.
  static Result<UdpServices> start(const Config& config, const RelayId& id,
                                   const crypto::VerifyKey& token_key, io::Log& log);
};

}  // namespace lanrage::server
