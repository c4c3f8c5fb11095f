#include <algorithm>

#include "agent/doctor.hpp"
#include "agent/doctor_text.hpp"
#include "agent/ufw_rules.hpp"
#include "lan/rules.hpp"

namespace lanrage::agent {
namespace {

using enum FindingStatus;

// Any address of the internet does, and any port that no rule is likely to name.
const IpAddress kSomewhere = IpAddress::v4(0x09090909);
const IpAddress kSomewhere6 = *IpAddress::parse("2620:fe::9");
constexpr std::uint16_t kAnyPort = 42'424;  // one that Linux gives to clients
constexpr std::uint16_t kGamePort = 27'015;
constexpr std::uint16_t kRelayPort = 51'820;
constexpr const char* kNoLan = "games find nobody, and reach nobody";
constexpr std::string_view kUfwWithoutIpv6 = "ufw, which is set to let no IPv6 through";
constexpr std::string_view kSwitchIpv6On =
    "set IPV6=yes in /etc/default/ufw, then `ufw disable`, `ufw enable` and ";

// As the end of a list.
std::string devices_of(const PartyFacts& party) {
  if (!party.segment) return " and " + party.interface;
  return ", " + party.interface + " and " + party.lan_interface;
}

// What a question was about, for the words and the command that belong to it.
struct Subject {
  std::string what;         // "incoming UDP to port 50000"
  std::string consequence;  // what it means for players
  std::string nft;          // the statement that lets it through, up to the verdict
  std::string iptables;     // the same
  std::string ufw;          // what follows "ufw allow"
  std::string firewalld;    // what follows "firewall-cmd"
};

// All that comes in by a device.
Subject coming_in_by(const std::string& device, std::string what, std::string consequence) {
  return {what + " that comes in by " + device,
          std::move(consequence),
          "iifname \"" + device + "\"",
          "-i " + device,
          "in on " + device,
          "--zone=trusted --add-interface=" + device};
}

// All that goes out by a device; `family` for firewalld: "ipv4".
Subject going_out_by(const std::string& device, const std::string& family, std::string what,
                     std::string consequence) {
  return {what + " that goes out by " + device,
          std::move(consequence),
          "oifname \"" + device + "\"",
          "-o " + device,
          "out on " + device,
          "--direct --add-rule " + family + " filter OUTPUT 0 -o " + device + " -j ACCEPT"};
}

std::string chain_of(const std::string& hook_chain, bool incoming) {
  return hook_chain.empty() ? (incoming ? "INPUT" : "OUTPUT") : hook_chain;
}

// firewalld names the chain after the zone that it is made of; without --zone the default one is
// changed, which need not be that.
std::string zone_for(const Subject& subject, const FirewallVerdict& verdict) {
  constexpr std::string_view kZone = "filter_IN_";
  if (!subject.firewalld.starts_with("--add-port") || !verdict.chain.starts_with(kZone)) return "";
  auto zone = verdict.chain.substr(kZone.size());
  for (const std::string_view part : {"_allow", "_deny", "_log", "_pre", "_post"})
    if (zone.ends_with(part)) zone.resize(zone.size() - part.size());
  return "--zone=" + zone + " ";
}

std::string advice_for(const Subject& subject, const FirewallVerdict& verdict, bool incoming) {
  switch (verdict.owner) {
    case FirewallOwner::ufw:
      return std::string(verdict.place == kUfwWithoutIpv6 ? kSwitchIpv6On : "") + "`ufw allow " +
             subject.ufw + "`";
    case FirewallOwner::firewalld:
      return "`firewall-cmd --permanent " + zone_for(subject, verdict) + subject.firewalld +
             " && firewall-cmd --reload`";
    case FirewallOwner::iptables:
      return (verdict.family == "ip6" ? "`ip6tables -I " : "`iptables -I ") +
             chain_of(verdict.base_chain, incoming) + " " + subject.iptables + " -j ACCEPT`";
    case FirewallOwner::nftables:
      break;
  }
  return "`nft insert rule " + verdict.family + " " + verdict.table + " " + verdict.base_chain +
         " " + subject.nft + " accept`, and the same in /etc/nftables.conf to keep it";
}

class Examination {
 public:
  explicit Examination(const DoctorFacts& facts) : facts_(facts), uplink_(facts.uplink) {}

  FirewallVerdict judge(const FirewallPacket& packet) const {
    auto verdict = facts_.firewall.rules->judge(packet);
    const bool by_ufw = facts_.firewall.ufw && (verdict.owner == FirewallOwner::ufw ||
                                                verdict.owner == FirewallOwner::iptables);
    if (verdict.passage == Passage::open || !by_ufw) return verdict;
    const bool without_ipv6 = packet.is_v6() && !facts_.firewall.ufw_ipv6;
    if (!packet.incoming && !without_ipv6) return verdict;
    if (without_ipv6) {
      verdict.owner = FirewallOwner::ufw;
      verdict.place = std::string(kUfwWithoutIpv6);
      return verdict;
    }
    verdict.owner = FirewallOwner::ufw;
    verdict.place = "ufw";
    const auto& rules = packet.is_v6() ? facts_.firewall.ufw_rules6 : facts_.firewall.ufw_rules;
    verdict.passage = ufw_passage(rules, facts_.firewall.ufw_input_policy, packet);
    return verdict;
  }

  // Adds what there is to say; false when the packet passes.
  bool report(const FirewallPacket& packet, const Subject& subject, FindingStatus status,
              std::vector<Finding>& out) const {
    const auto verdict = judge(packet);
    if (verdict.passage == Passage::open) return false;
    const bool sure = verdict.passage == Passage::blocked;
    out.push_back({"firewall", sure ? status : warning,
                   subject.what + (sure ? " is dropped by " : " may be dropped by ") +
                       verdict.place + ": " + subject.consequence,
                   advice_for(subject, verdict, packet.incoming)});
    return true;
  }

  // Ours: from the internet to WireGuard's port.
  void incoming(const PartyFacts& party, std::vector<Finding>& out) const {
    auto packet = to_port(party);
    const auto port = std::to_string(party.port);
    Subject subject{"all incoming UDP to port " + port,
                    "the tunnel of \"" + party.name + "\" can't work",
                    "udp dport " + port,
                    "-p udp --dport " + port,
                    port + "/udp",
                    "--add-port=" + port + "/udp"};
    if (judge(packet).passage == Passage::blocked) {
      report(packet, subject, problem, out);
      return;
    }
    packet.established = false;
    subject.what = "incoming UDP to port " + port + " from somebody new";
    subject.consequence =
        "some direct paths of \"" + party.name + "\" will take longer, or the relay stays";
    report(packet, subject, warning, out);
  }

  // Of IPv6, what isn't said by the same rule of IPv4 already: the rest goes on without it.
  void by_ipv6(const PartyFacts* party, std::vector<Finding>& out) const {
    if (!facts_.ipv6_address || !facts_.ipv6_route) return;
    for (const bool comes : {true, false}) {
      if (comes && party == nullptr) continue;
      const auto port = party != nullptr ? party->port : kAnyPort;
      FirewallPacket packet{.incoming = comes,
                            .interface = uplink_,
                            .protocol = "udp",
                            .source = kSomewhere,
                            .destination = kSomewhere,
                            .source_port = comes ? kAnyPort : port,
                            .destination_port = comes ? port : kAnyPort,
                            .established = false};
      const auto by_ipv4 = judge(packet);
      packet.source = packet.destination = kSomewhere6;
      if (!facts_.uplink6.empty()) packet.interface = facts_.uplink6;
      const auto verdict = judge(packet);
      if (by_ipv4.passage != Passage::open && by_ipv4.place == verdict.place) continue;
      const auto number = std::to_string(port);
      const Subject subject{comes ? "incoming IPv6 UDP to port " + number : "outgoing IPv6 UDP",
                            comes ? "some direct paths by IPv6 will take longer, or fail"
                                  : "there will be no direct paths by IPv6",
                            comes ? "udp dport " + number : "meta l4proto udp",
                            comes ? "-p udp --dport " + number : "-p udp",
                            comes ? number + "/udp" : "out proto udp to any",
                            comes ? "--add-port=" + number + "/udp"
                                  : "--direct --add-rule ipv6 filter OUTPUT 0 -p udp -j ACCEPT"};
      report(packet, subject, warning, out);
    }
  }

  // Of other default routes, those by which WireGuard's packets wouldn't come in; empty when there
  // is nothing to tell of them.
  std::string closed_elsewhere(const PartyFacts& party) const {
    std::vector<std::string> closed;
    for (const auto& route : facts_.routes) {
      if (route.destination.length != 0 || route.interface == uplink_) continue;
      if (std::ranges::find(closed, route.interface) != closed.end()) continue;
      auto packet = to_port(party);
      packet.interface = route.interface;
      if (judge(packet).passage == Passage::blocked) closed.push_back(route.interface);
    }
    if (closed.empty()) return "";
    return "; by " + join(closed) + " (not in use now) UDP would be dropped";
  }

  // Between members' machines, by the WireGuard device: the LAN's frames, and the agents' word.
  void tunnelled(const PartyFacts& party, std::vector<Finding>& out) const {
    if (!party.segment) return;
    FirewallPacket packet{.incoming = true,
                          .interface = party.interface,
                          .protocol = "udp",
                          .source = neighbour_of(party.segment->self),
                          .destination = party.segment->self,
                          .source_port = lan::kSourcePort,
                          .destination_port = party.segment->port,
                          .established = false};  // answers come to the same port, not to 868
    const auto frames =
        quoted(party.name) + "'s LAN (UDP port " + std::to_string(party.segment->port) + ")";
    if (report(packet, coming_in_by(party.interface, frames, kNoLan), problem, out)) return;
    auto sent = packet;
    sent.incoming = false;
    std::swap(sent.source, sent.destination);
    if (report(sent, going_out_by(party.interface, "ipv6", frames, kNoLan), problem, out)) return;
    packet.source_port = packet.destination_port = lan::kAgentsPort;
    packet.established = true;  // both sides speak first, from that port
    report(packet,
           coming_in_by(party.interface, "UDP to port " + std::to_string(lan::kAgentsPort),
                        "members' agents can't tell yours what the server withholds"),
           problem, out);
  }

  // By the device that games see.
  void games(const PartyFacts& party, std::vector<Finding>& out) const {
    const auto from = [&](std::string what, std::string consequence) {
      return coming_in_by(party.lan_interface, std::move(what), std::move(consequence));
    };
    FirewallPacket packet{.incoming = true,
                          .interface = party.lan_interface,
                          .protocol = "udp",
                          .source = neighbour_of(party),
                          .destination = party.vip,
                          .source_port = kAnyPort,
                          .destination_port = kGamePort,
                          .established = false};
    for (const auto* protocol : {"udp", "tcp"}) {
      packet.protocol = protocol;
      if (report(
              packet,
              from("traffic of " + quoted(party.name), "friends can't reach games that you host"),
              problem, out))
        return;
    }
    // To conntrack they are no answers, since they come from another address than was asked.
    auto answer = packet;
    answer.protocol = "udp";
    std::swap(answer.source_port, answer.destination_port);
    if (report(answer,
               from("what answers a broadcast", "you don't find the games that friends host"),
               problem, out))
      return;
    auto question = answer;
    question.destination = lan::broadcast_of(party.prefix);
    question.destination_port = kGamePort;
    question.broadcast = true;
    if (report(question, from("any broadcast", "friends don't find the games that you host"),
               problem, out))
      return;
    packet.protocol = "icmp";
    if (judge(packet).passage == Passage::blocked)
      report(packet, from("ping", "friends can't measure the path to you"), warning, out);
  }

  void outgoing(const PartyFacts* party, std::vector<Finding>& out) const {
    FirewallPacket packet{.incoming = false,
                          .interface = uplink_,
                          .protocol = "udp",
                          .source = kSomewhere,
                          .destination = kSomewhere,
                          .source_port = party != nullptr ? party->port : kAnyPort,
                          .destination_port = 0,
                          .established = false};
    for (const std::uint16_t port : {std::uint16_t{3478}, kRelayPort, kAnyPort}) {
      packet.destination_port = port;
      const bool any = port == kAnyPort;
      const auto number = std::to_string(port);
      const Subject subject{
          any ? "outgoing UDP to other players" : "outgoing UDP to port " + number,
          any ? "there will be no direct paths" : "the server's STUN and relays can't be reached",
          any ? "meta l4proto udp" : "udp dport " + number,
          any ? "-p udp" : "-p udp --dport " + number,
          any ? "out proto udp to any" : "out " + number + "/udp",
          "--direct --add-rule ipv4 filter OUTPUT 0 -p udp -j ACCEPT"};
      if (report(packet, subject, any ? warning : problem, out)) return;
    }
    if (party == nullptr) return;
    packet.interface = party->lan_interface;
    packet.source = party->vip;
    packet.destination = neighbour_of(*party);
    report(packet,
           going_out_by(party->lan_interface, "ipv4", "traffic of " + quoted(party->name),
                        "you can't reach your friends' games"),
           problem, out);
  }

 private:
  // The relay's, on the flow that is open to it.
  FirewallPacket to_port(const PartyFacts& party) const {
    return {.incoming = true,
            .interface = uplink_,
            .protocol = "udp",
            .source = kSomewhere,
            .destination = kSomewhere,
            .source_port = kRelayPort,
            .destination_port = party.port,
            .established = true};
  }
  static IpAddress neighbour_of(const PartyFacts& party) {
    const auto first = party.prefix.address.v4_value() + 1;
    return IpAddress::v4(party.vip.v4_value() == first ? first + 1 : first);
  }
  static IpAddress neighbour_of(const IpAddress& agent) {
    auto bytes = ByteReader(agent.bytes()).array<16>();
    bytes.back() ^= 1;
    return IpAddress::v6(bytes);
  }

  const DoctorFacts& facts_;
  std::string uplink_;
};

}  // namespace

std::vector<Finding> firewall_findings(const DoctorFacts& facts) {
  const auto& firewall = facts.firewall;
  std::vector<Finding> out;
  if (!firewall.rules) {
    out.push_back({"firewall", warning, "its rules can't be read: " + firewall.unreadable,
                   "run the agent as root; `nft list ruleset` shows them to you"});
    return out;
  }
  const Examination examination(facts);
  for (const auto& party : facts.parties) {
    const auto before = out.size();
    examination.incoming(party, out);
    examination.tunnelled(party, out);
    examination.games(party, out);
    examination.outgoing(&party, out);
    examination.by_ipv6(&party, out);
    if (out.size() == before)
      out.push_back({"firewall", ok,
                     "lets UDP port " + std::to_string(party.port) + devices_of(party) +
                         " through (\"" + party.name + "\")" + examination.closed_elsewhere(party),
                     ""});
  }
  if (facts.parties.empty()) {
    examination.outgoing(nullptr, out);
    examination.by_ipv6(nullptr, out);
    if (out.empty()) out.push_back({"firewall", ok, "lets UDP out", ""});
  }
  if (firewall.legacy_iptables)
    out.push_back({"firewall", warning,
                   "there are rules of the old iptables besides, which can't be read here",
                   "`iptables-legacy -S` shows them; they must let the same through"});
  return out;
}

}  // namespace lanrage::agent
