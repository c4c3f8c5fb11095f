#include "agent/lan_segment.hpp"

#include <algorithm>
#include <gmock/gmock.h>

#include "lan_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(LanTest, CarriesUnicastOfBothFamilies) {
  open_both();
  EXPECT_TRUE(pings(a_, "10.66.0.2"));
  EXPECT_TRUE(pings(a_, segment_b_.self.address.to_string()));
  EXPECT_TRUE(pings(a_, segment_b_.self.link_local.to_string() + "%lan0"));
}

TEST_F(LanTest, CarriesBroadcastWithTheVirtualIpForASource) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  UdpSocket player(a_, endpoint("10.66.0.1:0"));
  allow_broadcast(player);
  for (const auto* to : {"10.66.255.255", "255.255.255.255"}) {
    player.send({address(to), kGame}, as_bytes("anybody there?"));
    const auto got = game.receive(kSoon);
    ASSERT_TRUE(got) << to;
    EXPECT_EQ(got->from.address, address("10.66.0.1")) << to;
  }
}

TEST_F(LanTest, TellsProgramsItsBroadcastAddress) {
  open_both();
  const auto shown = output(a_, {"ip", "addr", "show", "dev", "lan0"});
  EXPECT_THAT(shown, HasSubstr("BROADCAST,MULTICAST"));
  EXPECT_THAT(shown, HasSubstr("inet 10.66.0.1/16 brd 10.66.255.255"));
  EXPECT_THAT(shown, HasSubstr("mtu 1350"));
  EXPECT_EQ(std::ranges::count(shown, '\n'), 8) << "three addresses and no more:\n" << shown;
}

TEST_F(LanTest, CarriesWhatIsLongerThanItsMtu) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  UdpSocket player(a_, endpoint("10.66.0.1:0"));
  for (const std::size_t size : {1400u, 4000u}) {
    player.send(endpoint("10.66.0.2:27015"), Bytes(size, 7));
    const auto got = game.receive(kSoon);
    ASSERT_TRUE(got) << size;
    EXPECT_EQ(got->payload.size(), size);
  }
}

TEST_F(LanTest, KeepsItsTablesAsTheMembershipWantsThem) {
  auto lan = open(a_, options(segment_of(1, {2, 3})));
  EXPECT_EQ(lan->tables().value(), tables_of(segment_of(1, {2, 3})));
  for (const auto& others : {std::vector<std::uint8_t>{2, 3, 4, 5}, {4}, {}, {2}}) {
    const auto segment = segment_of(1, others);
    const auto set = a_.inside([&] { return lan->set(segment); });
    ASSERT_TRUE(set) << set.error().message();
    EXPECT_EQ(lan->tables().value(), tables_of(segment));
  }
}

TEST_F(LanTest, PutsRightWhatSomebodyElseChanged) {
  auto lan = open(a_, options(segment_a_));
  const auto wanted = tables_of(segment_a_);
  output(a_, {"bridge", "fdb", "append", "00:00:00:00:00:00", "dst", "fd00::66", "dev", "lan0"});
  output(a_, {"bridge", "fdb", "del", "00:00:00:00:00:00", "dst", "fd00::2", "dev", "lan0"});
  output(a_, {"ip", "neigh", "replace", "10.66.0.2", "lladdr", "02:00:00:00:00:66", "dev", "lan0",
              "nud", "permanent"});
  EXPECT_NE(lan->tables().value(), wanted);
  ASSERT_TRUE(lan->set(segment_a_));
  EXPECT_EQ(lan->tables().value(), wanted);
}

TEST_F(LanTest, FollowsASmallerMtu) {
  auto lan = open(a_, options(segment_a_));
  ASSERT_TRUE(lan->set(segment_of(1, {2}, 1300)));
  EXPECT_THAT(output(a_, {"ip", "link", "show", "dev", "lan0"}), HasSubstr("mtu 1230 "));
}

TEST_F(LanTest, LeavesNothingBehind) {
  open_both();
  lan_b_.reset();
  EXPECT_THAT(output(b_, {"ip", "link"}), Not(HasSubstr("lan0")));
  EXPECT_THAT(output(b_, {"nft", "list", "tables"}), Not(HasSubstr("lanrage")));
  EXPECT_TRUE(try_open(b_, options(segment_b_))) << "the party is free again";
}

TEST_F(LanTest, LeavesNothingBehindWhenOpeningFails) {
  auto wanted = options(segment_b_);
  wanted.wireguard = "wg7";
  const auto lan = try_open(b_, wanted);
  ASSERT_FALSE(lan);
  EXPECT_TRUE(lan.error().is(LanErrc::device_gone)) << lan.error().message();
  EXPECT_THAT(output(b_, {"nft", "list", "tables"}), Not(HasSubstr("lanrage")));
}

TEST_F(LanTest, SaysWhichPortIsTaken) {
  UdpSocket other(b_, {address("::"), segment_b_.numbers.port});
  const auto lan = try_open(b_, options(segment_b_));
  ASSERT_FALSE(lan);
  EXPECT_TRUE(lan.error().is(LanErrc::port_taken)) << lan.error().message();
  EXPECT_THAT(output(b_, {"ip", "link"}), Not(HasSubstr("lan0")));
}

TEST_F(LanTest, NeverTouchesAnInterfaceThatIsNotOurs) {
  b_.ip("link add lan0 type veth peer name other\n");
  auto wanted = options(segment_b_);
  const auto lan = try_open(b_, wanted);
  ASSERT_FALSE(lan);
  EXPECT_TRUE(lan.error().is(LanErrc::interface_taken)) << lan.error().message();
  wanted.or_numbered = true;
  EXPECT_EQ(open(b_, wanted)->interface_name(), "lan1");
  wanted.interface_name.clear();
  EXPECT_EQ(open(b_, wanted)->interface_name(), "lan1");
}

TEST_F(LanTest, RemovesItsOwnDeviceWhateverItsName) {
  lan_b_ = open(b_, options(segment_b_));
  b_.ip("link set lan0 down\nlink set lan0 name x\nlink add lan0 type veth peer name other\n");
  const auto found = b_.inside([&] { return lan_b_->look(); });
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is(LanErrc::device_gone)) << found.error().message();
  lan_b_.reset();
  const auto links = output(b_, {"ip", "link"});
  EXPECT_THAT(links, HasSubstr("lan0@other"));
  EXPECT_THAT(links, Not(HasSubstr(": x:")));
}

TEST_F(LanTest, SetsRoutesAgainThatWereLost) {
  auto segment = segment_of(1, {2});
  segment.beside = {address("10.66.0.7")};
  lan_a_ = open(a_, options(segment));
  const auto routes = [&] { return output(a_, {"ip", "route", "show", "dev", "wg0"}); };
  ASSERT_THAT(routes(), HasSubstr("10.66.0.7"));
  for (const bool look : {true, false}) {
    a_.ip("route del 10.66.0.7 dev wg0\n");
    ASSERT_TRUE(a_.inside([&] { return look ? lan_a_->look() : lan_a_->set(segment); }));
    EXPECT_THAT(routes(), HasSubstr("10.66.0.7"));
  }
  a_.ip("route del 10.66.0.7 dev wg0\n");
  const auto set = a_.inside([&] { return lan_a_->set(segment_a_); });
  EXPECT_TRUE(set) << set.error().message();
}

// As different parties have different numbers, but may have the same port by chance.
TEST_F(LanTest, DoesntClashWithAnotherPartys) {
  open_both();
  const auto other = [&](std::uint8_t self, std::uint8_t peer) {
    auto out = make_segment(some_party(9), Prefix::parse("10.77.0.0/16").value(), member(self),
                            std::vector{member(peer)}, 1420);
    out.numbers.port = segment_a_.numbers.port;
    out.self.vip = IpAddress::v4(0x0a4d0000u + self);
    out.others[0].vip = IpAddress::v4(0x0a4d0000u + peer);
    out.self.underlay = IpAddress::parse("fd77::" + std::to_string(self)).value();
    out.others[0].underlay = IpAddress::parse("fd77::" + std::to_string(peer)).value();
    return out;
  };
  a_.ip("link add wg1 type veth peer name wg1 netns " + b_.name() +
        "\nlink set wg1 mtu 1420 up\naddr add fd77::1/64 dev wg1 nodad\n");
  b_.ip("link set wg1 mtu 1420 up\naddr add fd77::2/64 dev wg1 nodad\n");
  auto options_a = options(other(1, 2), "lan1");
  auto options_b = options(other(2, 1), "lan1");
  options_a.wireguard = options_b.wireguard = "wg1";
  const auto a = open(a_, options_a);
  const auto b = open(b_, options_b);
  EXPECT_TRUE(pings(a_, "10.66.0.2"));
  EXPECT_TRUE(pings(a_, "10.77.0.2"));
}

}  // namespace
}  // namespace lanrage::agent::test
