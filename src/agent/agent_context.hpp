// What every party of an agent shares; owned by whoever runs the agent, and outlives its parties.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>

#include "agent/device_keys.hpp"
#include "agent/tunnel.hpp"
#include "games/table.hpp"
#include "io/log.hpp"

namespace lanrage::agent {

class LanNames;
class NetworkMonitor;
class PortMapper;

struct AgentContext {
  boost::asio::io_context& io;
  const DeviceKeys& keys;
  io::Log& log;
  Backend backend = Backend::automatic;
  std::string interface_name;           // of the first party's WireGuard device; empty: lanrageN
  std::string lan_name{};               // of its LAN device, likewise; empty: lanN
  bool lan_segment = true;              // else the virtual IPs are on the WireGuard devices
  bool copy_discovery = true;           // of programs here, onto the segments
  PortMapper* ports = nullptr;          // none: no router is asked to forward a port
  NetworkMonitor* network = nullptr;    // none: nobody notices that it changes
  bool predict_ports = true;            // of symmetric NATs
  LanNames* names = nullptr;            // none: members have no names
  const games::Table* games = nullptr;  // none: nobody looks for games
};

}  // namespace lanrage::agent
