// Each finding, from facts that a test makes up.
#include "agent/doctor.hpp"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "agent/http_date.hpp"

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;
using enum FindingStatus;

enum class TestErrc { pin_mismatch, server_unreachable };
constexpr std::string_view name_of(TestErrc e) {
  return e == TestErrc::pin_mismatch ? "pin_mismatch" : "server_unreachable";
}

FirewallRules rules_with(const std::string& more) {
  auto rules = FirewallRules::parse(R"({"nftables":[{"metainfo":{}})" + more + "]}");
  EXPECT_TRUE(rules) << more;
  return std::move(*rules);
}

std::string chain(const std::string& hook, const std::string& policy) {
  return R"(,{"chain":{"family":"inet","table":"mine","name":")" + hook +
         R"(","type":"filter","hook":")" + hook + R"(","prio":0,"policy":")" + policy + R"("}})";
}
std::string rule(const std::string& in, const std::string& statements) {
  return R"(,{"rule":{"family":"inet","table":"mine","chain":")" + in + R"(","handle":7,"expr":[)" +
         statements + "]}}";
}
const std::string kEstablished =
    R"({"match":{"op":"==","left":{"ct":{"key":"state"}},"right":"established"}},{"accept":null})";
const std::string kFromTunnel =
    R"({"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"lanrage0"}})";
const std::string kUdp = R"({"match":{"op":"==","left":{"meta":{"key":"l4proto"}},"right":"udp"}})";

PartyFacts party() {
  return {"fun",  "lanrage0", *Prefix::parse("10.66.0.0/16"), *IpAddress::parse("10.66.0.1"),
          50'000, true,       MtuFacts{"bob", 1420, 1420}};
}

NetworkReport network() {
  NetworkReport out;
  const auto stun = *Endpoint::parse("203.0.113.10:3478");
  const auto relay = *Endpoint::parse("203.0.113.10:51820");
  out.nat.type = stun::NatType::port_restricted_cone;
  out.nat.udp = true;
  out.nat.public_endpoint = Endpoint::parse("198.51.100.7:50000");
  out.nat.answers = {{stun, {}, 12'300us}};
  out.asked = {stun};
  out.relays = {{"home", "eu", {relay}, true, 12'300us}};
  return out;
}

// A machine on which all is well.
DoctorFacts healthy() {
  DoctorFacts out;
  out.net_admin = out.net_raw = true;
  out.wireguard_go = true;
  out.servers = {{.url = "https://203.0.113.10:8667",
                  .pinned = true,
                  .error = std::nullopt,
                  .clock_ahead = 300ms,
                  .network = network()}};
  out.parties = {party()};
  out.routes = {{*Prefix::parse("0.0.0.0/0"), "eth0"},
                {*Prefix::parse("192.168.1.0/24"), "eth0"},
                {*Prefix::parse("10.66.0.0/16"), "lanrage0"}};
  out.uplink = out.uplink6 = "eth0";
  out.firewall.rules = rules_with("");
  return out;
}

std::vector<Finding> of(const DoctorFacts& facts, const std::string& check) {
  auto all = diagnose(facts);
  std::erase_if(all, [&](const Finding& finding) { return finding.check != check; });
  return all;
}

Finding only(const DoctorFacts& facts, const std::string& check) {
  const auto found = of(facts, check);
  EXPECT_EQ(found.size(), 1u) << check;
  return found.empty() ? Finding{} : found.front();
}

void expect(const Finding& finding, FindingStatus status, const std::string& detail,
            const std::string& advice = "") {
  EXPECT_EQ(finding.status, status) << finding.detail;
  EXPECT_NE(finding.detail.find(detail), std::string::npos) << finding.detail;
  EXPECT_NE(finding.advice.find(advice), std::string::npos) << finding.advice;
  EXPECT_EQ(finding.advice.empty(), status == ok) << finding.detail << ": " << finding.advice;
}

TEST(Doctor, AHealthyMachineHasOneGoodFindingOfEachCheck) {
  const auto findings = diagnose(healthy());
  std::vector<std::string> checks;
  for (const auto& finding : findings) {
    checks.push_back(finding.check);
    EXPECT_EQ(finding.status, ok) << finding.check << ": " << finding.detail;
    EXPECT_EQ(finding.advice, "") << finding.check;
    EXPECT_FALSE(finding.detail.ends_with('.')) << finding.detail;
  }
  EXPECT_EQ(checks, (std::vector<std::string>{"agent", "privileges", "wireguard", "tun", "server",
                                              "clock", "udp", "relay", "nat", "ipv6", "port",
                                              "firewall", "routes", "mtu"}));
}

TEST(Doctor, Agent) {
  auto facts = healthy();
  facts.agent_warnings = {"state.json was damaged"};
  facts.dormant_parties = 1;
  const auto found = of(facts, "agent");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], warning, "state.json was damaged");
  expect(found[1], problem, "no network device can be made for 1 party");
  facts.agent_problem = "no agent answers";
  expect(only(facts, "agent"), problem, "no agent answers", "lanrage daemon");
}

TEST(Doctor, Privileges) {
  auto facts = healthy();
  facts.net_raw = false;
  expect(only(facts, "privileges"), problem, "the agent lacks CAP_NET_RAW", "root");
  facts.net_admin = false;
  facts.agent_problem = "no agent answers";
  expect(only(facts, "privileges"), warning, "you lack CAP_NET_ADMIN, CAP_NET_RAW", "sudo");
}

TEST(Doctor, WireguardAndTun) {
  auto facts = healthy();
  facts.tun_problem = "No such file or directory";
  expect(only(facts, "tun"), problem, "No such file", "modprobe tun");
  facts.wireguard_go = false;
  expect(only(facts, "wireguard"), problem, "neither", "apt install wireguard-go");
  facts.kernel_wireguard = true;
  expect(only(facts, "wireguard"), ok, "the kernel has");
  expect(only(facts, "tun"), ok, "not needed");
  facts.userspace_only = true;
  expect(only(facts, "wireguard"), problem, "neither");
  facts.userspace_only = facts.kernel_wireguard = false;
  facts.kernel_only = facts.wireguard_go = true;
  expect(only(facts, "wireguard"), problem, "no WireGuard", "--wireguard userspace");
}

TEST(Doctor, Server) {
  auto facts = healthy();
  facts.servers[0].network.reset();
  facts.servers[0].error = Error(TestErrc::pin_mismatch, "not the server that the invite names");
  expect(only(facts, "server"), problem, "https://203.0.113.10:8667: not the server", "the pin");
  EXPECT_TRUE(of(facts, "udp").empty());
  facts.servers[0].error = Error(TestErrc::server_unreachable, "refused");
  expect(only(facts, "server"), problem, "refused", "ask the host");
  facts.servers.clear();
  expect(only(facts, "server"), ok, "you are in no party");
  expect(only(facts, "clock"), ok, "not compared");
}

TEST(Doctor, Clock) {
  auto facts = healthy();
  const auto clock = [&](Duration ahead) {
    facts.servers[0].clock_ahead = ahead;
    return only(facts, "clock");
  };
  expect(clock(kClockWarning - 1s), ok, "agrees");
  expect(clock(90s), warning, "is 90 s behind https://203.0.113.10:8667", "timedatectl");
  expect(clock(-5min), warning, "is 5 min ahead of");
  expect(clock(kClockProblem), problem, "certificate");
  expect(clock(-50h), problem, "is 50 h ahead of", "timedatectl");
}

TEST(Doctor, AFakeDateMovesTheClock) {
  using std::chrono::sys_days;
  const UnixTime sent = sys_days(std::chrono::year(2026) / 11 / 23) + 19h + 44min;
  const auto ahead = [&](const char* date) { return clock_ahead(date, sent, sent + 1s); };
  EXPECT_EQ(ahead("Mon, 23 Nov 2026 19:44:00 GMT"), Duration(0));
  EXPECT_EQ(ahead("Mon, 23 Nov 2026 19:34:00 GMT"), -10min);
  EXPECT_EQ(ahead("Tue, 24 Nov 2026 19:44:00 GMT"), 24h);
  EXPECT_FALSE(clock_ahead("Mon, 23 Nov 2026 19:44:00 GMT", sent, sent - 1s))
      << "our clock was set meanwhile";
  EXPECT_EQ(clock_by_date("Mon, 23 Nov 2026 19:44:00 GMT"), sent + 500ms);
  EXPECT_FALSE(clock_by_date(""));
  for (const auto* wrong : {"", "Mon, 23 Nov 2026 19:44:00 CET", "Mon, 31 Feb 2026 19:44:00 GMT",
                            "Mon, 23 Nov 2026 29:44:00 GMT", "Mon, 23 Nov 2026 19:44:0x GMT",
                            "Mon, 23 nov 2026 19:44:00 GMT", "Monday, 23-Nov-26 19:44:00 GMT"})
    EXPECT_FALSE(parse_http_date(wrong)) << wrong;
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), UnixTime(784111777s));
}

TEST(Doctor, Udp) {
  auto facts = healthy();
  auto& seen = *facts.servers[0].network;
  seen.asked.push_back(*Endpoint::parse("203.0.113.11:3478"));
  expect(only(facts, "udp"), warning, "no answer from STUN at 203.0.113.11:3478", "3478");
  seen.nat = {};
  seen.relays[0].answers = false;
  expect(only(facts, "udp"), problem, "203.0.113.10:3478, 203.0.113.11:3478", "51820");
  EXPECT_TRUE(of(facts, "nat").empty()) << "nothing is known of it";
  expect(only(facts, "relay"), problem, "\"home\" (eu) doesn't answer at 203.0.113.10:51820");
  seen = {};
  expect(only(facts, "udp"), warning, "names no UDP service");
}

TEST(Doctor, Relays) {
  auto facts = healthy();
  auto& seen = *facts.servers[0].network;
  expect(only(facts, "relay"), ok, "\"home\" (eu) answers in 12.3 ms");
  seen.relays.push_back({"far", "", {*Endpoint::parse("203.0.113.20:51820")}, false, std::nullopt});
  auto found = of(facts, "relay");
  ASSERT_EQ(found.size(), 2u);
  expect(found[1], warning, "\"far\" doesn't answer at 203.0.113.20:51820", "UDP");
  seen.relays[0].answers = false;
  found = of(facts, "relay");
  expect(found[0], problem, "doesn't answer");
  seen.relays.clear();
  expect(only(facts, "relay"), warning, "has no relay", "role relay");
}

TEST(Doctor, Nat) {
  auto facts = healthy();
  auto& nat = facts.servers[0].network->nat;
  expect(only(facts, "nat"), ok,
         "port_restricted_cone (seen from outside as 198.51.100.7:50000): direct paths work");
  for (const auto type :
       {stun::NatType::open, stun::NatType::full_cone, stun::NatType::restricted_cone}) {
    nat.type = type;
    expect(only(facts, "nat"), ok, std::string(stun::name_of(type)));
  }
  nat.type = stun::NatType::symmetric;
  expect(only(facts, "nat"), warning, "else the relay carries", "UPnP");
  nat.type = stun::NatType::unknown;
  expect(only(facts, "nat"), warning, "could not be told", "again");
}

TEST(Doctor, Ipv6) {
  auto facts = healthy();
  facts.ipv6_address = true;
  expect(only(facts, "ipv6"), warning, "no route");
  facts.ipv6_route = true;
  expect(only(facts, "ipv6"), ok, "no server was reached by it");

  // A server with both families.
  auto& seen = *facts.servers[0].network;
  const auto stun6 = *Endpoint::parse("[2001:db8::10]:3478");
  seen.asked.push_back(stun6);
  seen.relays[0].endpoints.push_back(*Endpoint::parse("[2001:db8::10]:51820"));
  expect(only(facts, "ipv6"), warning,
         "no UDP comes back by it: asked [2001:db8::10]:3478, [2001:db8::10]:51820", "firewall");
  expect(only(facts, "udp"), ok, "gets out");
  const auto ipv4 = seen.nat.answers;
  seen.nat.answers.push_back({stun6, {}, 12'300us});
  expect(only(facts, "ipv6"), ok, "UDP gets out by it and back");
  // IPv6 alone is no fault of UDP's either, but its silence is.
  seen.asked = {stun6};
  seen.nat.answers = {{stun6, {}, 12'300us}};
  expect(only(facts, "udp"), ok, "gets out");
  seen.nat.answers.clear();
  seen.nat.udp = false;
  expect(only(facts, "udp"), problem, "no UDP comes back");
  expect(only(facts, "ipv6"), ok, "no server was reached by it");
}

TEST(Doctor, PortMappings) {
  auto facts = healthy();
  facts.servers[0].network->nat.type = stun::NatType::symmetric;
  facts.parties[0].mapping = MappingFacts{"PCP", Endpoint::parse("198.51.100.7:40123")};
  auto found = of(facts, "nat");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], ok, "directly all the same, since the router forwards a port");
  expect(found[1], ok, "the port of \"fun\" (by PCP): others reach it at 198.51.100.7:40123");
  facts.parties[0].mapping->from.reset();
  found = of(facts, "nat");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], warning, "symmetric", "UPnP");
  expect(found[1], warning, "another router in front", "forward");
}

TEST(Doctor, FirewallsOfIpv6) {
  auto facts = healthy();
  facts.ipv6_address = facts.ipv6_route = true;
  const auto of_family = [](const std::string& family, const std::string& table,
                            const std::string& name, const std::string& hook) {
    return R"(,{"chain":{"family":")" + family + R"(","table":")" + table + R"(","name":")" + name +
           R"(","type":"filter","hook":")" + hook + R"(","prio":0,"policy":"drop"}})";
  };
  facts.firewall.rules = rules_with(of_family("ip6", "mine", "in", "input"));
  expect(only(facts, "firewall"), warning,
         "incoming IPv6 UDP to port 50000 is dropped by table ip6",
         "`nft insert rule ip6 mine in udp dport 50000 accept`");
  facts.firewall.rules = rules_with(of_family("ip6", "filter", "OUTPUT", "output"));
  expect(only(facts, "firewall"), warning, "outgoing IPv6 UDP is dropped",
         "`ip6tables -I OUTPUT -p udp -j ACCEPT`");
  // What drops both families is said once.
  facts.firewall.rules = rules_with(chain("input", "drop") + rule("input", kEstablished) +
                                    rule("input", kFromTunnel + R"(,{"accept":null})"));
  expect(only(facts, "firewall"), warning, "incoming UDP to port 50000 from somebody new");
  facts.ipv6_route = false;
  facts.firewall.rules = rules_with(of_family("ip6", "mine", "in", "input"));
  expect(only(facts, "firewall"), ok, "through");
}

TEST(Doctor, OwnPort) {
  auto facts = healthy();
  facts.parties[0].port_bound = false;
  expect(only(facts, "port"), problem, "UDP port 50000 of \"fun\" isn't bound", "restart");
  const std::string table =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
      "  123: 0100007F:C350 00000000:0000 07 00000000:00000000 00:00000000 00000000 0\n"
      "  124: 00000000000000000000000000000000:0035 0000:C351 07 0:0 0:0 0 0\n";
  EXPECT_TRUE(is_udp_port_bound(table, 50'000));
  EXPECT_TRUE(is_udp_port_bound(table, 53));
  EXPECT_FALSE(is_udp_port_bound(table, 50'001)) << "that is the other end's";
  EXPECT_FALSE(is_udp_port_bound("", 53));
}

TEST(Doctor, FirewallThatDropsAllUdp) {
  auto facts = healthy();
  facts.firewall.rules =
      rules_with(chain("input", "accept") + rule("input", kUdp + R"(,{"drop":null})"));
  const auto found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], problem,
         "all incoming UDP to port 50000 is dropped by table inet mine, chain input, rule with "
         "handle 7: the tunnel of \"fun\" can't work",
         "`nft insert rule inet mine input udp dport 50000 accept`");
  expect(found[1], problem, "traffic of \"fun\" that comes in by lanrage0",
         "`nft insert rule inet mine input iifname \"lanrage0\" accept`");
}

TEST(Doctor, FirewallThatLetsInOnlyWhatIsEstablished) {
  auto facts = healthy();
  facts.firewall.rules = rules_with(chain("input", "drop") + rule("input", kEstablished) +
                                    rule("input", kFromTunnel + R"(,{"accept":null})"));
  expect(only(facts, "firewall"), warning, "from somebody new is dropped",
         "nft insert rule inet mine input udp dport 50000 accept");
}

TEST(Doctor, FirewallThatDropsPingsAlone) {
  auto facts = healthy();
  facts.firewall.rules = rules_with(
      chain("input", "accept") +
      rule("input", R"({"match":{"op":"==","left":{"meta":{"key":"l4proto"}},"right":"icmp"}},)"
                    R"({"drop":null})"));
  expect(only(facts, "firewall"), warning, "ping that comes in by lanrage0 is dropped");
}

TEST(Doctor, FirewallThatLetsNothingOut) {
  auto facts = healthy();
  facts.firewall.rules = rules_with(chain("output", "drop"));
  expect(only(facts, "firewall"), problem, "outgoing UDP to port 3478 is dropped",
         "nft insert rule inet mine output udp dport 3478 accept");
  facts.parties.clear();
  expect(only(facts, "firewall"), problem, "outgoing UDP to port 3478");
  facts.firewall.rules = rules_with("");
  expect(only(facts, "firewall"), ok, "lets UDP out");
  facts = healthy();
  facts.firewall.rules =
      rules_with(chain("output", "accept") +
                 rule("output", R"({"match":{"op":"==","left":{"meta":{"key":"oifname"}},)"
                                R"("right":"lanrage0"}},{"drop":null})"));
  expect(only(facts, "firewall"), problem, "that goes out by lanrage0", "oifname \"lanrage0\"");
}

TEST(Doctor, FirewallIsThatOfTheDefaultRouteInUse) {
  const auto drops_from = [](const std::string& interface) {
    return rules_with(
        chain("input", "accept") +
        rule("input", R"({"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":")" +
                          interface + R"("}},)" + kUdp + R"(,{"drop":null})"));
  };
  for (const std::size_t place : {0u, 1u}) {  // whatever the order of routes
    auto facts = healthy();
    facts.routes.insert(facts.routes.begin() + static_cast<std::ptrdiff_t>(place),
                        {*Prefix::parse("0.0.0.0/0"), "wlan0"});
    facts.firewall.rules = drops_from("wlan0");
    expect(only(facts, "firewall"), ok,
           "through (\"fun\"); by wlan0 (not in use now) UDP would be dropped");
    facts.firewall.rules = drops_from("eth0");
    expect(only(facts, "firewall"), problem, "all incoming UDP to port 50000 is dropped",
           "nft insert rule");
    facts.firewall.rules = rules_with("");
    EXPECT_TRUE(only(facts, "firewall").detail.ends_with("through (\"fun\")"));
  }
  // IPv6 may leave by another interface.
  auto facts = healthy();
  facts.ipv6_address = facts.ipv6_route = true;
  facts.uplink6 = "wlan0";
  facts.firewall.rules = drops_from("wlan0");
  expect(only(facts, "firewall"), warning, "incoming IPv6 UDP to port 50000 is dropped", "nft");
}

// The commands are those of whoever made the rules.
TEST(Doctor, FirewallsByTheirOwners) {
  auto facts = healthy();
  const auto file = [](const std::string& name) {
    std::ifstream in(std::string(LANRAGE_TEST_DATA) + "/firewall/" + name);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  };
  facts.firewall.rules = std::move(*FirewallRules::parse(file("firewalld.json")));
  auto found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], warning, "filter_IN_public",
         "firewall-cmd --permanent --zone=public --add-port=50000/udp");
  expect(found[1], problem, "lanrage0", "--zone=trusted --add-interface=lanrage0");

  facts.firewall.rules = std::move(*FirewallRules::parse(file("iptables.json")));
  found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], warning, "may be dropped", "iptables -I INPUT -p udp --dport 50000 -j ACCEPT");
  expect(found[1], warning, "lanrage0", "iptables -I INPUT -i lanrage0 -j ACCEPT");

  facts.firewall.ufw = true;
  facts.firewall.ufw_input_policy = "DROP";
  found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], warning, "is dropped by ufw", "`ufw allow 50000/udp`");
  expect(found[1], problem, "is dropped by ufw", "`ufw allow in on lanrage0`");
  facts.firewall.ufw_rules = "### tuple ### allow any any 0.0.0.0/0 any 0.0.0.0/0 in\n";
  expect(only(facts, "firewall"), ok, "lets UDP port 50000 and lanrage0 through");
}

TEST(Doctor, FirewallsThatCantBeRead) {
  auto facts = healthy();
  facts.firewall.legacy_iptables = true;
  const auto found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[1], warning, "old iptables", "iptables-legacy -S");
  facts.firewall.rules.reset();
  facts.firewall.unreadable = "Operation not permitted";
  expect(only(facts, "firewall"), warning, "Operation not permitted", "root");
}

TEST(Doctor, Routes) {
  auto facts = healthy();
  facts.routes.push_back({*Prefix::parse("10.66.7.0/24"), "tun0"});
  expect(only(facts, "routes"), problem,
         "the route to 10.66.7.0/24 on tun0 takes traffic that is for 10.66.0.0/16 of \"fun\"",
         "`ip route del 10.66.7.0/24 dev tun0`");
  facts.routes.back() = {*Prefix::parse("10.66.0.0/16"), "docker0"};
  expect(only(facts, "routes"), problem, "10.66.0.0/16 on docker0", "--prefix");
  facts.routes.back() = {*Prefix::parse("10.0.0.0/8"), "wg0"};
  expect(only(facts, "routes"), warning, "lies in the network 10.0.0.0/8 on wg0", "--prefix");
  facts.routes.back() = {*Prefix::parse("0.0.0.0/1"), "tun0"};
  expect(only(facts, "routes"), ok, "no other network");
  facts.routes.back() = {*Prefix::parse("10.67.0.0/16"), "tun0"};
  expect(only(facts, "routes"), ok, "no other network");
  facts.parties.clear();
  EXPECT_TRUE(of(facts, "routes").empty());
}

TEST(Doctor, Mtu) {
  auto facts = healthy();
  facts.parties[0].mtu->works = 1380;
  expect(only(facts, "mtu"), problem, "more than 1380 bytes don't get to \"bob\"",
         "`ip link set dev lanrage0 mtu 1380`");
  facts.parties[0].mtu->works.reset();
  expect(only(facts, "mtu"), warning, "\"bob\" answers no echo", "ICMP");
  facts.parties[0].mtu.reset();
  expect(only(facts, "mtu"), ok, "nobody is connected");
}

}  // namespace
}  // namespace lanrage::agent
