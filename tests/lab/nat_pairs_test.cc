// The programs against the table of NAT pairs. `./dev bench path` runs all of them; here are enough
// to see every kind, every outcome and every reason for it.
#include <array>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "demo.hpp"

namespace lanrage::lab {
namespace {

TEST(NatPairs, AreAllThereOnce) {
  const auto& pairs = nat_pairs();
  std::size_t next = 0;
  for (std::size_t a = 0; a < kNatKinds.size(); ++a) {
    for (std::size_t b = a; b < kNatKinds.size(); ++b, ++next) {
      ASSERT_LT(next, pairs.size());
      EXPECT_EQ(pairs[next].a, kNatKinds[a]) << "at " << next;
      EXPECT_EQ(pairs[next].b, kNatKinds[b]) << "at " << next;
    }
  }
  EXPECT_EQ(next, pairs.size());
}

TEST(NatPairs, AreReadInEitherOrder) {
  const auto pair = nat_pair_from("udp_blocked:open");
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->a, NatKind::udp_blocked);
  EXPECT_EQ(pair->b, NatKind::open);
  EXPECT_EQ(pair->meeting, Meeting::none);
  for (const char* wrong : {"", "open", "open:", ":open", "open:moat", "open:open:open"})
    EXPECT_FALSE(nat_pair_from(wrong)) << wrong;
}

// "| `open` | `cgnat` | direct | ..." in the guide, one row a pair, in the order of the table.
TEST(NatPairs, TheGuideSaysTheSame) {
  std::ifstream guide(LANRAGE_PATHS_GUIDE);
  ASSERT_TRUE(guide);
  std::vector<std::string> told;
  for (std::string line; std::getline(guide, line);) {
    std::istringstream words(line);
    std::string bar, a, b, meeting;
    if (words >> bar >> a >> bar >> b >> bar >> meeting && a.starts_with('`') && b.starts_with('`'))
      told.push_back(a + " " + b + " " + meeting);
  }
  std::vector<std::string> wanted;
  wanted.reserve(nat_pairs().size());
  for (const NatPair& pair : nat_pairs())
    wanted.push_back("`" + std::string(name_of(pair.a)) + "` `" + std::string(name_of(pair.b)) +
                     "` " + std::string(name_of(pair.meeting)));
  EXPECT_EQ(told, wanted);
}

class NatPairRun : public ::testing::TestWithParam<std::pair<NatKind, NatKind>> {};

TEST_P(NatPairRun, MeetsAsExpected) {
  const auto [a, b] = GetParam();
  std::ostringstream story;
  const DemoReport report = run_demo({.nat_a = a, .nat_b = b}, story);
  EXPECT_TRUE(is_as_expected(report, expected_meeting(a, b)))
      << "expected " << name_of(expected_meeting(a, b)) << ", and it was " << report.path << " ("
      << report.why_relayed << ")\n"
      << story.str();
  if (a == NatKind::udp_blocked || b == NatKind::udp_blocked)
    EXPECT_NE(report.why_relayed.find("UDP"), std::string::npos) << report.why_relayed;
}

constexpr std::array kRuns{
    std::pair(NatKind::open, NatKind::open), std::pair(NatKind::open, NatKind::symmetric),
    std::pair(NatKind::open, NatKind::cgnat), std::pair(NatKind::full_cone, NatKind::symmetric),
    std::pair(NatKind::restricted_cone, NatKind::restricted_cone),
    // Who is the host makes no difference to the path, but to who initiates, perhaps.
    std::pair(NatKind::symmetric, NatKind::restricted_cone),
    std::pair(NatKind::port_restricted_cone, NatKind::port_restricted_cone),
    std::pair(NatKind::cgnat, NatKind::port_restricted_cone),
    std::pair(NatKind::cgnat, NatKind::cgnat),
    std::pair(NatKind::port_restricted_cone, NatKind::symmetric),
    std::pair(NatKind::symmetric, NatKind::symmetric),
    std::pair(NatKind::open, NatKind::udp_blocked),
    std::pair(NatKind::udp_blocked, NatKind::port_restricted_cone)};

INSTANTIATE_TEST_SUITE_P(Lab, NatPairRun, ::testing::ValuesIn(kRuns), [](const auto& run) {
  return std::string(name_of(run.param.first)) + "_and_" + std::string(name_of(run.param.second));
});

}  // namespace
}  // namespace lanrage::lab
