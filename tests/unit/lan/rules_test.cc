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

// What the kernel makes of it is a lab test's (tests/unit/agent/lan_guard_test.cc).

TEST(Ruleset, ReplacesItsTableInOneTransaction) {
  const auto segment = segment_of(1, {2});
  const auto text = ruleset(segment, kInterfaces, {});
  const auto table = "table inet lanrage_segment_" + std::to_string(segment.numbers.vni);
  EXPECT_TRUE(text.starts_with("add " + table + "\ndelete " + table + "\n" + table + " {\n"));
  EXPECT_TRUE(text.starts_with(removal(segment)));
}

TEST(Ruleset, TiesTheTunnelsAddressToMacAndAddresses) {
  const auto segment = segment_of(1, {2});
  const auto text = ruleset(segment, kInterfaces, {});
  const auto& other = segment.others[0];
  EXPECT_THAT(text, HasSubstr("{ fd00::2 . 868 . 0x" + to_hex(other.mac) + " }"));
  EXPECT_THAT(text, HasSubstr("{ fd00::2 . 0x0a420002 }"));
  EXPECT_THAT(text, HasSubstr("{ fd00::2 . 0x" + to_hex(other.mac) + " . 0x0a420002 }"));
  EXPECT_THAT(text, HasSubstr("fd00::2 . 0x" + to_hex(other.address.bytes())));
  EXPECT_THAT(text, HasSubstr("fd00::2 . 0x" + to_hex(other.link_local.bytes())));
}

TEST(Ruleset, IsFoundAgainByItsTable) {
  EXPECT_THAT(segments_in("table inet filter\ntable inet lanrage_segment_77\n"
                          "table inet lanrage_lanrage0\ntable ip lanrage_segment_78\n"
                          "table inet lanrage_segment_7x\ntable inet lanrage_segment_"),
              testing::ElementsAre(77));
  const auto segment = segment_of(1, {2});
  EXPECT_THAT(segments_in("table " + table_name(segment) + "\n"),
              testing::ElementsAre(segment.numbers.vni));
  EXPECT_EQ(removal(segment.numbers.vni), removal(segment));
}

TEST(Ruleset, LetsNobodyInWhereThereIsNobody) {
  const auto text = ruleset(segment_of(1, {}), kInterfaces, {});
  EXPECT_THAT(text, HasSubstr("chain members {\ndrop\n}"));
  EXPECT_THAT(text, Not(HasSubstr("{  }"))) << "nftables takes no empty set";
}

TEST(Ruleset, DropsByPortAndVniWhatComesFromElsewhere) {
  const auto segment = segment_of(1, {2});
  const auto text = ruleset(segment, kInterfaces, {});
  EXPECT_THAT(text,
              HasSubstr("udp dport " + std::to_string(segment.numbers.port) + " jump segment\n"));
  EXPECT_THAT(text, HasSubstr("@th,96,24 != " + std::to_string(segment.numbers.vni) +
                              " return\niifname != \"lanrage0\" drop\n"));
}

// The rule that lets in `transport`.
std::string dports(const std::string& transport, const Access& access) {
  const auto text = ruleset(segment_of(1, {2}), kInterfaces, access);
  const auto begin = text.find("\n" + transport + " dport {") + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

TEST(Ruleset, LetsGamesInAndServicesNot) {
  EXPECT_EQ(dports("udp", {}),
            "udp dport { 1024-1433, 1435-1899, 1901-2048, 2050-3388, 3390-3701, 3703-5352, "
            "5354, 5356-11210, 11212-65535 } accept");
  const auto tcp = dports("tcp", {});
  EXPECT_THAT(tcp, testing::StartsWith("tcp dport { 1024-1432, 1434-1520, "));
  EXPECT_THAT(tcp, testing::EndsWith(", 27020-65535 } accept"));
}

TEST(Ruleset, LetsInWhatIsOpened) {
  Access access;
  ASSERT_TRUE(access.open({Transport::tcp, 22, 22}));
  ASSERT_TRUE(access.open({Transport::udp, 137, 138}));
  ASSERT_TRUE(access.open({Transport::tcp, 3306, 3306}));
  EXPECT_THAT(dports("tcp", access), testing::StartsWith("tcp dport { 22, 1024-1432, "));
  EXPECT_THAT(dports("tcp", access), HasSubstr(", 2377-3388, "));
  EXPECT_THAT(dports("udp", access), testing::StartsWith("udp dport { 137-138, 1024-1433, "));
  ASSERT_TRUE(access.close({Transport::tcp, 22, 22}));
  EXPECT_THAT(dports("tcp", access), testing::StartsWith("tcp dport { 1024-1432, "));
}

TEST(Ruleset, JudgesByPortWhatOthersBegan) {
  const auto text = ruleset(segment_of(1, {2}), kInterfaces, {});
  const auto lan = text.substr(text.find("chain lan {"));
  EXPECT_THAT(lan.substr(0, lan.find('}', lan.find("drop\n}"))),
              HasSubstr("\nct state { established, related } ct direction reply accept\n"));
}

TEST(Ruleset, OpensAllOnlyWhenAsked) {
  const auto open = ruleset(segment_of(1, {2}), kInterfaces, {.all = true});
  EXPECT_THAT(open, Not(HasSubstr("1024-")));
  EXPECT_THAT(open, HasSubstr("nd-router-advert")) << "still nobody's router";
  EXPECT_THAT(open, HasSubstr("hook forward"));
}

TEST(Ruleset, KeepsWireGuardFromBeingReachedThroughItself) {
  const Interfaces interfaces{"lanrage0", "lan0", 50'000};
  for (const bool all : {false, true}) {
    const auto text = ruleset(segment_of(1, {2}), interfaces, {.all = all});
    for (const std::string chain : {"chain lan {", "chain tunnel {"}) {
      const auto begin = text.find(chain);
      const auto rule = text.find("udp dport 50000 drop\n", begin);
      ASSERT_NE(rule, std::string::npos) << chain;
      EXPECT_LT(rule, text.find("accept", begin)) << "before anything is let in";
    }
  }
}

TEST(Ruleset, LetsMembersWithoutASegmentInByTheTunnel) {
  auto beside = member(3);
  beside.on_segment = false;
  const auto segment = segment_with(member(1), {member(2), beside});
  const auto text = ruleset(segment, kInterfaces, {});
  EXPECT_THAT(text, HasSubstr("redirect } drop\nip saddr { 10.66.0.3 } jump lan\nct state"));
  EXPECT_THAT(text, Not(HasSubstr("fd00::3"))) << "no frames of its";
  EXPECT_THAT(ruleset(segment_of(1, {2}), kInterfaces, {}), Not(HasSubstr("ip saddr")));
}

TEST(Ruleset, WithoutASegmentOfOursHoldsForTheTunnel) {
  const auto segment = segment_of(1, {2});
  const auto text = ruleset(segment, {"lanrage0", ""}, {});
  EXPECT_THAT(text, HasSubstr("redirect } drop\nmeta nfproto ipv4 jump lan\nct state"));
  EXPECT_THAT(text, HasSubstr("tcp dport { 1024-1432, "));
  EXPECT_THAT(text, HasSubstr("iifname \"lanrage0\" jump tunnel"));
  EXPECT_THAT(text, HasSubstr("iifname { \"lanrage0\" } ct state"));
  EXPECT_THAT(text, Not(HasSubstr(std::to_string(segment.numbers.port))));
  EXPECT_THAT(text, Not(HasSubstr("\"\"")));
}

}  // namespace
}  // namespace lanrage::lan
