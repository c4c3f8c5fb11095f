#include "lan/groups.hpp"

#include <gmock/gmock.h>

#include "lan/quiet.hpp"
#include "some_segment.hpp"

namespace lanrage::lan {
namespace {

using namespace test;
using testing::ElementsAre;

// As Linux 6.18 prints them, on a little-endian machine.
constexpr std::string_view kIgmp =
    "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
    "1\tlo        :     1      V3\n"
    "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
    "2\teth0      :     3      V3\n"
    "\t\t\t\t3C0200E0     1 0:00000000\t\t0\n"
    "\t\t\t\tFB0000E0     1 0:00000000\t\t0\n"
    "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
    "13\tverylongname123:     1      V2\n"
    "\t\t\t\t010101E1     2 0:00000000\t\t1\n";
constexpr std::string_view kIgmp6 =
    "1    lo              ff020000000000000000000000000001     1 0000000C 0\n"
    "2    eth0            ff750230000000000000000000000060     1 00000004 0\n"
    "13   verylongname123 ff0200000000000000000001ff000001     1 00000004 0\n";

TEST(ParseIgmp, ReadsTheKernelsText) {
  EXPECT_THAT(
      parse_igmp(kIgmp),
      ElementsAre(Joined{"lo", address("224.0.0.1")}, Joined{"eth0", address("224.0.2.60")},
                  Joined{"eth0", address("224.0.0.251")}, Joined{"eth0", address("224.0.0.1")},
                  Joined{"verylongname123", address("225.1.1.1")}));
  EXPECT_THAT(parse_igmp6(kIgmp6),
              ElementsAre(Joined{"lo", address("ff02::1")}, Joined{"eth0", address("ff75:230::60")},
                          Joined{"verylongname123", address("ff02::1:ff00:1")}));
}

TEST(ParseIgmp, PassesOverWhatItCantRead) {
  for (const std::string_view text :
       {"", "\n\n", "\t", "2", "2\teth0", "\t\t\t\t3C0200E0 1\n", "2\teth0 :\n\t\t\t\tXYZ\n",
        "2\teth0 :\n\t3C0200E00\n", "2\teth0 :\n\t01010A0A 1\n", "eth0 x\n\t3C0200E0\n"})
    EXPECT_TRUE(parse_igmp(text).empty()) << text;
  for (const std::string_view text :
       {"", "2 eth0", "2 eth0 ff02", "x eth0 ff020000000000000000000000000001 1",
        "2 eth0 fe020000000000000000000000000001 1", "2 eth0 gg020000000000000000000000000001 1"})
    EXPECT_TRUE(parse_igmp6(text).empty()) << text;
  for (std::size_t size = 0; size <= kIgmp.size(); ++size)
    EXPECT_LE(parse_igmp(kIgmp.substr(0, size)).size(), 5u);
}

TEST(GroupsToJoin, AreThoseOfProgramsElsewhere) {
  auto joined = parse_igmp(kIgmp);
  const auto v6 = parse_igmp6(kIgmp6);
  joined.insert(joined.end(), v6.begin(), v6.end());
  EXPECT_THAT(groups_to_join(joined, {}),
              ElementsAre(address("224.0.2.60"), address("225.1.1.1"), address("ff75:230::60")));
}

TEST(GroupsToJoin, DontCountOurOwnOnAnyPartysDevice) {
  const std::vector<Joined> joined{{"lan0", address("224.0.2.60")},
                                   {"lan1", address("224.0.2.60")}};
  EXPECT_TRUE(groups_to_join(joined, {"lan0", "lan1"}).empty());
  EXPECT_EQ(groups_to_join(joined, {"lan0"}).size(), 1u);
}

TEST(GroupsToJoin, AreNotTooMany) {
  std::vector<Joined> joined;
  for (std::uint32_t i = 0; i < 1000; ++i)
    joined.push_back({"eth0", IpAddress::v4(0xe1000000 + i)});
  const auto groups = groups_to_join(joined, {});
  EXPECT_EQ(groups.size(), kMostGroups);
  EXPECT_TRUE(groups.contains(IpAddress::v4(0xe1000000)));
}

}  // namespace
}  // namespace lanrage::lan
