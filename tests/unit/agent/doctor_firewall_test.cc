// What the doctor finds of the machine's own firewall.
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "doctor_fixture.hpp"

namespace lanrage::agent::test {
namespace {

TEST(Doctor, FirewallsOfIpv6) {
  auto facts = healthy();
  facts.ipv6_address = facts.ipv6_route = true;
  const auto of_family = [](const std::string& family, const std::string& table,
                            const std::string& name, const std::string& hook) {
    return R"(,{"chain":{"family":")" + family + R"(","table":")" + table + R"(","name":")" + name +
           R"(","type":"filter","hook":")" + hook + R"(","prio":0,"policy":"drop"}})";
  };
  facts.firewall.rules = rules_with(of_family("ip6", "mine", "in", "input"));
  auto found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], problem, "\"fun\"'s LAN (UDP port 61234) that comes in by lanrage0 is dropped",
         "`nft insert rule ip6 mine in iifname \"lanrage0\" accept`");
  expect(found[1], warning, "incoming IPv6 UDP to port 50000 is dropped by table ip6",
         "`nft insert rule ip6 mine in udp dport 50000 accept`");
  facts.firewall.rules = rules_with(of_family("ip6", "filter", "OUTPUT", "output"));
  found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], problem, "that goes out by lanrage0",
         "`ip6tables -I OUTPUT -o lanrage0 -j ACCEPT`");
  expect(found[1], warning, "outgoing IPv6 UDP is dropped",
         "`ip6tables -I OUTPUT -p udp -j ACCEPT`");
  // What drops both families is said once.
  facts.firewall.rules = rules_with(chain("input", "drop") + rule("input", kEstablished) +
                                    rule("input", kFromTunnel + R"(,{"accept":null})"));
  expect(only(facts, "firewall"), warning, "incoming UDP to port 50000 from somebody new");
  facts.ipv6_route = false;
  facts.firewall.rules = rules_with(of_family("ip6", "mine", "in", "input"));
  expect(only(facts, "firewall"), problem, "\"fun\"'s LAN");  // which has IPv6 in any case
  facts.parties[0] = without_segment();
  expect(only(facts, "firewall"), ok, "through");
}

TEST(Doctor, FirewallThatDropsAllUdp) {
  auto facts = healthy();
  facts.firewall.rules =
      rules_with(chain("input", "accept") + rule("input", kUdp + R"(,{"drop":null})"));
  const auto found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 3u);
  expect(found[0], problem,
         "all incoming UDP to port 50000 is dropped by table inet mine, chain input, rule with "
         "handle 7: the tunnel of \"fun\" can't work",
         "`nft insert rule inet mine input udp dport 50000 accept`");
  expect(found[1], problem, "\"fun\"'s LAN (UDP port 61234) that comes in by lanrage0",
         "`nft insert rule inet mine input iifname \"lanrage0\" accept`");
  expect(found[2], problem, "traffic of \"fun\" that comes in by lan0",
         "`nft insert rule inet mine input iifname \"lan0\" accept`");
}

// As VXLAN's datagrams are no answers to one another.
TEST(Doctor, FirewallThatLetsInOnlyAnswers) {
  auto facts = healthy();
  facts.firewall.rules = rules_with(chain("input", "drop") + rule("input", kEstablished));
  auto found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 3u);
  expect(found[0], warning, "UDP to port 50000 from somebody new", "udp dport 50000");
  expect(found[1], problem, "comes in by lanrage0 is dropped by table inet mine", "\"lanrage0\"");
  expect(found[2], problem, "comes in by lan0 is dropped by table inet mine", "\"lan0\"");
  facts.parties[0] = without_segment();
  found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[1], problem, "traffic of \"fun\" that comes in by lanrage0", "\"lanrage0\"");
}

TEST(Doctor, FirewallThatDropsTheAgentsWord) {
  auto facts = healthy();
  const auto drop = [](const std::string& port) {
    return rules_with(chain("input", "accept") +
                      rule("input", R"({"match":{"op":"==","left":{"payload":{"protocol":"udp",)"
                                    R"("field":"dport"}},"right":)" +
                                        port + R"(}},{"drop":null})"));
  };
  facts.firewall.rules = drop("867");
  expect(only(facts, "firewall"), problem, "UDP to port 867 that comes in by lanrage0 is dropped",
         "iifname \"lanrage0\" accept");
  facts.firewall.rules = drop("61234");
  expect(only(facts, "firewall"), problem, "games find nobody, and reach nobody",
         "iifname \"lanrage0\" accept");
}

TEST(Doctor, FirewallThatKeepsGamesFromBeingFound) {
  auto facts = healthy();
  const auto drop = [](const std::string& condition) {
    return rules_with(chain("input", "accept") +
                      rule("input", kFromTunnel + "," + condition + R"(,{"drop":null})"));
  };
  // Whoever opens a game's port may forget from where a broadcast is answered.
  facts.firewall.rules =
      drop(R"({"match":{"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},)"
           R"("right":{"range":[32768,60999]}}})");
  expect(only(facts, "firewall"), problem,
         "what answers a broadcast that comes in by lan0 is dropped", "iifname \"lan0\" accept");
  facts.firewall.rules =
      drop(R"({"match":{"op":"==","left":{"meta":{"key":"pkttype"}},"right":"broadcast"}})");
  expect(only(facts, "firewall"), problem, "any broadcast that comes in by lan0 is dropped",
         "iifname \"lan0\" accept");
  facts.firewall.rules =
      drop(R"({"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"daddr"}},)"
           R"("right":"10.66.255.255"}})");
  expect(only(facts, "firewall"), problem, "any broadcast that comes in by lan0 is dropped");
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
  expect(only(facts, "firewall"), warning, "ping that comes in by lan0 is dropped");
}

TEST(Doctor, FirewallThatLetsNothingOut) {
  auto facts = healthy();
  facts.firewall.rules = rules_with(chain("output", "drop"));
  const auto found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], problem, "\"fun\"'s LAN (UDP port 61234) that goes out by lanrage0",
         "nft insert rule inet mine output oifname \"lanrage0\" accept");
  expect(found[1], problem, "outgoing UDP to port 3478 is dropped",
         "nft insert rule inet mine output udp dport 3478 accept");
  facts.parties.clear();
  expect(only(facts, "firewall"), problem, "outgoing UDP to port 3478");
  facts.firewall.rules = rules_with("");
  expect(only(facts, "firewall"), ok, "lets UDP out");
  facts = healthy();
  for (const std::string device : {"lanrage0", "lan0"}) {
    facts.firewall.rules = rules_with(
        chain("output", "accept") +
        rule("output", R"({"match":{"op":"==","left":{"meta":{"key":"oifname"}},"right":")" +
                           device + R"("}},{"drop":null})"));
    expect(only(facts, "firewall"), problem, "that goes out by " + device,
           "oifname \"" + device + "\"");
  }
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
  ASSERT_EQ(found.size(), 3u);
  expect(found[0], warning, "filter_IN_public",
         "firewall-cmd --permanent --zone=public --add-port=50000/udp");
  expect(found[1], problem, "\"fun\"'s LAN", "--zone=trusted --add-interface=lanrage0");
  expect(found[2], problem, "by lan0", "--zone=trusted --add-interface=lan0");

  facts.firewall.rules = std::move(*FirewallRules::parse(file("iptables.json")));
  found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], warning, "may be dropped", "iptables -I INPUT -p udp --dport 50000 -j ACCEPT");
  expect(found[1], warning, "lan0", "iptables -I INPUT -i lan0 -j ACCEPT");

  facts.firewall.ufw = true;
  facts.firewall.ufw_input_policy = "DROP";
  found = of(facts, "firewall");
  ASSERT_EQ(found.size(), 2u);
  expect(found[0], warning, "is dropped by ufw", "`ufw allow 50000/udp`");
  expect(found[1], problem, "is dropped by ufw", "`ufw allow in on lan0`");
  facts.firewall.ufw_rules = "### tuple ### allow any any 0.0.0.0/0 any 0.0.0.0/0 in\n";
  expect(only(facts, "firewall"), ok, "lets UDP port 50000, lanrage0 and lan0 through");
  facts.parties[0] = without_segment();
  expect(only(facts, "firewall"), ok, "lets UDP port 50000 and lanrage0 through");
}

TEST(Doctor, UfwAndTheLan) {
  auto facts = healthy();
  facts.firewall.ufw = true;
  facts.firewall.ufw_input_policy = "DROP";
  facts.firewall.ufw_rules = "### tuple ### allow any any 0.0.0.0/0 any 0.0.0.0/0 in\n";
  const auto base_chain = [](const std::string& name, const std::string& hook) {
    return R"(,{"chain":{"family":"ip6","table":"filter","name":")" + name +
           R"(","type":"filter","hook":")" + hook + R"(","prio":0,"policy":"drop"}})";
  };
  facts.firewall.rules = rules_with(base_chain("INPUT", "input"));
  expect(only(facts, "firewall"), problem, "that comes in by lanrage0 is dropped by ufw",
         "`ufw allow in on lanrage0`");
  facts.firewall.ufw_rules6 = "### tuple ### allow any any ::/0 any ::/0 in_lanrage0\n";
  expect(only(facts, "firewall"), ok, "through");
  // Without IPv6 it drops all of that, whatever was allowed once.
  facts.firewall.ufw_ipv6 = false;
  expect(only(facts, "firewall"), problem, "ufw, which is set to let no IPv6 through",
         "set IPV6=yes in /etc/default/ufw, then `ufw disable`, `ufw enable` and `ufw allow in on "
         "lanrage0`");
  facts.firewall.rules = rules_with(base_chain("OUTPUT", "output"));
  expect(only(facts, "firewall"), problem, "goes out by lanrage0 is dropped by ufw", "IPV6=yes");
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

}  // namespace
}  // namespace lanrage::agent::test
