#include "lan/rules.hpp"

#include <charconv>

#include "base/encoding.hpp"
#include "base/lines.hpp"

namespace lanrage::lan {
namespace {

// Answers only: what others began goes on as long as it may begin.
constexpr std::string_view kAnswers =
    "ct state { established, related } ct direction reply accept\n";

constexpr std::string_view kTable = "inet lanrage_segment_";

// nftables has names for a VXLAN datagram's inside since 1.0.7 and Linux 6.2 only; raw offsets in
// bits from the UDP header do everywhere. 64: VXLAN's header, 128: Ethernet's, 240: what it
// carries.
constexpr std::string_view kVni = "@th,96,24";
constexpr std::string_view kSourceMac = "@th,176,48";
constexpr std::string_view kEtherType = "@th,224,16";
constexpr std::string_view kIpv4Source = "@th,336,32";
constexpr std::string_view kIpv6Source = "@th,304,128";
constexpr std::string_view kArpSender = "@th,304,48 . @th,352,32";
constexpr std::string_view kFirstWord = "@th,240,16";
// Of IPv4: version and length of the header, flags and fragment offset, protocol, and, behind a
// header of 20 bytes, a source port. Of IPv6: next header and its source port.
constexpr std::string_view kIpv4Begin = "@th,240,8";
constexpr std::string_view kIpv4Offset = "@th,288,16";
constexpr std::string_view kIpv4Protocol = "@th,312,8";
constexpr std::string_view kIpv4SourcePort = "@th,400,16";
constexpr std::string_view kIpv6Protocol = "@th,288,8";
constexpr std::string_view kIpv6SourcePort = "@th,560,16";

std::string hex(ByteView bytes) {
  return "0x" + to_hex(bytes);
}

// `elements`: at least one, since nftables knows no empty set.
std::string one_of(std::string_view fields, const std::vector<std::string>& elements) {
  std::string out = "ip6 saddr . " + std::string(fields) + " { ";
  for (const auto& element : elements)
    out += (&element == &elements.front() ? "" : ", ") + element;
  return out + " }";
}

std::string frame_rules(const Segment& segment) {
  std::vector<std::string> senders;
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
  std::vector<std::string> arp;
  for (const auto& station : segment.others) {
    const auto from = station.underlay.to_string() + " . ";
    senders.push_back(from + std::to_string(kSourcePort) + " . " + hex(station.mac));
    ipv4.push_back(from + hex(station.vip.bytes()));
    ipv6.push_back(from + hex(station.address.bytes()));
    ipv6.push_back(from + hex(station.link_local.bytes()));
    arp.push_back(from + hex(station.mac) + " . " + hex(station.vip.bytes()));
  }
  std::string out = "chain frame {\n";
  const auto rule = [&](const std::string& text) { out += text + "\n"; };
  const std::string type = std::string(kEtherType) + " ";
  if (!senders.empty()) {
    // DHCP clients read frames, before any rule for what these carry; whoever answers them becomes
    // the machine's router. Options would shift the port; no program sends any with UDP.
    const auto udp = type + "0x0800 " + std::string(kIpv4Protocol) + " 17 ";
    rule(udp + std::string(kIpv4Begin) + " != 0x45 drop");
    rule(udp + std::string(kIpv4Offset) + " & 0x1fff == 0 " + std::string(kIpv4SourcePort) +
         " 67 drop");
    rule(type + "0x86dd " + std::string(kIpv6Protocol) + " 17 " + std::string(kIpv6SourcePort) +
         " 547 drop");
    rule(type + "0x0800 " + one_of(kIpv4Source, ipv4) + " accept");
    rule(type + "0x86dd " + one_of(kIpv6Source, ipv6) + " accept");
    rule(type + "0x0806 " + one_of(kArpSender, arp) + " accept");
    // IPX of old games: Ethernet II, and framed by length, 802.3 raw or 802.2. Nothing else: a
    // VLAN's tag, say, would hide an address from the rules above.
    rule(type + "0x8137 accept");
    rule(type + "< 1501 " + std::string(kFirstWord) + " { 0xffff, 0xe0e0 } accept");
  }
  out += "drop\n}\n";
  out += "chain members {\n";
  if (!senders.empty())
    rule(one_of("udp sport . " + std::string(kSourceMac), senders) + " jump frame");
  return out + "drop\n}\n";
}

// Of a set that isn't empty.
std::string dport_rule(Transport transport, const PortSet& ports) {
  std::string elements;
  for (const auto& [each, first, last] : ports.ranges()) {
    if (each != transport) continue;
    elements += (elements.empty() ? "" : ", ") + std::to_string(first);
    if (last != first) elements += "-" + std::to_string(last);
  }
  return std::string(name_of(transport)) + " dport { " + elements + " } accept\n";
}

// Nobody's router but the machine's own. And no WireGuard within itself: its packets would go round
// and round, growing.
std::string never(const Interfaces& interfaces) {
  std::string out =
      "icmp type { redirect, router-advertisement } drop\n"
      "icmpv6 type { nd-router-advert, nd-redirect } drop\n";
  if (interfaces.listen_port != 0)
    out += "udp dport " + std::to_string(interfaces.listen_port) + " drop\n";
  return out;
}

std::string lan_rules(const Interfaces& interfaces, const Access& access) {
  std::string out = "chain lan {\n" + never(interfaces);
  if (access.all) return out + "accept\n}\n";
  out += kAnswers;
  // By number, as /etc/protocols may be missing: ICMP, IGMP, ICMPv6.
  out += "meta l4proto { 1, 2, 58 } accept\n";
  const auto ports = access.ports();
  for (const auto transport : {Transport::tcp, Transport::udp})
    out += dport_rule(transport, ports);
  return out + "drop\n}\n";
}

std::string segment_rules(const Segment& segment, const std::string& wireguard) {
  std::string out = frame_rules(segment);
  // Another party may have the same port, and its own table. Where the VNI can't be read the rule
  // doesn't match, and the datagram is ours to drop.
  out += "chain segment {\n" + std::string(kVni) + " != " + std::to_string(segment.numbers.vni) +
         " return\n" + "iifname != " + wireguard + " drop\njump members\n}\n";
  return out;
}

// What comes by the WireGuard device beside the segment: the members whose virtual IPs are there,
// or all of them, where ours is; and the agents' own.
std::string tunnel_rules(const Segment& segment, const Interfaces& interfaces) {
  const bool has_segment = !interfaces.lan.empty();
  std::string out = "chain tunnel {\n" + never(interfaces);
  if (!has_segment) out += "meta nfproto ipv4 jump lan\n";
  if (has_segment && !segment.beside.empty()) {
    out += "ip saddr { ";
    for (const auto& vip : segment.beside)
      out += (vip == *segment.beside.begin() ? "" : ", ") + vip.to_string();
    out += " } jump lan\n";
  }
  return out + std::string(kAnswers) + "meta l4proto 58 accept\nudp dport " +
         std::to_string(kAgentsPort) + " accept\ndrop\n}\n";
}

}  // namespace

std::string table_name(const Segment& segment) {
  return std::string(kTable) + std::to_string(segment.numbers.vni);
}

std::vector<std::uint32_t> segments_in(std::string_view tables) {
  std::vector<std::uint32_t> out;
  const auto begin = "table " + std::string(kTable);
  for_each_line(tables, [&](std::string_view line) {
    if (!line.starts_with(begin)) return;
    line.remove_prefix(begin.size());
    std::uint32_t vni = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), vni);
    if (error == std::errc{} && end == line.data() + line.size()) out.push_back(vni);
  });
  return out;
}

std::string removal(const Segment& segment) {
  return removal(segment.numbers.vni);
}

std::string removal(std::uint32_t vni) {
  const auto table = "table " + std::string(kTable) + std::to_string(vni);
  // Adding first: the deletion is then right whether or not there was one.
  return "add " + table + "\ndelete " + table + "\n";
}

std::string ruleset(const Segment& segment, const Interfaces& interfaces, const Access& access) {
  const bool has_segment = !interfaces.lan.empty();
  const auto wireguard = "\"" + interfaces.wireguard + "\"";
  const auto lan = "\"" + interfaces.lan + "\"";
  std::string out = removal(segment) + "table " + table_name(segment) + " {\n";
  if (has_segment) out += segment_rules(segment, wireguard);
  out += lan_rules(interfaces, access) + tunnel_rules(segment, interfaces);
  // `ct` above has fragments joined before they come here, of IPv6 too.
  out += "chain input {\ntype filter hook input priority -300; policy accept;\n";
  if (has_segment)
    out += "udp dport " + std::to_string(segment.numbers.port) + " jump segment\n" + "iifname " +
           lan + " jump lan\n";
  out += "iifname " + wireguard + " jump tunnel\n}\n";
  out += "chain forward {\ntype filter hook forward priority -300; policy accept;\niifname { " +
         wireguard + (has_segment ? ", " + lan : "") +
         " } ct state != { established, related } drop\n}\n";
  return out + "}\n";
}

}  // namespace lanrage::lan
