// The control server inside this very agent. It is spoken to over loopback like any other: its
// rules, limits and protocol then have one way in, which every test of a server tests, and a host
// is no special member. A request costs a fraction of a millisecond more than a call would.
#pragma once

#include "agent/agent_context.hpp"
#include "agent/local_server.hpp"
#include "agent/remote_control_plane.hpp"

namespace lanrage::agent {

class LocalControlPlane final : public RemoteControlPlane {
 public:
  // Keeps the server alive.
  LocalControlPlane(AgentContext& context, std::shared_ptr<LocalServer> server);

 private:
  std::shared_ptr<LocalServer> server_;
};

}  // namespace lanrage::agent
