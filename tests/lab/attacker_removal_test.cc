// A malicious control server that wants to part the members, or to bring back whom they removed.
#include <filesystem>
#include <gtest/gtest.h>

#include "attacker_fixture.hpp"

namespace lanrage::lab {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

class AttackerRemoval : public AttackerTest {
 protected:
  // Alice kicks `who`, by her root key; the others drop the tunnel.
  void kick(const Friend& who, const std::vector<const Friend*>& others) {
    const auto key = wireguard_of(who);
    rotate({.remove = {*PeerId::parse(who.id())}, .revoke = {}});
    for (const auto* other : others)
      ASSERT_TRUE(eventually(kSeen, [&] { return !DeviceWatch::has(*other->player, key); }));
    watch_->forget();
  }
};

TEST_F(AttackerRemoval, WithoutASignatureNobodyIsGone) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  start_traffic(alice_, bob);
  // To alice in the three ways of saying so, to bob himself in two.
  forge({&alice_}, message("peer_left", {}, {{"peer_id", bob.id()}, {"reason", "left"}}));
  EXPECT_TRUE(told(alice_, "unsigned_removal", "\"bob\""));
  const auto epoch = ledger().key_epoch();
  forge({&carol},
        message("key_rotated", {}, {{"key_epoch", epoch}, {"removed", json::array{bob.id()}}}));
  EXPECT_TRUE(told(carol, "unsigned_removal", "\"bob\""));
  forge({&bob}, message("kicked", {}, {{"peer_id", bob.id()}, {"reason", "kicked"}}));
  EXPECT_TRUE(told(bob, "server_ended_service"));
  forge({&bob, &carol}, message("party_closed", {}, {{"reason", "unused"}}));
  EXPECT_TRUE(told(bob, "server_closed_party"));
  EXPECT_TRUE(told(carol, "server_closed_party"));

  attacker_.cut(alice_.id());
  EXPECT_TRUE(told_as_past(alice_, "unsigned_removal"));
  auto snapshot = snapshot_for(alice_, log());
  auto& peers = snapshot.at("party").at("peers").as_array();
  for (auto* peer = peers.begin(); peer != peers.end();)
    peer = peer->at("peer_id").as_string() == carol.id() ? peers.erase(peer) : peer + 1;
  ASSERT_TRUE(eventually(kSeen, [&] { return attacker_.send(alice_.id(), snapshot); }));
  EXPECT_TRUE(told(alice_, "unsigned_removal", "\"carol\""));

  for (const auto* who : {&alice_, &bob, &carol}) {
    EXPECT_EQ(who->player->peers().size(), 2u);
    EXPECT_TRUE(DeviceWatch::has(*who->player, wireguard_of(who == &bob ? carol : bob)));
  }
  EXPECT_TRUE(pings(*carol.player, bob.membership.vip));
  expect_all_is_well();

  for (const auto* who : {&bob, &carol})
    attacker_.cut(who->id());
  EXPECT_TRUE(told_as_past(bob, "server_ended_service"));
  EXPECT_TRUE(told_as_past(carol, "server_closed_party"));
}

TEST_F(AttackerRemoval, AKickIsNotTakenBack) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  start_traffic(alice_, bob);
  const auto before = log();
  const auto carols = wireguard_of(carol);
  kick(carol, {&alice_, &bob});

  // The log as it was before; then with a roster less but all that followed it.
  for (const auto* who : {&alice_, &bob})
    ASSERT_TRUE(attacker_.send(who->id(), snapshot_for(*who, before)));
  EXPECT_TRUE(told(alice_, "server_behind"));
  EXPECT_TRUE(told(bob, "server_behind"));
  const Stranger mallory;
  const auto link = party::parse_invite_link(alice_.membership.invite).value();
  auto other = before;
  other.push_back(party::build_admission(party::Ledger::replay(party_id(), before).value(),
                                         party::invite_keys(link.secret, party_id()),
                                         mallory.device));
  for (const auto* who : {&alice_, &bob})
    ASSERT_TRUE(attacker_.send(who->id(), snapshot_for(*who, other)));
  EXPECT_TRUE(told(alice_, "split_view"));
  EXPECT_TRUE(told(bob, "split_view"));
  expect_all_is_well();

  // Also after a restart of the agent, whose server shows the old log alone.
  attacker_.rewrite_messages([&](const auto&, json::object message) {
    if (message.at("type").as_string() == "party_update")
      message.at("party").as_object()["log"] = as_json(before);
    return AttackerServer::Messages{message};
  });
  bob.player->stop_agent();
  bob.player->start_agent();
  EXPECT_TRUE(told(bob, "server_behind"));
  EXPECT_TRUE(pings(*bob.player, alice_.membership.vip));
  for (const auto* who : {&alice_, &bob})
    EXPECT_FALSE(watch_->ever(*who->player).contains(carols));
  expect_all_is_well();

  attacker_.behave();
  for (const auto* who : {&alice_, &bob})
    attacker_.cut(who->id());
  EXPECT_TRUE(told_as_past(alice_, "split_view"));
  EXPECT_TRUE(told_as_past(bob, "server_behind"));
}

// The same by a database from a backup: no malice, but nothing else either.
TEST_F(AttackerRemoval, ARestoredDatabaseBringsNobodyBack) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  start_traffic(alice_, bob);
  const auto carols = wireguard_of(carol);
  const auto backup = server_.data_dir().parent_path() / "backup";
  server_.stop();
  fs::copy(server_.data_dir(), backup, fs::copy_options::recursive);
  server_.start();
  for (const auto* who : {&alice_, &bob})
    ASSERT_TRUE(eventually(kSeen, [&] { return attacker_.has_caught_up(who->id()); }));
  kick(carol, {&alice_, &bob});

  server_.stop();
  fs::remove_all(server_.data_dir());
  fs::rename(backup, server_.data_dir());
  server_.start();
  // It doesn't know the kick, until a member hands the roster back.
  EXPECT_TRUE(eventually(kReachable, [&] {
    return ledger().member(*PeerId::parse(carol.id())) == nullptr;
  })) << "the server still has carol as a member";
  for (const auto* who : {&alice_, &bob})
    EXPECT_FALSE(watch_->ever(*who->player).contains(carols));
  expect_all_is_well();
}

}  // namespace
}  // namespace lanrage::lab
