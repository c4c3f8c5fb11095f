// Any listing of a firewall: it is refused, or every packet gets a verdict; one that isn't let
// through for sure has a place. The same bytes as ufw's rules must do no harm either.
#include "agent/firewall_rules.hpp"

#include <cstdlib>
#include <string_view>

#include "agent/ufw_rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  agent::FirewallPacket packet;
  packet.interface = "lanrage0";
  packet.source = IpAddress::v4(0x0a420002);
  packet.destination = IpAddress::v4(0x0a420001);
  packet.source_port = 3478;
  packet.destination_port = 51820;
  for (const auto* protocol : {"udp", "tcp", "icmp"})
    for (const bool incoming : {true, false}) {
      packet.protocol = protocol;
      packet.incoming = incoming;
      packet.established = !packet.established;
      agent::ufw_passage(text, "DROP", packet);
      const auto rules = agent::FirewallRules::parse(text);
      if (!rules) continue;
      const auto verdict = rules->judge(packet);
      if ((verdict.passage == agent::Passage::open) != verdict.place.empty()) std::abort();
    }
  return 0;
}
