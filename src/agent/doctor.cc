#include "agent/doctor.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>

#include "agent/doctor_text.hpp"

namespace lanrage::agent {
namespace {

using enum FindingStatus;
using Findings = std::vector<Finding>;

// ---- the machine

void add_agent(const DoctorFacts& facts, Findings& out) {
  if (!facts.agent_problem.empty())
    return out.push_back({"agent", problem, facts.agent_problem,
                          "`sudo lanrage daemon` starts one; --socket names another's socket"});
  for (const auto& warned : facts.agent_warnings)
    out.push_back({"agent", warning, warned, "its log says more"});
  if (facts.dormant_parties != 0)
    out.push_back({"agent", problem,
                   "no network device can be made for " + std::to_string(facts.dormant_parties) +
                       (facts.dormant_parties == 1 ? " party" : " parties"),
                   "the agent's log says why; it keeps trying"});
  if (out.empty()) out.push_back({"agent", ok, "the agent runs", ""});
}

void add_privileges(const DoctorFacts& facts, Findings& out) {
  std::vector<std::string> missing;
  if (!facts.net_admin) missing.emplace_back("CAP_NET_ADMIN");
  if (!facts.net_raw) missing.emplace_back("CAP_NET_RAW");
  if (missing.empty())
    out.push_back({"privileges", ok, "may make network devices and raw sockets", ""});
  else if (facts.agent_problem.empty())
    out.push_back({"privileges", problem, "the agent lacks " + join(missing),
                   "run it as root; in a container, add --cap-add NET_ADMIN --cap-add NET_RAW"});
  else
    out.push_back({"privileges", warning, "you lack " + join(missing),
                   "run the agent as root, and `sudo lanrage doctor` to see all"});
}

void add_wireguard(const DoctorFacts& facts, Findings& out) {
  if (facts.kernel_wireguard && !facts.userspace_only)
    return out.push_back({"wireguard", ok, "the kernel has WireGuard", ""});
  if (facts.kernel_only)
    return out.push_back({"wireguard", problem, "this kernel has no WireGuard",
                          "`modprobe wireguard`, or start the agent with --wireguard userspace"});
  if (facts.wireguard_go) return out.push_back({"wireguard", ok, "wireguard-go is installed", ""});
  out.push_back({"wireguard", problem, "there is neither WireGuard in the kernel nor wireguard-go",
                 "`apt install wireguard-go`, or `modprobe wireguard`"});
}

void add_tun(const DoctorFacts& facts, Findings& out) {
  const bool needed = !facts.kernel_wireguard || facts.userspace_only;
  if (facts.tun_problem.empty())
    out.push_back({"tun", ok, "/dev/net/tun can be used", ""});
  else if (!needed)
    out.push_back({"tun", ok, "not needed: the kernel has WireGuard", ""});
  else
    out.push_back({"tun", problem, "can't use /dev/net/tun: " + facts.tun_problem,
                   "`modprobe tun`; in a container, add --device /dev/net/tun"});
}

// ---- the server

std::string advice_for(const Error& error) {
  if (error.code() == "pin_mismatch")
    return "ask the host for the pin that the server shows now; if it has no reason to have "
           "changed, somebody is in between";
  if (error.code() == "certificate_untrusted")
    return "give the pin that the server shows when it starts, with --pin";
  if (error.code() == "not_tls") return "check address and port: another program answers there";
  if (error.code() == "cannot_resolve") return "check the server's name, and this machine's DNS";
  return "ask the host whether the server runs and its TCP port is let in; try another network to "
         "rule out yours";
}

void add_servers(const DoctorFacts& facts, Findings& out) {
  if (facts.servers.empty())
    out.push_back({"server", ok,
                   "none to ask: you are in no party (`lanrage doctor --server URL` asks one)",
                   ""});
  for (const auto& server : facts.servers) {
    if (server.error)
      out.push_back({"server", problem, server.url + ": " + server.error->message(),
                     advice_for(*server.error)});
    else if (server.url.starts_with("http://"))
      out.push_back({"server", ok, server.url + " answers", ""});
    else
      out.push_back({"server", ok,
                     server.url + (server.pinned ? " answers, and shows the pin it should"
                                                 : " answers, and its certificate is vouched for"),
                     ""});
  }
}

std::string span_of(Duration time) {
  const auto seconds = std::chrono::round<std::chrono::seconds>(time < Duration(0) ? -time : time);
  if (seconds < std::chrono::minutes(2)) return std::to_string(seconds.count()) + " s";
  if (seconds < std::chrono::hours(2)) return std::to_string(seconds.count() / 60) + " min";
  return std::to_string(seconds.count() / 3600) + " h";
}

void add_clock(const DoctorFacts& facts, Findings& out) {
  const auto told = std::ranges::find_if(
      facts.servers, [](const auto& server) { return server.clock_ahead.has_value(); });
  if (told == facts.servers.end())
    return out.push_back({"clock", ok, "not compared: no server has told its time", ""});
  const auto ahead = *told->clock_ahead;
  const auto off = ahead < Duration(0) ? -ahead : ahead;
  const auto detail = "this machine's clock is " + span_of(ahead) +
                      (ahead > Duration(0) ? " behind " : " ahead of ") + told->url;
  const std::string advice =
      "`timedatectl set-ntp true`, or ask the host to do so if the server's "
      "clock is the wrong one";
  if (off >= kClockProblem)
    out.push_back({"clock", problem, detail + ": its certificate may not seem valid", advice});
  else if (off >= kClockWarning)
    out.push_back({"clock", warning, detail, advice});
  else
    out.push_back({"clock", ok, "agrees with " + told->url + " to " + span_of(off), ""});
}

// ---- parties

void add_ports(const DoctorFacts& facts, Findings& out) {
  for (const auto& party : facts.parties) {
    const auto port = "UDP port " + std::to_string(party.port);
    if (party.port_bound)
      out.push_back({"port", ok, port + " is bound for " + quoted(party.name), ""});
    else
      out.push_back({"port", problem,
                     port + " of " + quoted(party.name) + " isn't bound: WireGuard has stopped",
                     "restart the agent; its log says why"});
  }
}

// Routes to everything, whole or in halves, are everywhere: VPNs that take all traffic write them.
constexpr std::uint8_t kShortest = 8;

// What a route of another network means for a party; nothing if they don't meet.
std::optional<Finding> route_finding(const Route& route, const PartyFacts& party) {
  const bool inside = party.prefix.contains(route.destination.address) &&
                      route.destination.length >= party.prefix.length;
  const bool around = route.destination.contains(party.prefix.address);
  if (!inside && !around) return std::nullopt;
  const auto destination = route.destination.to_string();
  const auto whose = party.prefix.to_string() + " of " + quoted(party.name);
  if (inside)
    return Finding{"routes", problem,
                   "the route to " + destination + " on " + route.interface +
                       " takes traffic that is for " + whose,
                   "disconnect " + route.interface + " while you play, or `ip route del " +
                       destination + " dev " + route.interface +
                       "`; the host can open the party with another --prefix"};
  return Finding{"routes", warning,
                 whose + " lies in the network " + destination + " on " + route.interface +
                     ": its machines with those addresses can't be reached meanwhile",
                 "if you need them, let the host open the party with another --prefix"};
}

void add_routes(const DoctorFacts& facts, Findings& out) {
  for (const auto& party : facts.parties) {
    bool clear = true;
    for (const auto& route : facts.routes) {
      const bool ours =
          route.interface == party.interface || route.interface == party.lan_interface;
      if (ours || route.destination.length < kShortest) continue;
      auto finding = route_finding(route, party);
      if (!finding) continue;
      clear = false;
      out.push_back(std::move(*finding));
    }
    if (clear)
      out.push_back({"routes", ok,
                     "no other network has addresses of " + party.prefix.to_string() + " (" +
                         quoted(party.name) + ")",
                     ""});
  }
}

void add_mtu(const DoctorFacts& facts, Findings& out) {
  for (const auto& party : facts.parties) {
    if (!party.mtu) {
      out.push_back({"mtu", ok, "not measured: nobody is connected in " + quoted(party.name), ""});
      continue;
    }
    const auto& [peer, wanted, works] = *party.mtu;
    if (!works)
      out.push_back({"mtu", warning, "not measured: " + quoted(peer) + " answers no echo",
                     "their firewall may drop ICMP; `lanrage status` says how the path is"});
    else if (*works >= wanted)
      out.push_back({"mtu", ok,
                     "packets of " + std::to_string(wanted) + " bytes get to " + quoted(peer) +
                         " by " + party.lan_interface,
                     ""});
    else
      out.push_back({"mtu", problem,
                     "packets of more than " + std::to_string(*works) + " bytes don't get to " +
                         quoted(peer) + " by " + party.lan_interface + ", whose MTU is " +
                         std::to_string(wanted),
                     "`ip link set dev " + party.lan_interface + " mtu " + std::to_string(*works) +
                         "`, here and there"});
  }
}

}  // namespace

std::vector<Finding> diagnose(const DoctorFacts& facts) {
  Findings out;
  add_agent(facts, out);
  add_privileges(facts, out);
  add_wireguard(facts, out);
  add_tun(facts, out);
  add_servers(facts, out);
  add_clock(facts, out);
  std::ranges::move(network_findings(facts), std::back_inserter(out));
  add_ports(facts, out);
  std::ranges::move(lan_findings(facts), std::back_inserter(out));
  std::ranges::move(firewall_findings(facts), std::back_inserter(out));
  add_routes(facts, out);
  add_mtu(facts, out);
  return out;
}

// ---- reading

bool is_udp_port_bound(std::string_view proc_net_udp, std::uint16_t port) {
  std::array<char, 8> wanted{};
  std::snprintf(wanted.data(), wanted.size(), ":%04X ", port);
  while (!proc_net_udp.empty()) {
    const auto end = std::min(proc_net_udp.find('\n'), proc_net_udp.size());
    const auto line = proc_net_udp.substr(0, end);
    // "  12: 00000000:C8DC 00000000:0000 07 ...": the first address is the local one.
    const auto local = line.find(": ");
    if (local != std::string_view::npos) {
      const auto colon = line.find(':', local + 2);
      if (colon != std::string_view::npos && line.substr(colon).starts_with(wanted.data()))
        return true;
    }
    proc_net_udp.remove_prefix(std::min(end + 1, proc_net_udp.size()));
  }
  return false;
}

}  // namespace lanrage::agent
