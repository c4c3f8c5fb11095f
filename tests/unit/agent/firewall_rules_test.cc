// Verdicts over listings that nft 1.0.6 made of rules as firewalld, iptables, ufw and people write
// them (tests/data/firewall), and over single rules.
#include "agent/firewall_rules.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "agent/ufw_rules.hpp"

namespace lanrage::agent {
namespace {

std::string data(const std::string& name) {
  std::ifstream file(std::string(LANRAGE_TEST_DATA) + "/firewall/" + name);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

FirewallRules listing(const std::string& name) {
  auto rules = FirewallRules::parse(data(name));
  EXPECT_TRUE(rules) << name;
  return std::move(*rules);
}

FirewallPacket udp_in(std::uint16_t port, std::string interface = "") {
  return {.incoming = true,
          .interface = std::move(interface),
          .protocol = "udp",
          .source = *IpAddress::parse("203.0.113.9"),
          .destination = *IpAddress::parse("192.168.1.5"),
          .source_port = 40'000,
          .destination_port = port,
          .established = false};
}

FirewallPacket established(FirewallPacket packet) {
  packet.established = true;
  return packet;
}

// One base chain with one rule, then accepting by policy.
FirewallVerdict by_rule(const std::string& statements, const FirewallPacket& packet) {
  const auto rules = FirewallRules::parse(
      R"({"nftables":[{"chain":{"family":"inet","table":"t","name":"c","type":"filter",)"
      R"("hook":"input","prio":0,"policy":"accept"}},{"rule":{"family":"inet","table":"t",)"
      R"("chain":"c","handle":4,"expr":[)" +
      statements + "]}}]}");
  EXPECT_TRUE(rules);
  return rules->judge(packet);
}

std::string match(const std::string& left, const std::string& right, const std::string& op = "==") {
  return R"({"match":{"op":")" + op + R"(","left":)" + left + R"(,"right":)" + right + "}},";
}

const std::string kDrop = R"({"drop":null})";
const std::string kPort = R"({"payload":{"protocol":"udp","field":"dport"}})";

TEST(FirewallRules, FirewalldsZonesAreFollowed) {
  const auto rules = listing("firewalld.json");
  EXPECT_EQ(rules.judge(udp_in(51820)).passage, Passage::open);
  const auto verdict = rules.judge(udp_in(51821));
  EXPECT_EQ(verdict.passage, Passage::blocked);
  EXPECT_EQ(verdict.owner, FirewallOwner::firewalld);
  EXPECT_EQ(verdict.base_chain, "filter_INPUT");
  EXPECT_NE(verdict.place.find("chain filter_IN_public, rule with handle"), std::string::npos)
      << verdict.place;
  EXPECT_EQ(rules.judge(established(udp_in(51821))).passage, Passage::open);
  auto echo = udp_in(0, "lanrage0");
  echo.protocol = "icmp";
  EXPECT_EQ(rules.judge(echo).passage, Passage::open);
  auto out = udp_in(3478, "eth0");
  out.incoming = false;
  EXPECT_EQ(rules.judge(out).passage, Passage::open);
}

TEST(FirewallRules, IptablesRulesAreReadAsFarAsNftShowsThem) {
  const auto rules = listing("iptables.json");
  EXPECT_EQ(rules.judge(udp_in(51820)).passage, Passage::open) << "by the chain that is jumped to";
  EXPECT_EQ(rules.judge(established(udp_in(6000))).passage, Passage::open);
  const auto verdict = rules.judge(udp_in(6000));
  EXPECT_EQ(verdict.passage, Passage::uncertain) << "multiport's ports aren't told";
  EXPECT_EQ(verdict.owner, FirewallOwner::iptables);
  EXPECT_EQ(verdict.base_chain, "INPUT");
  auto tcp = udp_in(8080);
  tcp.protocol = "tcp";
  EXPECT_EQ(rules.judge(tcp).passage, Passage::blocked) << "the multiport rule is about UDP alone";
}

TEST(FirewallRules, PacketsOfIpv6MeetTheRulesOfIpv6) {
  auto packet = udp_in(50'000);
  packet.source = *IpAddress::parse("2001:db8:7::9");
  packet.destination = *IpAddress::parse("2001:db8:1::5");
  const std::string source6 = R"({"payload":{"protocol":"ip6","field":"saddr"}})";
  const std::string source4 = R"({"payload":{"protocol":"ip","field":"saddr"}})";
  const auto passage = [&](const std::string& statements) {
    return by_rule(statements + kDrop, packet).passage;
  };
  EXPECT_EQ(passage(match(source6, R"("2001:db8:7::9")")), Passage::blocked);
  EXPECT_EQ(passage(match(source6, R"({"prefix":{"addr":"2001:db8:6::","len":47}})")),
            Passage::blocked);
  EXPECT_EQ(passage(match(source6, R"({"prefix":{"addr":"2001:db8:6::","len":48}})")),
            Passage::open);
  EXPECT_EQ(passage(match(source4, R"("203.0.113.9")", "!=")), Passage::open)
      << "it has no address of IPv4, not even another one";
  EXPECT_EQ(passage(match(R"({"meta":{"key":"nfproto"}})", R"("ipv6")")), Passage::blocked);
  EXPECT_EQ(passage(match(R"({"meta":{"key":"protocol"}})", R"("ip")")), Passage::open);
  EXPECT_EQ(passage(match(kPort, "50000")), Passage::blocked);

  const auto rules = FirewallRules::parse(
      R"({"nftables":[{"chain":{"family":"ip","table":"t","name":"c","type":"filter",)"
      R"("hook":"input","prio":0,"policy":"drop"}}]})");
  EXPECT_EQ(rules->judge(packet).passage, Passage::open) << "IPv4's table doesn't see it";
  EXPECT_EQ(rules->judge(udp_in(50'000)).passage, Passage::blocked);

  EXPECT_EQ(ufw_passage("### tuple ### allow udp 50000 ::/0 any ::/0 in\n", "DROP", packet),
            Passage::open);
  EXPECT_EQ(
      ufw_passage("### tuple ### allow udp 50000 ::/0 any 2001:db8:8::/48 in\n", "DROP", packet),
      Passage::blocked);
}

TEST(FirewallRules, PlainNftablesWithSetsMapsAndJumps) {
  const auto rules = listing("nftables.json");
  const auto passage = [&](const FirewallPacket& packet) { return rules.judge(packet).passage; };
  EXPECT_EQ(passage(udp_in(7777)), Passage::open);
  EXPECT_EQ(passage(udp_in(27020)), Passage::open) << "in a set's range";
  EXPECT_EQ(passage(udp_in(27031)), Passage::blocked);
  EXPECT_EQ(passage(established(udp_in(27031))), Passage::open) << "by a map of states";
  EXPECT_EQ(passage(udp_in(5000, "lo")), Passage::open);
  EXPECT_EQ(passage(udp_in(5000, "lanrage0")), Passage::open) << "by a jump";
  EXPECT_EQ(passage(udp_in(1900, "lanrage0")), Passage::blocked);
  auto low = udp_in(5000, "lanrage0");
  low.source_port = 53;
  EXPECT_EQ(passage(low), Passage::blocked) << "the chain returned";
  auto friendly = udp_in(5000);
  friendly.source = *IpAddress::parse("203.0.113.7");
  EXPECT_EQ(passage(friendly), Passage::open);
  auto marked = udp_in(5000);
  marked.source = *IpAddress::parse("198.51.100.200");
  EXPECT_EQ(passage(marked), Passage::uncertain) << "marks can't be told";
  auto echo = udp_in(0);
  echo.protocol = "icmp";
  EXPECT_EQ(passage(echo), Passage::open) << "by a named map";
  auto tcp = udp_in(8005);
  tcp.protocol = "tcp";
  EXPECT_EQ(passage(tcp), Passage::open) << "one packet is below any limit";
  const auto verdict = rules.judge(udp_in(1));
  EXPECT_EQ(verdict.place, "table inet filter, chain input, by its policy");
  EXPECT_EQ(verdict.owner, FirewallOwner::nftables);
}

TEST(FirewallRules, OutgoingTrafficHasItsOwnChains) {
  const auto rules = listing("nftables.json");
  auto packet = udp_in(3478, "eth0");
  packet.incoming = false;
  EXPECT_EQ(rules.judge(packet).passage, Passage::blocked);
  EXPECT_EQ(rules.judge(packet).base_chain, "output");
  packet.interface = "wlan0";
  EXPECT_EQ(rules.judge(packet).passage, Passage::open);
}

TEST(FirewallRules, OurOwnTableIsNotHeldAgainstUs) {
  // The listing has one, with the policy drop, before the others.
  EXPECT_EQ(listing("nftables.json").judge(udp_in(7777)).passage, Passage::open);
}

TEST(FirewallRules, ConditionsOfOneRule) {
  const auto packet = udp_in(51820, "eth0");
  const auto passage = [&](const std::string& condition) {
    return by_rule(condition + kDrop, packet).passage;
  };
  EXPECT_EQ(passage(""), Passage::blocked);
  EXPECT_EQ(passage(match(kPort, "51820")), Passage::blocked);
  EXPECT_EQ(passage(match(kPort, "51821")), Passage::open);
  EXPECT_EQ(passage(match(kPort, "51820", "!=")), Passage::open);
  EXPECT_EQ(passage(match(kPort, "1024", ">=")), Passage::blocked);
  EXPECT_EQ(passage(match(kPort, "1024", "<")), Passage::open);
  EXPECT_EQ(passage(match(kPort, R"({"range":[51000,52000]})")), Passage::blocked);
  EXPECT_EQ(passage(match(kPort, R"({"set":[1,{"elem":{"val":51820}}]})")), Passage::blocked);
  EXPECT_EQ(passage(match(kPort, R"("@nowhere")")), Passage::uncertain);
  EXPECT_EQ(passage(match(R"({"payload":{"protocol":"tcp","field":"dport"}})", "5", "!=")),
            Passage::open)
      << "UDP has no TCP ports, not even other ones";
  EXPECT_EQ(passage(match(R"({"payload":{"protocol":"ip","field":"saddr"}})",
                          R"({"prefix":{"addr":"203.0.113.0","len":24}})")),
            Passage::blocked);
  EXPECT_EQ(passage(match(R"({"payload":{"protocol":"ip","field":"saddr"}})",
                          R"({"range":["203.0.113.10","203.0.113.20"]})")),
            Passage::open);
  EXPECT_EQ(passage(match(R"({"payload":{"protocol":"ip6","field":"saddr"}})", R"("::1")", "!=")),
            Passage::open);
  EXPECT_EQ(passage(match(R"({"meta":{"key":"iifname"}})", R"("eth*")")), Passage::blocked);
  EXPECT_EQ(passage(match(R"({"meta":{"key":"oifname"}})", R"("eth0")", "!=")), Passage::open);
  EXPECT_EQ(passage(match(R"({"meta":{"key":"l4proto"}})", "17")), Passage::blocked);
  EXPECT_EQ(passage(match(R"({"meta":{"key":"skuid"}})", "0")), Passage::uncertain);
  EXPECT_EQ(passage(R"({"invention":{}},)"), Passage::uncertain);
  EXPECT_EQ(passage(R"({"counter":{"packets":0,"bytes":0}},{"log":null},)"), Passage::blocked);
  EXPECT_EQ(passage(R"({"limit":{"rate":1,"per":"second","inv":true}},)"), Passage::open);
  EXPECT_EQ(passage(R"({"xt":{"type":"match","name":"conntrack"}},)"), Passage::open)
      << "what is invalid";
  EXPECT_EQ(by_rule(R"({"reject":{"type":"icmp","expr":"port-unreachable"}})", packet).place,
            "table inet t, chain c, rule with handle 4");
}

TEST(FirewallRules, WhatIsNoListingIsRefused) {
  for (const auto* text : {"", "[]", "{}", R"({"nftables":{}})", R"({"nftables":[)"})
    EXPECT_FALSE(FirewallRules::parse(text)) << text;
  const auto large = FirewallRules::parse(std::string(kMaxRuleset + 1, ' '));
  ASSERT_FALSE(large);
  EXPECT_TRUE(large.error().is(FirewallErrc::too_large));
  const auto odd = FirewallRules::parse(R"({"nftables":[1,{},{"chain":3},{"rule":{"expr":[7]}}]})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->judge(udp_in(1)).passage, Passage::open);
}

// The kernel lets no rules jump in circles; what else makes a listing mustn't keep us for ever.
TEST(FirewallRules, JumpsInCirclesEnd) {
  std::string text = R"({"nftables":[{"chain":{"family":"ip","table":"t","name":"c",)"
                     R"("type":"filter","hook":"input","prio":0,"policy":"accept"}})";
  for (int i = 0; i < 8; ++i)
    text += R"(,{"rule":{"family":"ip","table":"t","chain":"c","handle":1,)"
            R"("expr":[{"jump":{"target":"c"}}]}})";
  const auto rules = FirewallRules::parse(text + "]}");
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->judge(udp_in(1)).passage, Passage::uncertain);
}

TEST(UfwRules, TheFirstRuleThatAppliesDecides) {
  const auto rules = data("ufw_user.rules");
  const auto passage = [&](const FirewallPacket& packet) {
    return ufw_passage(rules, "DROP", packet);
  };
  EXPECT_EQ(passage(udp_in(51820)), Passage::open);
  EXPECT_EQ(passage(udp_in(51821)), Passage::blocked);
  EXPECT_EQ(passage(udp_in(27050)), Passage::open);
  EXPECT_EQ(passage(udp_in(27200)), Passage::open);
  EXPECT_EQ(passage(udp_in(27101)), Passage::blocked);
  EXPECT_EQ(passage(udp_in(22)), Passage::blocked) << "that is TCP's";
  EXPECT_EQ(passage(udp_in(5000, "lanrage0")), Passage::open);
  EXPECT_EQ(passage(udp_in(5000, "eth0")), Passage::blocked) << "out_eth0 is another direction";
  auto unwanted = udp_in(5000, "lanrage0");
  unwanted.source = *IpAddress::parse("10.66.0.9");
  EXPECT_EQ(passage(unwanted), Passage::blocked);
  EXPECT_EQ(passage(established(udp_in(51821))), Passage::open);
  auto samba = udp_in(137);
  samba.source = *IpAddress::parse("192.168.7.7");
  EXPECT_EQ(passage(samba), Passage::open);
  EXPECT_EQ(ufw_passage("", "ACCEPT", udp_in(1)), Passage::open);
  EXPECT_EQ(ufw_passage("", "", udp_in(1)), Passage::blocked) << "ufw's own default";
}

TEST(UfwRules, AssignmentsAreThoseOfAShell) {
  const std::string text = "# ENABLED=no\nENABLED=yes\nDEFAULT_INPUT_POLICY=\"REJECT\"\n";
  EXPECT_EQ(shell_assignment(text, "ENABLED"), "yes");
  EXPECT_EQ(shell_assignment(text, "DEFAULT_INPUT_POLICY"), "REJECT");
  EXPECT_EQ(shell_assignment(text, "DEFAULT"), "");
}

}  // namespace
}  // namespace lanrage::agent
