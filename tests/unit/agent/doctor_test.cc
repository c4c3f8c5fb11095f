// Each finding, from facts that a test makes up; those of the firewall are in
// doctor_firewall_test.cc.
#include "agent/doctor.hpp"

#include <gtest/gtest.h>

#include "agent/http_date.hpp"
#include "doctor_fixture.hpp"

namespace lanrage::agent::test {
namespace {

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
                                              "clock", "udp", "relay", "nat", "ipv6", "port", "lan",
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

TEST(Doctor, Lan) {
  auto facts = healthy();
  expect(only(facts, "lan"), ok, "lan0 is the LAN of \"fun\"");
  facts.parties[0] = without_segment();
  expect(only(facts, "lan"), warning, "\"fun\" has no LAN here (this kernel has no VXLAN)",
         "`modprobe vxlan`");
  const auto advice = [&](TestErrc code) {
    facts.parties[0].no_segment = Error(code, "why");
    return only(facts, "lan").advice;
  };
  EXPECT_TRUE(advice(TestErrc::lan_unguarded).starts_with("`modprobe -a nf_tables nft_ct`"));
  EXPECT_TRUE(advice(TestErrc::lan_port_taken).starts_with("`ss -lunp`"));
  EXPECT_NE(advice(TestErrc::lan_failed).find("disable_ipv6"), std::string::npos);
  EXPECT_NE(advice(TestErrc::server_unreachable).find("its log"), std::string::npos);
  facts.parties.clear();
  EXPECT_TRUE(of(facts, "lan").empty());
  facts.kernel_vxlan = true;
  EXPECT_TRUE(of(facts, "lan").empty());
  facts.kernel_vxlan = false;
  expect(only(facts, "lan"), warning, "this kernel has no VXLAN", "`modprobe vxlan`");
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
  facts.parties[0].mtu->works = 1320;
  expect(only(facts, "mtu"), problem,
         "more than 1320 bytes don't get to \"bob\" by lan0, whose MTU is 1350",
         "`ip link set dev lan0 mtu 1320`");
  facts.parties[0].mtu->works.reset();
  expect(only(facts, "mtu"), warning, "\"bob\" answers no echo", "ICMP");
  facts.parties[0].mtu.reset();
  expect(only(facts, "mtu"), ok, "nobody is connected");
}

}  // namespace
}  // namespace lanrage::agent::test
