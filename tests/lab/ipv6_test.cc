// Players with IPv6: they meet directly where IPv4 alone would leave them at a relay, and relays
// join those who have one family with those who have the other.
#include <gtest/gtest.h>

#include "lab_fixture.hpp"
#include "party/invite_link.hpp"

namespace lanrage::lab {
namespace {

bool is_at(const std::string& endpoint, const IpAddress& address) {
  return endpoint.starts_with("[" + address.to_string() + "]:");
}

class Ipv6 : public LabTest {
 protected:
  // Behind a router of its own, which does symmetric NAT and routes IPv6.
  Host& home(const std::string& role, bool with_ipv6 = true) {
    Host& host = network_.add_host(role, network_.add_router(NatKind::symmetric));
    if (with_ipv6) network_.give_ipv6(host);
    return host;
  }
  // Has IPv4 and IPv6, listens on both, and is told of its IPv4 address only.
  Server& add_dual_server() {
    Host& host = network_.add_public_host("server");
    network_.give_ipv6(host);
    return add_server(host, host.address());
  }
  static std::string ipv6_url(const Server& server) {
    return "https://[" + server.host().ipv6_address().to_string() + "]:8667";
  }
  // The same invite, for a player who reaches the server at another address.
  static std::string by_host(const std::string& invite, const IpAddress& host) {
    auto link = party::parse_invite_link(invite);
    if (!link) throw LabError("no invite: " + invite);
    link->host = host.to_string();
    return std::string(link->to_text());
  }

  static ::testing::AssertionResult meet_by_ipv6(const Player& from, const Player& to) {
    std::string last;
    const auto met = [&] {
      const auto peer = from.peer(to.nick());
      if (peer) last = peer->path + " at " + peer->endpoint + " (" + peer->why_relayed + ")";
      return peer && peer->path == "direct" && is_at(peer->endpoint, to.host().ipv6_address());
    };
    if (eventually(kDirect, met, Millis(100))) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "from " << from.nick() << " to " << to.nick() << ": " << last;
  }
};

TEST_F(Ipv6, MakesTwoSymmetricNatsDirect) {
  Server& server = add_dual_server();
  Player& alice = add_player("alice", home("alice"));
  Player& bob = add_player("bob", home("bob"));
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(meet_by_ipv6(alice, bob));
  EXPECT_TRUE(meet_by_ipv6(bob, alice));
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
}

TEST_F(Ipv6, OfOneSideAloneLeavesTheRelay) {
  Server& server = add_dual_server();
  Player& alice = add_player("alice", home("alice"));
  Player& bob = add_player("bob", home("bob", false));
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_TRUE(path_becomes(alice, "bob", "relay"));
  EXPECT_TRUE(path_becomes(bob, "alice", "relay"));
}

TEST_F(Ipv6, AloneIsEnoughAndTheRelayCarriesBetweenTheFamilies) {
  Server& server = add_dual_server();
  Player& alice = add_player("alice", home("alice", false));
  Host& carols = home("carol");
  Host& daves = home("dave");
  network_.take_ipv4(carols);
  Player& carol = add_player("carol", carols);
  Player& dave = add_player("dave", daves);
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = carol.join(by_host(hosted.invite, server.host().ipv6_address()));
  dave.join(hosted.invite);
  EXPECT_TRUE(pings(carol, hosted.vip)) << "IPv6 to IPv4";
  EXPECT_TRUE(pings(alice, joined.vip)) << "IPv4 to IPv6";
  EXPECT_TRUE(path_becomes(carol, "alice", "relay"));
  EXPECT_TRUE(path_becomes(alice, "carol", "relay"));
  const auto relayed = carol.peer("alice").value_or(PeerView{});
  EXPECT_TRUE(is_at(relayed.endpoint, server.host().ipv6_address())) << relayed.endpoint;
  EXPECT_TRUE(meet_by_ipv6(carol, dave));
  EXPECT_TRUE(meet_by_ipv6(dave, carol));
  EXPECT_TRUE(pings(dave, joined.vip));

  const CliResult check =
      carol.cli({"netcheck", "--server", ipv6_url(server), "--pin", server.pin()});
  ASSERT_EQ(check.status, 0) << check.err;
  const auto& report = check.json.as_object();
  EXPECT_TRUE(report.at("udp").as_bool()) << check.out;
  EXPECT_EQ(report.at("nat_type").as_string(), "port_restricted_cone") << "as its firewall acts";
  const std::string outside(report.at("public_endpoint").as_string());
  EXPECT_TRUE(is_at(outside, carols.ipv6_address())) << check.out;
  EXPECT_TRUE(report.at("relays").as_array().at(0).at("rtt_ms").is_number()) << check.out;
}

TEST_F(Ipv6, PathThatDiesIsReplacedByTheRelayAndFoundAgain) {
  Server& server = add_dual_server();
  Router& router = network_.add_router(NatKind::symmetric);
  Host& alices = network_.add_host("alice", router);
  network_.give_ipv6(alices);
  Player& alice = add_player("alice", alices);
  Player& bob = add_player("bob", home("bob"));
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  ASSERT_TRUE(meet_by_ipv6(alice, bob));
  ASSERT_TRUE(meet_by_ipv6(bob, alice));
  router.block(bob.host().ipv6_address());
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(path_becomes(bob, "alice", "relay"));
  EXPECT_TRUE(path_becomes(alice, "bob", "relay"));
  router.unblock();
  EXPECT_TRUE(meet_by_ipv6(bob, alice));
  EXPECT_TRUE(pings(alice, joined.vip));
}

TEST_F(Ipv6, RelayCarriesThoseWithIpv6AloneWhoCannotMeet) {
  Server& server = add_dual_server();
  std::vector<Host*> hosts;
  std::vector<Router*> routers;
  for (const char* name : {"alice", "bob"}) {
    routers.push_back(&network_.add_router(NatKind::symmetric));
    hosts.push_back(&network_.add_host(name, *routers.back()));
    network_.give_ipv6(*hosts.back());
    network_.take_ipv4(*hosts.back());
  }
  routers[0]->block(hosts[1]->ipv6_address());
  Player& alice = add_player("alice", *hosts[0]);
  Player& bob = add_player("bob", *hosts[1]);
  const Membership hosted = alice.create(server, "game night", ipv6_url(server));
  const Membership joined = bob.join(by_host(hosted.invite, server.host().ipv6_address()));
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_TRUE(path_becomes(bob, "alice", "relay"));
}

TEST_F(Ipv6, IsLookedAtByTheDoctor) {
  Server& server = add_dual_server();
  Router& router = network_.add_router(NatKind::port_restricted_cone);
  Host& home = network_.add_host("alice", router);
  network_.give_ipv6(home);
  Player& alice = add_player("alice", home);
  const auto says = [&](const std::string& words) -> ::testing::AssertionResult {
    const auto result =
        alice.cli_text({"doctor", "--server", server.url(), "--pin", server.pin()}, kSeen * 4);
    if (result.out.find(words) != std::string::npos) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "no \"" << words << "\" in\n" << result.out;
  };
  EXPECT_TRUE(says("UDP gets out by it and back"));
  home.netns().nft(
      "table ip6 homemade { chain input { type filter hook input priority 0; policy accept;\n"
      "meta l4proto udp ct state new drop\n}\n}\n");
  EXPECT_TRUE(says("port_restricted_cone")) << "IPv4 is as it was";
  router.block(server.host().ipv6_address());
  EXPECT_TRUE(says("no UDP comes back by it: asked [" + server.host().ipv6_address().to_string() +
                   "]:3478"));
  alice.create(server, "game night");
  EXPECT_TRUE(says("is dropped by table ip6 homemade, chain input"));

  const auto check = alice.cli_text({"netcheck", "--server", server.url(), "--pin", server.pin()});
  EXPECT_NE(check.out.find("Port mapping:     none"), std::string::npos) << check.out;
  EXPECT_NE(check.out.find("IPv6:             yes"), std::string::npos) << check.out;
}

}  // namespace
}  // namespace lanrage::lab
