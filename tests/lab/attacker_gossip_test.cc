// A malicious control server that shows its members different things: they notice by talking to
// one another over the tunnel.
#include <gtest/gtest.h>

#include "attacker_fixture.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;

constexpr Millis kContact{10'000};  // from the two sides' next contact to the report

class AttackerGossip : public AttackerTest {
 protected:
  static int epoch(const Friend& who) {
    return who.player->party()->at("key_epoch").to_number<int>();
  }
  // Nothing that the server says of the party reaches `who` any more, signals apart.
  void withhold_from(const Friend& who) {
    attacker_.rewrite_messages([id = who.id()](const std::string& to, json::object message) {
      const auto type = std::string(message.at("type").as_string());
      const bool passes = to != id || type == "signal" || type == "welcome" || type == "presence";
      return passes ? AttackerServer::Messages{message} : AttackerServer::Messages{};
    });
    attacker_.rewrite_answers([id = who.id()](const auto& request, auto& answer) {
      if (request.peer_id == id && request.method == "GET") answer.status = 503;
    });
  }
};

// Bob isn't told of a new roster; he gets it, and his box, from another member.
TEST_F(AttackerGossip, AWithheldRotationComesFromAMember) {
  auto& bob = befriend("bob");
  befriend("carol");
  start_traffic(alice_, bob);
  withhold_from(bob);
  rotate();
  ASSERT_TRUE(eventually(kSeen, [&] { return epoch(alice_) == 2; }));
  EXPECT_TRUE(eventually(kContact, [&] { return epoch(bob) == 2; })) << epoch(bob);
  expect_all_is_well();
}

// Nor of a kick: the others tell him, and he drops the tunnel.
TEST_F(AttackerGossip, AHiddenKickComesFromAMember) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  start_traffic(alice_, bob);
  const auto carols = wireguard_of(carol);
  withhold_from(bob);
  rotate({.remove = {*PeerId::parse(carol.id())}, .revoke = {}});
  ASSERT_TRUE(eventually(kSeen, [&] { return !DeviceWatch::has(*alice_.player, carols); }));
  EXPECT_TRUE(eventually(kContact, [&] { return !DeviceWatch::has(*bob.player, carols); }));
  expect_all_is_well();
}

// An invite for one, shown to alice as used by one accomplice and to bob as used by another.
TEST_F(AttackerGossip, TwoHistoriesAreReportedWithinTenSecondsOfContact) {
  auto& bob = befriend("bob");
  const auto made = alice_.player->cli({"invite", "--uses", "1"});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto link =
      party::parse_invite_link(std::string(made.json.at("invite").as_string())).value();
  const auto invite = party::invite_keys(link.secret, party_id());
  const auto before = ledger();
  const auto& netns = bob.player->host().netns();
  netns.nft(
      "table inet alone { chain out { type filter hook output priority 0;\n"
      "meta l4proto udp drop\n}\n}\n");
  for (const auto* who : {&alice_, &bob}) {
    const Stranger accomplice;
    auto after = before;
    const auto admission = party::build_admission(before, invite, accomplice.device);
    ASSERT_TRUE(after.append(admission));
    const auto vip = after.suggest_vip(accomplice.device.peer_id()).value();
    const auto statement =
        party::build_statement(after, accomplice.device.identity, "mallory", vip).value();
    forge({who}, message("peer_updated", {admission, statement},
                         {{"peer_id", accomplice.device.peer_id().to_string()}}));
  }
  for (const auto* who : {&alice_, &bob})
    ASSERT_TRUE(eventually(kSeen, [&] { return who->player->peer("mallory").has_value(); }));
  netns.nft("delete table inet alone");
  ASSERT_TRUE(pings(*bob.player, alice_.membership.vip));
  EXPECT_TRUE(told(alice_, "members_split", "bob", kContact));
  EXPECT_TRUE(told(bob, "members_split", "alice", kContact));
}

}  // namespace
}  // namespace lanrage::lab
