#include "lan/segment.hpp"

#include <gtest/gtest.h>
#include <set>

#include "base/encoding.hpp"
#include "some_segment.hpp"

namespace lanrage::lan {
namespace {

using namespace test;

TEST(Station, HasAUnicastLocallyAdministeredMac) {
  for (int party = 0; party < 20; ++party)
    for (std::uint8_t number = 1; number < 60; ++number) {
      const auto station =
          make_station(some_party(static_cast<std::uint8_t>(party)), member(number));
      EXPECT_EQ(station.mac[0] & 3, 2) << party << " " << int{number};
    }
}

TEST(Station, FollowsFromPartyAndKeyAlone) {
  const auto a = make_station(some_party(1), member(1));
  auto moved = member(1);
  moved.vip = address("10.66.9.9");
  EXPECT_EQ(make_station(some_party(1), moved).mac, a.mac);
  EXPECT_EQ(make_station(some_party(1), moved).address, a.address);
  const auto b = make_station(some_party(1), member(2));
  EXPECT_NE(a.mac, b.mac);
  EXPECT_NE(a.address, b.address);
  EXPECT_NE(a.mac, make_station(some_party(2), member(1)).mac) << "one device in two parties";
}

TEST(Station, SharesItsPrefixWithThePartyAndNotWithOthers) {
  const auto prefix = [](int party, std::uint8_t number) {
    const auto station = make_station(some_party(static_cast<std::uint8_t>(party)), member(number));
    return to_hex(station.address.bytes().first(kLanPrefixLength / 8));
  };
  EXPECT_EQ(prefix(1, 1), prefix(1, 2));
  EXPECT_NE(prefix(1, 1), prefix(2, 1));
  EXPECT_TRUE(prefix(1, 1).starts_with("fd"));
}

// RFC 4291 appendix A: the universal bit turned, ff:fe in the middle.
TEST(Station, HasTheLinkLocalAddressOfItsMac) {
  const auto station = make_station(some_party(), member(1));
  const auto mac = to_hex(station.mac);
  auto first = station.mac[0];
  first ^= 2;
  EXPECT_EQ(to_hex(station.link_local.bytes()),
            "fe80000000000000" + to_hex(Bytes{first}) + mac.substr(2, 4) + "fffe" + mac.substr(6));
  EXPECT_TRUE(station.link_local.is_link_local());
}

TEST(SegmentNumbers, StayInTheirRangesAndDiffer) {
  std::set<std::uint32_t> vnis;
  for (int party = 0; party < 256; ++party) {
    const auto numbers = segment_numbers(some_party(static_cast<std::uint8_t>(party)));
    EXPECT_GT(numbers.vni, 0u);
    EXPECT_LT(numbers.vni, 1u << 24);
    EXPECT_GE(numbers.port, 61000);
    EXPECT_LT(numbers.port, 65000);
    vnis.insert(numbers.vni);
  }
  EXPECT_EQ(vnis.size(), 256u);
}

TEST(Segment, LeavesRoomForItsHeaders) {
  EXPECT_EQ(segment_of(1, {2}).mtu, 1350u);
  EXPECT_EQ(segment_of(1, {2}, 1280).mtu, 1210u);
}

TEST(Segment, LeavesOutWhoeverHasAnothersMac) {
  // The same key twice is what a MAC that was searched for would look like.
  auto twin = member(2);
  twin.vip = address("10.66.0.99");
  auto myself = member(1);
  myself.vip = address("10.66.0.98");
  const std::vector<Member> others{member(2), twin, myself, member(3)};
  const auto segment = make_segment(some_party(), vips(), member(1), others, 1420);
  ASSERT_EQ(segment.others.size(), 2u);
  EXPECT_EQ(segment.others[0].vip, address("10.66.0.2"));
  EXPECT_EQ(segment.others[1].vip, address("10.66.0.3"));
}

TEST(GroupMac, IsThatOfTheRfcs) {
  EXPECT_EQ(to_hex(group_mac(address("255.255.255.255"))), "ffffffffffff");
  EXPECT_EQ(to_hex(group_mac(address("10.66.255.255"))), "ffffffffffff");
  EXPECT_EQ(to_hex(group_mac(address("224.0.2.60"))), "01005e00023c");
  EXPECT_EQ(to_hex(group_mac(address("239.129.3.4"))), "01005e010304") << "23 bits of it";
  EXPECT_EQ(to_hex(group_mac(address("ff02::1:2"))), "333300010002");
}

TEST(BroadcastOf, IsThePrefixsLastAddress) {
  EXPECT_EQ(broadcast_of(vips()), address("10.66.255.255"));
  EXPECT_EQ(broadcast_of(Prefix::parse("192.168.7.0/24").value()), address("192.168.7.255"));
  EXPECT_EQ(broadcast_of(Prefix::parse("192.168.7.4/32").value()), address("192.168.7.4"));
}

TEST(Segment, HasMembersWithoutOneBesideIt) {
  auto beside = member(3);
  beside.on_segment = false;
  const auto segment = segment_with(member(1), {member(2), beside});
  ASSERT_EQ(segment.others.size(), 1u);
  EXPECT_EQ(segment.others[0], make_station(some_party(), member(2)));
  EXPECT_EQ(segment.beside, std::set{beside.vip});
}

TEST(Segment, KnowsWhoWasThereFirst) {
  const std::vector members{member(2), member(3), member(4), member(5)};
  const auto ordered = known_first(members, segment_of(1, {5, 3}));
  std::vector<IpAddress> vips;
  for (const auto& one : ordered)
    vips.push_back(one.vip);
  EXPECT_EQ(vips, (std::vector{member(3).vip, member(5).vip, member(2).vip, member(4).vip}));
}

}  // namespace
}  // namespace lanrage::lan
