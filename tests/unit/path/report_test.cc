#include "path/report.hpp"

#include <gtest/gtest.h>

namespace lanrage::path {
namespace {

using stun::NatType;

TEST(Report, EachReasonHasItsSentence) {
  PathFacts facts;
  EXPECT_EQ(why_relayed(facts), "the other side hasn't told its addresses yet");
  facts.signal_seen = true;
  EXPECT_EQ(why_relayed(facts), "the other side has told no address to check");
  facts.tried = 1;
  EXPECT_EQ(why_relayed(facts), "no answer to checks on its one address");
  facts.tried = 5;
  EXPECT_EQ(why_relayed(facts), "no answer to checks on any of 5 addresses");
  facts.own_nat = NatType::symmetric;
  EXPECT_EQ(why_relayed(facts), "no answer to checks on any of 5 addresses");
  facts.peer_nat = NatType::port_restricted_cone;
  EXPECT_EQ(why_relayed(facts),
            "we are behind a symmetric NAT and the other side behind a port-restricted one");
  facts.peer_nat = NatType::symmetric;
  EXPECT_EQ(why_relayed(facts), "both sides are behind symmetric NATs");
  facts.punching = true;
  EXPECT_EQ(why_relayed(facts), "still trying");
  facts.works = facts.any_answer = true;
  EXPECT_EQ(why_relayed(facts), "checks pass; the other side moves both");
  facts.initiator = true;
  EXPECT_EQ(why_relayed(facts), "still trying");
  facts.last_failure = Switch::Outcome::silent;
  EXPECT_EQ(why_relayed(facts), "checks pass but WireGuard stays silent on the direct path");
  facts.last_failure = Switch::Outcome::reverted;
  EXPECT_EQ(why_relayed(facts), "WireGuard went back to the relay; trying again");
  facts.packet_filter = false;
  EXPECT_EQ(why_relayed(facts), "no packet filter available to keep WireGuard on the direct path");
  facts.direct_loss = 0.354;
  facts.relay_loss = 0.02;
  EXPECT_EQ(why_relayed(facts), "the direct path loses more (35 %) than the relay (2 %)");
  facts.switching = true;
  EXPECT_EQ(why_relayed(facts), "moving to the direct path now");
}

TEST(Report, WhyNotConnected) {
  PathFacts facts;
  EXPECT_EQ(why_not_connected(facts), "no word from the other side yet");
  facts.signal_seen = true;
  EXPECT_EQ(why_not_connected(facts), "the other side isn't ready yet");
  facts.ready = true;
  facts.tried = 3;
  EXPECT_EQ(why_not_connected(facts),
            "no relay reachable, and no answer to checks on any of 3 addresses");
  facts.silence = UdpSilence{
      {*Endpoint::parse("203.0.113.1:51820"), *Endpoint::parse("203.0.113.1:3478")}, {}, false};
  EXPECT_EQ(why_not_connected(facts),
            "no answer over UDP from anywhere: let this network's firewall send UDP to "
            "203.0.113.1:51820, 203.0.113.1:3478 and its answers in");
  facts.silence.reset();
  facts.relays = true;
  facts.peer_without_relay = true;
  EXPECT_EQ(why_not_connected(facts),
            "the other side reaches no relay: its network seems to block UDP");
  facts.peer_without_relay = false;
  EXPECT_EQ(why_not_connected(facts),
            "no common relay, and no answer to checks on any of 3 addresses");
  facts.punching = true;
  EXPECT_EQ(why_not_connected(facts), "no common relay; still trying directly");
  facts.common_relay = true;
  EXPECT_EQ(why_not_connected(facts), "waiting for the WireGuard handshake");
}

// The player's firewall is blamed only where nothing else can be it.
TEST(Report, SilenceIsBlamedOnWhomItComesFrom) {
  const UdpSilence blocked{{*Endpoint::parse("203.0.113.1:51820")}, {}, false, false};
  auto stopped = blocked;
  stopped.worked_before = true;
  auto server_too = blocked;
  server_too.server_away = true;
  auto both = stopped;
  both.server_away = true;
  EXPECT_NE(sentence(blocked).find("this network's firewall"), std::string::npos);
  for (const auto& other : {stopped, server_too, both}) {
    EXPECT_EQ(sentence(other).find("firewall"), std::string::npos) << sentence(other);
    EXPECT_NE(sentence(other).find("203.0.113.1:51820"), std::string::npos) << sentence(other);
  }
  EXPECT_TRUE(sentence(stopped).starts_with("answers over UDP have stopped coming"));
  EXPECT_TRUE(sentence(server_too).starts_with("neither the server nor its relays answer"));
  EXPECT_EQ(sentence(both), sentence(server_too));
  PathFacts facts;
  facts.signal_seen = true;
  facts.silence = stopped;
  EXPECT_EQ(why_relayed(facts), sentence(stopped));
  EXPECT_EQ(why_not_connected(facts), sentence(stopped));
}

}  // namespace
}  // namespace lanrage::path
