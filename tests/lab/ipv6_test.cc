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
    return link->to_text();
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

}  // namespace
}  // namespace lanrage::lab
