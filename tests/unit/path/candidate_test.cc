#include "path/candidate.hpp"

#include <gtest/gtest.h>

#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

TEST(Candidate, OnlyAddressesThatMayBeSentToAreUsable) {
  for (const char* good :
       {"192.168.1.2:5", "203.0.113.9:65535", "169.254.3.4:9", "[2001:db8::1]:7"})
    EXPECT_TRUE(is_usable(at(good))) << good;
  for (const char* bad :
       {"127.0.0.1:5", "224.0.0.1:5", "0.0.0.0:5", "0.1.2.3:5", "255.255.255.255:5", "240.0.0.1:5",
        "192.168.1.2:0", "[::1]:5", "[::]:5", "[ff02::1]:5", "[fe80::1]:5"})
    EXPECT_FALSE(is_usable(at(bad))) << bad;
}

TEST(Candidate, TidyFiltersOrdersAndKeepsEachEndpointOnce) {
  auto out = tidy({{CandidateKind::server_reflexive, at("203.0.113.9:5")},
                   {CandidateKind::host, at("127.0.0.1:5")},
                   {CandidateKind::peer_reflexive, at("192.168.1.2:5")},
                   {CandidateKind::host, at("192.168.1.2:5")}});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0], (Candidate{CandidateKind::host, at("192.168.1.2:5")}));
  EXPECT_EQ(out[1].kind, CandidateKind::server_reflexive);
}

TEST(Candidate, NoPathLeadsThroughATunnelOfOurs) {
  std::vector<Prefix> tunnels{*Prefix::parse("10.66.0.0/16")};
  auto out =
      tidy({{CandidateKind::host, at("10.66.0.3:5")}, {CandidateKind::host, at("10.67.0.3:5")}},
           tunnels);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].endpoint, at("10.67.0.3:5"));
}

TEST(Candidate, PortsOfASymmetricNatAreNoNews) {
  const std::vector<Candidate> before{{CandidateKind::host, at("192.168.1.2:5")},
                                      {CandidateKind::mapped, at("203.0.113.9:5")},
                                      {CandidateKind::server_reflexive, at("203.0.113.9:6")}};
  auto after = before;
  after.push_back({CandidateKind::server_reflexive, at("203.0.113.9:7")});
  constexpr auto kSymmetric = stun::NatType::symmetric;
  EXPECT_EQ(newsworthy(before, kSymmetric), newsworthy(after, kSymmetric));
  constexpr auto kCone = stun::NatType::port_restricted_cone;
  EXPECT_NE(newsworthy(before, kCone), newsworthy(after, kCone));
  for (const auto& [index, other] : {std::pair(0, "192.168.1.2:8"), std::pair(1, "203.0.113.9:8"),
                                     std::pair(2, "203.0.113.8:6")}) {
    auto moved = before;
    moved[static_cast<std::size_t>(index)].endpoint = at(other);
    EXPECT_NE(newsworthy(before, kSymmetric), newsworthy(moved, kSymmetric)) << other;
  }
}

TEST(Candidate, AtMostSixteen) {
  std::vector<Candidate> many;
  for (std::uint16_t port = 1; port <= 40; ++port)
    many.push_back({CandidateKind::host, {at("192.168.1.2:1").address, port}});
  many.push_back({CandidateKind::guessed, at("192.168.1.3:1")});
  auto out = tidy(many);
  EXPECT_EQ(out.size(), kMaxCandidates);
  EXPECT_EQ(out.back().kind, CandidateKind::host) << "the least likely go first";
}

}  // namespace
}  // namespace lanrage::path
