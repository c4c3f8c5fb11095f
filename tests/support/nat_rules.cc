#include "support/nat_rules.hpp"

namespace lanrage::lab {
namespace {

// Which inside host owns a mapped port, and whom it has spoken to. Learned before source NAT, so
// the private source is still visible; masquerade keeps the port unless it is taken.
constexpr std::string_view kLearning = R"(
  map owners { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 5m; size 65535; }
  set contacted {
    type inet_service . ipv4_addr; flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain learn {
    type filter hook postrouting priority 50;
    oifname "wan" meta l4proto udp update @owners { udp sport : ip saddr }
    oifname "wan" meta l4proto udp update @contacted { udp sport . ip daddr }
  }
)";

std::string forward_rule(const Forward& forward, std::string_view match) {
  const std::string_view transport = forward.transport == Transport::tcp ? "tcp" : "udp";
  return "    " + std::string(match) + " " + std::string(transport) + " dport " +
         std::to_string(forward.port) + " dnat to " + forward.to.to_string() + "\n";
}

std::string prerouting(const NatPlan& plan) {
  std::string rules = "  chain inbound {\n    type nat hook prerouting priority dstnat;\n";
  const std::string inside = "iifname \"lan\" ip daddr " + plan.wan_address.to_string();
  for (const Forward& forward : plan.forwards) {
    rules += forward_rule(forward, "iifname \"wan\"");
    if (plan.hairpin) rules += forward_rule(forward, inside);
  }
  if (plan.kind == NatKind::full_cone)
    rules += "    iifname \"wan\" dnat to udp dport map @owners\n";
  if (plan.kind == NatKind::restricted_cone)
    rules += "    iifname \"wan\" udp dport . ip saddr @contacted dnat to udp dport map @owners\n";
  if (plan.hairpin) rules += "    " + inside + " dnat to udp dport map @owners\n";
  return rules + "  }\n";
}

// The kernel knows no such allocation, but how to count the first packets of flows that come by
// here.
std::string counted_ports() {
  constexpr int kFirst = 20'000;
  constexpr int kPorts = 4'000;
  std::string ports;
  for (int i = 0; i < kPorts; ++i)
    ports.append(i == 0 ? "" : ", ")
        .append(std::to_string(i))
        .append(" : ")
        .append(std::to_string(kFirst + i));
  return "numgen inc mod " + std::to_string(kPorts) + " map { " + ports + " }";
}

std::string postrouting(const NatPlan& plan) {
  std::string rules = "  chain outbound {\n    type nat hook postrouting priority srcnat;\n";
  if (plan.kind == NatKind::symmetric)
    rules += "    oifname \"wan\" meta l4proto udp masquerade to :1024-65535 random,fully-random\n";
  if (plan.kind == NatKind::counting)
    rules += "    oifname \"wan\" meta l4proto udp masquerade to :" + counted_ports() + "\n";
  rules += "    oifname \"wan\" masquerade\n";
  if (plan.hairpin)
    rules += "    iifname \"lan\" oifname \"lan\" ct status dnat snat to " +
             plan.wan_address.to_string() + "\n";
  return rules + "  }\n";
}

// Without this drop, conntrack records an early inbound punch as a flow of the router's own, and
// our later packet to the same peer is moved to another port: punching then fails.
constexpr std::string_view kWanFilter = R"(
  chain wan_filter {
    type filter hook prerouting priority filter;
    iifname "wan" ct status dnat accept
    iifname "wan" meta l4proto { tcp, udp } ct state new drop
  }
)";

constexpr std::string_view kUdpBlock = R"(
  chain udp_block {
    type filter hook forward priority filter;
    meta l4proto udp drop
  }
)";

std::string block(const std::vector<Block>& blocks, bool v6) {
  std::string rules = "  chain block {\n    type filter hook forward priority filter;\n";
  const std::string family = v6 ? "ip6" : "ip";
  for (const Block& block : blocks) {
    if (block.outside.is_v6() != v6) continue;
    const std::string text = block.outside.to_string();
    if (block.way != Way::out) rules += "    " + family + " saddr " + text + " drop\n";
    if (block.way != Way::in) rules += "    " + family + " daddr " + text + " drop\n";
  }
  return rules + "  }\n";
}

constexpr std::string_view kFirewall6 = R"(
  chain firewall {
    type filter hook forward priority filter;
    iifname "wan" ct state new drop
  }
)";

}  // namespace

std::optional<NatKind> nat_kind_from(std::string_view name) {
  for (const NatKind kind : kNatKinds)
    if (name == name_of(kind)) return kind;
  return std::nullopt;
}

std::string nat_kind_names() {
  std::string names;
  for (const NatKind kind : kNatKinds)
    names.append(names.empty() ? "" : ", ").append(name_of(kind));
  return names;
}

std::string nat_ruleset(const NatPlan& plan) {
  // "add" before "flush" lets one text serve an empty namespace and a configured one; deleting
  // instead would forget who owns which port.
  std::string rules = "add table ip lab\nflush table ip lab\ntable ip lab {\n";
  rules += kLearning;
  rules += prerouting(plan);
  rules += postrouting(plan);
  rules += kWanFilter;
  if (plan.kind == NatKind::udp_blocked) rules += kUdpBlock;
  rules += block(plan.blocked, false);
  return rules + "}\n";
}

std::string ipv6_ruleset(NatKind kind, const std::vector<Block>& blocked) {
  std::string rules = "add table ip6 lab\nflush table ip6 lab\ntable ip6 lab {\n";
  rules += kFirewall6;
  if (kind == NatKind::udp_blocked) rules += kUdpBlock;
  rules += block(blocked, true);
  return rules + "}\n";
}

}  // namespace lanrage::lab
