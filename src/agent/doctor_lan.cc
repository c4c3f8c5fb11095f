// Findings about the parties' LAN segments.
#include "agent/doctor.hpp"
#include "agent/doctor_text.hpp"

namespace lanrage::agent {
namespace {

using enum FindingStatus;

constexpr std::string_view kGetVxlan =
    "`modprobe vxlan`; where there is no such module, start a kernel that has it (Debian: `apt "
    "install linux-image-amd64`); then restart the agent";

// By LanErrc's names.
std::string advice_for(const Error& error) {
  const auto code = error.code();
  if (code == "lan_unavailable") return std::string(kGetVxlan);
  if (code == "lan_unguarded")
    return "`modprobe -a nf_tables nft_ct`; where there are no such modules, start a kernel that "
           "has them (Debian: `apt install linux-image-amd64`); then restart the agent";
  if (code == "lan_port_taken")
    return "`ss -lunp` shows which program has the port; end it, then restart the agent";
  if (code == "lan_interface_taken")
    return "end the other agent, or remove the interface, then restart the agent";
  if (code == "lan_switched_off") return "start the agent without --lan off";
  if (code == "lan_no_permission") return "run the agent as root";
  if (code == "lan_failed")
    return "see that IPv6 isn't switched off (`sysctl net.ipv6.conf.all.disable_ipv6` says 0), "
           "then restart the agent; its log says more";
  return "restart the agent; its log says more";
}

}  // namespace

std::vector<Finding> lan_findings(const DoctorFacts& facts) {
  std::vector<Finding> out;
  for (const auto& party : facts.parties) {
    if (party.segment)
      out.push_back({"lan", ok, party.lan_interface + " is the LAN of " + quoted(party.name), ""});
    else if (party.no_segment)
      out.push_back({"lan", warning,
                     quoted(party.name) + " has no LAN here (" + party.no_segment->message() +
                         "): games must be told your friends' addresses",
                     advice_for(*party.no_segment)});
  }
  if (facts.parties.empty() && facts.kernel_vxlan == false)
    out.push_back({"lan", warning,
                   "this kernel has no VXLAN: in a party, games must be told your friends' "
                   "addresses",
                   std::string(kGetVxlan)});
  return out;
}

}  // namespace lanrage::agent
