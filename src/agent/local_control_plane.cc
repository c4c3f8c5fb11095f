#include "agent/local_control_plane.hpp"

namespace lanrage::agent {
namespace {

io::Origin loopback_origin(const LocalServer& server) {
  io::Origin out;
  out.host = "127.0.0.1";
  out.port = server.port();
  out.policy.pin = server.pin();
  return out;
}

}  // namespace

LocalControlPlane::LocalControlPlane(AgentContext& context, std::shared_ptr<LocalServer> server)
    : RemoteControlPlane(std::make_shared<ServerSession>(context.io, loopback_origin(*server),
                                                         context.keys, context.log)),
      server_(std::move(server)) {}

}  // namespace lanrage::agent
