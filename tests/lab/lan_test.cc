// The party's LAN between real agents behind NATs: what one program broadcasts, the others hear.
#include <algorithm>
#include <boost/json/object.hpp>
#include <gmock/gmock.h>

#include "lab_fixture.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::lab {
namespace {

using namespace std::string_view_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint16_t kGame = 27'015;
constexpr std::string_view kGroup = "224.0.2.60";

Endpoint endpoint(std::string_view address, std::uint16_t port) {
  return {IpAddress::parse(address).value(), port};
}

// A game that waits for others at all of its machine's addresses, and, as many do, joins its group
// by whatever interface the kernel takes: that of the home network.
class Game {
 public:
  explicit Game(const Player& player) : socket_(player.host().netns(), endpoint("0.0.0.0", kGame)) {
    const int on = 1;
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    ip_mreqn group{};
    group.imr_multiaddr.s_addr = htonl(IpAddress::parse(kGroup)->v4_value());
    player.host().netns().inside([&] {
      if (::setsockopt(socket_.fd(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        throw LabError("can't join the group");
    });
  }

  // By no interface in particular.
  void say(std::string_view to, ByteView payload) { socket_.send(endpoint(to, kGame), payload); }
  // Who says `payload`, once it is heard: others' words before it don't count.
  std::optional<IpAddress> hears(ByteView payload, Millis limit) {
    while (const auto got = socket_.receive(limit))
      if (std::ranges::equal(got->payload, payload)) return got->from.address;
    return std::nullopt;
  }

 private:
  UdpSocket socket_;
};

// Datagrams get lost: it is said again until it was heard.
std::optional<IpAddress> heard(Game& by, Game& from, std::string_view to, ByteView payload) {
  std::optional<IpAddress> out;
  eventually(kReachable, [&] {
    from.say(to, payload);
    out = by.hears(payload, Millis(300));
    return out.has_value();
  });
  return out;
}

std::string text(const boost::json::object& party, std::string_view key) {
  const auto* value = party.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

std::string output(const Player& player, const Argv& command) {
  return run(command, {.netns_fd = player.host().netns().fd()}).out;
}

bool reaches(const Player& from, const Player& to, const IpAddress& vip, std::uint16_t port) {
  UdpSocket service(to.host().netns(), endpoint("0.0.0.0", port));
  UdpSocket game(to.host().netns(), endpoint("0.0.0.0", kGame));
  UdpSocket sender(from.host().netns(), endpoint("0.0.0.0", 0));
  const Bytes hello{1};
  // What comes after it proves that it had its chance.
  return eventually(kReachable,
                    [&] {
                      sender.send({vip, port}, hello);
                      sender.send({vip, kGame}, hello);
                      return game.receive(Millis(300)).has_value();
                    }) &&
         service.receive(Millis(0)).has_value();
}

using Lan = LabTest;

TEST_F(Lan, CarriesWhatProgramsSayToAll) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::port_restricted_cone);
  Player& bob = add_player("bob", NatKind::symmetric);
  Game at_alice(alice);  // before there is a party
  Game at_bob(bob);
  const Membership hosted = alice.create(server, "game night");
  const Membership bobs = bob.join(hosted.invite);
  ASSERT_TRUE(pings(alice, bobs.vip));
  int number = 0;
  for (const std::string_view to : {"255.255.255.255"sv, "10.66.255.255"sv, kGroup}) {
    for (const std::size_t size : {9u, 1'400u}) {
      SCOPED_TRACE(std::string(to) + ", " + std::to_string(size) + " bytes");
      // Each hears itself, too.
      const auto words = [&] { return Bytes(size, static_cast<std::uint8_t>(++number)); };
      EXPECT_EQ(heard(at_bob, at_alice, to, words()), hosted.vip);
      EXPECT_EQ(heard(at_alice, at_bob, to, words()), bobs.vip);
    }
  }
  EXPECT_EQ(text(alice.party().value(), "lan_interface"), "lan0");
  EXPECT_EQ(text(alice.party().value(), "interface"), alice.interface());
  EXPECT_THAT(output(alice, {"ip", "-4", "address", "show", "dev", "lan0"}),
              HasSubstr(hosted.vip.to_string()));
}

// Carol's kernel can't: she is reached all the same, and says what she goes without.
TEST_F(Lan, ReachesMembersWithoutASegment) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::port_restricted_cone);
  Player& bob = add_player("bob", NatKind::full_cone);
  Player& carol = add_player("carol", network_.add_player("carol", NatKind::port_restricted_cone),
                             {"--lan", "off"});
  const Membership hosted = alice.create(server, "game night");
  const Membership bobs = bob.join(hosted.invite);
  const Membership carols = carol.join(hosted.invite);
  for (const auto* player : {&alice, &bob})
    EXPECT_TRUE(pings(*player, carols.vip));
  EXPECT_TRUE(pings(carol, hosted.vip));
  EXPECT_TRUE(pings(alice, bobs.vip));
  EXPECT_TRUE(cli_pings(alice, "carol"));
  EXPECT_TRUE(cli_pings(carol, "alice"));
  EXPECT_TRUE(path_becomes(alice, "carol", "direct"));
  EXPECT_TRUE(reaches(alice, carol, carols.vip, 2'000));
  EXPECT_TRUE(reaches(carol, alice, hosted.vip, 2'000));
  EXPECT_FALSE(reaches(alice, carol, carols.vip, 111)) << "services are shut here, too";
  EXPECT_FALSE(reaches(carol, alice, hosted.vip, 111));
  const auto party = carol.party().value();
  EXPECT_TRUE(party.at("lan_interface").is_null());
  EXPECT_THAT(text(party.at("self").as_object(), "note"), HasSubstr("games find nobody"));
  alice.kill_agent();
  alice.start_agent();
  EXPECT_TRUE(pings(alice, carols.vip));
}

TEST_F(Lan, IsGuardedWhileTheAgentIsDeadAndGoneAfterIt) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::open);
  Player& bob = add_player("bob", NatKind::open);
  const Membership hosted = alice.create(server, "game night");
  const Membership bobs = bob.join(hosted.invite);
  ASSERT_TRUE(pings(alice, bobs.vip));
  const auto rules = [&] { return output(alice, {"nft", "list", "ruleset"}); };
  const auto device = [&] { return output(alice, {"ip", "link", "show", "dev", "lan0"}); };
  EXPECT_THAT(rules(), HasSubstr("lanrage_segment_"));
  alice.kill_agent();
  EXPECT_THAT(rules(), HasSubstr("lanrage_segment_"));
  alice.start_agent();
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_EQ(text(alice.party().value(), "lan_interface"), "lan0");
  // What restarting a firewall does.
  alice.host().netns().nft("flush ruleset");
  EXPECT_TRUE(
      eventually(kSeen, [&] { return rules().find("lanrage_segment_") != std::string::npos; }));
  alice.host().netns().ip("link del lan0");
  EXPECT_TRUE(eventually(kSeen, [&] { return !device().empty(); }));
  EXPECT_TRUE(pings(bob, hosted.vip));
  alice.stop_agent();
  EXPECT_THAT(rules(), Not(HasSubstr("lanrage")));
  EXPECT_EQ(device(), "");
  alice.start_agent();
  EXPECT_TRUE(pings(bob, hosted.vip));
  done(alice, {"leave"});
  EXPECT_THAT(rules(), Not(HasSubstr("lanrage")));
  EXPECT_EQ(device(), "");
}

TEST_F(Lan, CopiesNothingWhereThatIsOff) {
  Server& server = add_server();
  Player& alice = add_player("alice", network_.add_player("alice", NatKind::full_cone),
                             {"--copy-discovery", "off"});
  Player& bob = add_player("bob", NatKind::full_cone);
  Game at_alice(alice);
  Game at_bob(bob);
  const Membership hosted = alice.create(server, "game night");
  bob.join(hosted.invite);
  EXPECT_EQ(heard(at_bob, at_alice, "10.66.255.255", Bytes{1}), hosted.vip) << "by the LAN itself";
  // Groups of games are joined at the start; nor is anything else of them looked at.
  const auto groups = [](const Player& player) {
    return output(player, {"ip", "maddress", "show", "dev", "lan0"});
  };
  EXPECT_THAT(groups(bob), HasSubstr(kGroup));
  EXPECT_THAT(groups(alice), Not(HasSubstr(kGroup)));
}

}  // namespace
}  // namespace lanrage::lab
