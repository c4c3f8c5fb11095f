#include "lan/rules.hpp"

#include <gmock/gmock.h>

#include "base/encoding.hpp"
#include "some_segment.hpp"

namespace lanrage::lan {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::Not;

const Interfaces kInterfaces{"lanrage0", "lan0"};

// What the kernel makes of it is a lab test's (segment_rules_test.cc).

TEST(Ruleset, ReplacesItsTableInOneTransaction) {
  const auto segment = segment_of(1, {2});
  const auto text = ruleset(segment, kInterfaces, Access::games);
  const auto table = "table inet lanrage_segment_" + std::to_string(segment.numbers.vni);
  EXPECT_TRUE(text.starts_with("add " + table + "\ndelete " + table + "\n" + table + " {\n"));
  EXPECT_TRUE(text.starts_with(removal(segment)));
}

TEST(Ruleset, TiesTheTunnelsAddressToMacAndAddresses) {
  const auto segment = segment_of(1, {2});
  const auto text = ruleset(segment, kInterfaces, Access::games);
  const auto& other = segment.others[0];
  EXPECT_THAT(text, HasSubstr("{ fd00::2 . 868 . 0x" + to_hex(other.mac) + " }"));
  EXPECT_THAT(text, HasSubstr("{ fd00::2 . 0x0a420002 }"));
  EXPECT_THAT(text, HasSubstr("{ fd00::2 . 0x" + to_hex(other.mac) + " . 0x0a420002 }"));
  EXPECT_THAT(text, HasSubstr("fd00::2 . 0x" + to_hex(other.address.bytes())));
  EXPECT_THAT(text, HasSubstr("fd00::2 . 0x" + to_hex(other.link_local.bytes())));
}

TEST(Ruleset, LetsNobodyInWhereThereIsNobody) {
  const auto text = ruleset(segment_of(1, {}), kInterfaces, Access::games);
  EXPECT_THAT(text, HasSubstr("chain members {\ndrop\n}"));
  EXPECT_THAT(text, Not(HasSubstr("{  }"))) << "nftables takes no empty set";
}

TEST(Ruleset, DropsByPortAndVniWhatComesFromElsewhere) {
  const auto segment = segment_of(1, {2});
  const auto text = ruleset(segment, kInterfaces, Access::games);
  EXPECT_THAT(text,
              HasSubstr("udp dport " + std::to_string(segment.numbers.port) + " jump segment\n"));
  EXPECT_THAT(text, HasSubstr("@th,96,24 != " + std::to_string(segment.numbers.vni) +
                              " return\niifname != \"lanrage0\" drop\n"));
}

TEST(Ruleset, OpensAllOnlyWhenAsked) {
  EXPECT_THAT(ruleset(segment_of(1, {2}), kInterfaces, Access::games), HasSubstr("1024-65535"));
  const auto open = ruleset(segment_of(1, {2}), kInterfaces, Access::all);
  EXPECT_THAT(open, Not(HasSubstr("1024-65535")));
  EXPECT_THAT(open, HasSubstr("nd-router-advert")) << "still nobody's router";
  EXPECT_THAT(open, HasSubstr("hook forward"));
}

TEST(Ruleset, LetsMembersWithoutASegmentInByTheTunnel) {
  auto beside = member(3);
  beside.on_segment = false;
  const auto segment = segment_with(member(1), {member(2), beside});
  const auto text = ruleset(segment, kInterfaces, Access::games);
  EXPECT_THAT(text, HasSubstr("ip saddr { 10.66.0.3 } jump lan\ndrop\n"));
  EXPECT_THAT(text, Not(HasSubstr("fd00::3"))) << "no frames of its";
  EXPECT_THAT(ruleset(segment_of(1, {2}), kInterfaces, Access::games), Not(HasSubstr("ip saddr")));
}

TEST(Ruleset, WithoutASegmentOfOursHoldsForTheTunnel) {
  const auto segment = segment_of(1, {2});
  const auto text = ruleset(segment, {"lanrage0", ""}, Access::games);
  EXPECT_THAT(text, HasSubstr("meta nfproto ipv4 jump lan\ndrop\n"));
  EXPECT_THAT(text, HasSubstr("1024-65535"));
  EXPECT_THAT(text, HasSubstr("iifname \"lanrage0\" jump tunnel"));
  EXPECT_THAT(text, HasSubstr("iifname { \"lanrage0\" } ct state"));
  EXPECT_THAT(text, Not(HasSubstr(std::to_string(segment.numbers.port))));
  EXPECT_THAT(text, Not(HasSubstr("\"\"")));
}

}  // namespace
}  // namespace lanrage::lan
