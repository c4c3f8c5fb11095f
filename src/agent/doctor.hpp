// `lanrage doctor`: what is wrong, or may go wrong, on this machine and its way to a party, and
// what to do. Concludes from facts that others have gathered.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/firewall_rules.hpp"
#include "agent/network_report.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace lanrage::agent {

enum class FindingStatus {
  ok,
  warning,  // works, but not as well as it could, or not for everybody
  problem,  // doesn't work
};
constexpr std::string_view name_of(FindingStatus status) {
  switch (status) {
    case FindingStatus::ok:
      return "ok";
    case FindingStatus::warning:
      return "warning";
    case FindingStatus::problem:
      return "problem";
  }
  return "unknown";
}

// The names of checks and statuses are a promise to scripts (docs/guide/cli.md).
struct Finding {
  std::string check;
  FindingStatus status = FindingStatus::ok;
  std::string detail;  // no full stop at the end
  std::string advice;  // what to do; empty where nothing is to be done
};

struct ServerFacts {
  std::string url;
  bool pinned = false;
  std::optional<Error> error;              // why it couldn't be asked
  std::optional<Duration> clock_ahead{};   // its time minus ours; nothing where it doesn't say
  std::optional<NetworkReport> network{};  // nothing where it couldn't be asked
};

// Sizes are of IP packets on the party's LAN.
struct MtuFacts {
  std::string peer;
  std::size_t wanted = 0;            // the LAN device's MTU
  std::optional<std::size_t> works;  // the largest that came back; nothing: not even a small one
};

// By a home's router, of the party's port.
struct MappingFacts {
  std::string method;            // "PCP"
  std::optional<Endpoint> from;  // where others reach the port by it; nothing: they can't
};

// What a party's LAN segment runs on (lan/segment.hpp).
struct SegmentFacts {
  std::uint16_t port = 0;  // UDP, by which members' frames come in by the WireGuard device
  IpAddress self;          // our agent's address inside the tunnel, to which they are sent
};

struct PartyFacts {
  std::string name;
  std::string interface;      // the WireGuard device
  std::string lan_interface;  // has the virtual IP; the WireGuard device where there is no segment
  Prefix prefix;
  IpAddress vip;
  std::uint16_t port = 0;  // UDP, WireGuard's
  bool port_bound = false;
  std::optional<MtuFacts> mtu{};  // nothing: nobody is connected
  std::optional<MappingFacts> mapping{};
  std::optional<SegmentFacts> segment{};
  std::optional<Error> no_segment{};  // why there is none
};

struct Route {
  Prefix destination;
  std::string interface;
  friend bool operator==(const Route&, const Route&) = default;
};

struct FirewallFacts {
  std::string unreadable;  // why nftables couldn't be asked; empty when it could
  std::optional<FirewallRules> rules{};
  bool ufw = false;  // is switched on
  std::string ufw_rules{};
  std::string ufw_rules6{};  // of IPv6
  std::string ufw_input_policy{};
  bool ufw_ipv6 = true;          // else it drops all of IPv6, whatever its rules are
  bool legacy_iptables = false;  // has rules that nftables doesn't know of
};

struct DoctorFacts {
  std::string agent_problem;                  // why it can't be asked; empty: it runs
  std::vector<std::string> agent_warnings{};  // of itself: its state file
  std::size_t dormant_parties = 0;            // whose device can't be made
  bool net_admin = false;
  bool net_raw = false;
  bool kernel_wireguard = false;
  bool wireguard_go = false;
  std::optional<bool> kernel_vxlan{};  // nothing: can't be told
  bool kernel_only = false;            // by --wireguard
  bool userspace_only = false;
  std::string tun_problem{};  // why /dev/net/tun can't be used
  bool ipv6_address = false;  // a global one
  bool ipv6_route = false;
  std::vector<ServerFacts> servers{};
  std::vector<PartyFacts> parties{};
  std::vector<Route> routes{};  // of all tables, IPv4, unicast
  // The interface by which packets leave for the internet; empty where none does.
  std::string uplink{};
  std::string uplink6{};  // by IPv6
  FirewallFacts firewall{};
};

// In a fixed order of checks, with at least one finding of each that could be made.
std::vector<Finding> diagnose(const DoctorFacts& facts);

// Clocks that differ by so much are worth a warning; and by so much a certificate that an authority
// signed may look as if it weren't good yet, or any more. What else the server judges by its clock
// is made by it.
inline constexpr Duration kClockWarning = std::chrono::minutes(1);
inline constexpr Duration kClockProblem = std::chrono::hours(12);

// Findings about the way to servers and relays.
std::vector<Finding> network_findings(const DoctorFacts& facts);

// Findings about the parties' LAN segments.
std::vector<Finding> lan_findings(const DoctorFacts& facts);

// Findings about the machine's own firewall.
std::vector<Finding> firewall_findings(const DoctorFacts& facts);

// Ports that are bound by UDP sockets, of the text of /proc/net/udp.
bool is_udp_port_bound(std::string_view proc_net_udp, std::uint16_t port);

}  // namespace lanrage::agent
