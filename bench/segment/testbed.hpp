// Two machines joined by a cable, with two tunnels of wireguard-go between them: a bare one, and
// one that carries a party's LAN.
#pragma once

#include <memory>

#include "agent/lan_segment.hpp"
#include "agent/tunnel.hpp"
#include "support/namespace.hpp"

namespace lanrage::bench {

struct Machine {
  explicit Machine(const char* role) : netns(role) {}
  lab::NetNamespace netns;
  std::unique_ptr<agent::Tunnel> bare;     // with an address for games
  std::unique_ptr<agent::Tunnel> carrier;  // with the agents' addresses alone
  std::unique_ptr<agent::LanSegment> lan;  // on `carrier`
};

class Testbed {
 public:
  // Throws lab::LabError.
  Testbed();

  const lab::NetNamespace& a() const { return a_.netns; }
  const lab::NetNamespace& b() const { return b_.netns; }
  // Of B, by either way.
  static IpAddress bare_address() { return IpAddress::parse("10.77.0.2").value(); }
  static IpAddress lan_address() { return IpAddress::parse("10.66.0.2").value(); }

 private:
  Machine a_{"a"};
  Machine b_{"b"};
};

}  // namespace lanrage::bench
