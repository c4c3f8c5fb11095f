// A malicious control server that meddles with the party's key, and one in the true server's place.
#include <gtest/gtest.h>

#include "attacker_fixture.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;

class AttackerKeys : public AttackerTest {
 protected:
  static int epoch_of(const Friend& who) {
    return who.player->party()->at("key_epoch").to_number<int>();
  }
};

// Whatever holds a box for the agent, with another in its place; an empty one takes it away.
AttackerServer::MessageScript with_box(const std::string& peer_id, const std::string& box) {
  return [=](const std::string& to, json::object message) {
    if (to == peer_id && message.contains("box")) {
      if (box.empty())
        message.erase("box");
      else
        message["box"] = box;
    }
    return AttackerServer::Messages{message};
  };
}

TEST_F(AttackerKeys, ASubstitutedBoxKeepsNobodyFromTheKey) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  start_traffic(alice_, bob);
  const std::string alices(snapshot_for(alice_, log()).at("box").as_string());
  attacker_.rewrite_messages(with_box(bob.id(), alices));
  rotate();
  for (const auto* who : {&alice_, &carol, &bob})  // bob by the others' hand
    EXPECT_TRUE(eventually(kSeen, [&] { return epoch_of(*who) == 2; })) << who->player->nick();
  expect_all_is_well();
}

// Where no member is in reach, the player is told; and it is over as soon as one is.
TEST_F(AttackerKeys, WhoHasTheServerAloneIsToldOfAFalseOrMissingBox) {
  auto& bob = befriend("bob");
  const auto& netns = bob.player->host().netns();
  netns.nft(
      "table inet alone { chain out { type filter hook output priority 0;\n"
      "meta l4proto udp drop\n}\n}\n");
  attacker_.rewrite_messages(with_box(bob.id(), ""));
  rotate();
  EXPECT_TRUE(told(bob, "party_key_missing"));
  const std::string alices(snapshot_for(alice_, log()).at("box").as_string());
  attacker_.rewrite_messages(with_box(bob.id(), alices));
  attacker_.cut(bob.id());
  EXPECT_TRUE(told(bob, "party_key_refused"));
  EXPECT_EQ(epoch_of(bob), 1);

  netns.nft("delete table inet alone");
  EXPECT_TRUE(eventually(kReachable, [&] { return epoch_of(bob) == 2; }));
  EXPECT_TRUE(told_as_past(bob, "party_key_missing"));
  EXPECT_TRUE(told_as_past(bob, "party_key_refused"));
  EXPECT_TRUE(pings(*bob.player, alice_.membership.vip));
  expect_all_is_well();
}

TEST_F(AttackerKeys, WhoJoinsByASubstitutedBoxIsToldSo) {
  auto& bob = befriend("bob");
  start_traffic(alice_, bob);
  const std::string others(snapshot_for(alice_, log()).at("box").as_string());
  for (const auto& box : {as_json(Bytes(148, 0x5a)), others}) {
    attacker_.rewrite_answers([&](const auto& request, auto& answer) {
      if (request.target.ends_with("/open")) answer.body.as_object()["box"] = box;
    });
    Player& carol = add_player("carol", NatKind::open);
    const auto refused = carol.cli({"join", alice_.membership.invite});
    EXPECT_EQ(refused.status, 1) << refused.out;
    EXPECT_NE(refused.err.find("box"), std::string::npos) << refused.err;
    EXPECT_FALSE(carol.party());
  }
  expect_all_is_well();
}

TEST_F(AttackerKeys, AnotherCertificateIsAskedNothing) {
  auto& bob = befriend("bob");
  start_traffic(alice_, bob);
  attacker_.show_false_certificate(true);
  EXPECT_TRUE(told(alice_, "wrong_certificate", server_.url()));
  EXPECT_TRUE(told(bob, "wrong_certificate", server_.url()));
  const auto asked = attacker_.requests();
  Player& carol = add_player("carol", NatKind::open);
  const auto refused = carol.cli({"join", alice_.membership.invite});
  EXPECT_EQ(refused.status, 1) << refused.out;
  EXPECT_NE(refused.err.find("pin"), std::string::npos) << refused.err;
  EXPECT_EQ(attacker_.requests(), asked) << "something was sent to a server that isn't ours";
  EXPECT_TRUE(pings(*bob.player, alice_.membership.vip));
  expect_all_is_well();

  attacker_.show_false_certificate(false);
  EXPECT_TRUE(told_as_past(alice_, "wrong_certificate"));
  EXPECT_TRUE(told_as_past(bob, "wrong_certificate"));
}

}  // namespace
}  // namespace lanrage::lab
