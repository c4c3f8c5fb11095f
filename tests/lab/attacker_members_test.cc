// A malicious control server that wants somebody in whom the members didn't invite, or another key
// for somebody who is.
#include <gtest/gtest.h>

#include "attacker_fixture.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;

using AttackerMembers = AttackerTest;

// As the genuine server would show a new peer.
json::object peer_json(const Stranger& stranger) {
  const auto& device = stranger.device;
  return {{"peer_id", device.peer_id().to_string()},
          {"identity", as_json(device.identity.public_key().bytes)},
          {"nick", "mallory"},
          {"vip", "10.66.0.99"},
          {"wireguard_key", as_json(stranger.wireguard().bytes)},
          {"box_key", as_json(device.box.public_key().bytes)},
          {"joined_seq", 1},
          {"online", true}};
}

// Admission and statement by an invite's keys, for the ledger as it is.
Records admission_of(const party::Ledger& ledger, const Stranger& stranger,
                     const party::InviteKeys& invite, const IpAddress& vip) {
  return {party::build_admission(ledger, invite, stranger.device),
          party::build_statement(ledger, stranger.device.identity, "mallory", vip).value()};
}

// A roster that adds the stranger to the members, signed by a key of its own.
Bytes roster_with(const party::Ledger& ledger, const Stranger& stranger) {
  auto roster = ledger.roster();
  roster.signer = stranger.signing.public_key();
  roster.previous_roster = ledger.roster_hash();
  roster.log_head = ledger.head();
  ++roster.key_epoch;
  roster.members.push_back({stranger.device.identity.public_key(), stranger.wireguard(),
                            stranger.device.box.public_key(), *IpAddress::parse("10.66.0.99")});
  return party::sign_record(roster, ledger.party_id(), {&stranger.signing});
}

TEST_F(AttackerMembers, APeerOfTheServersOwnGetsInNowhere) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  start_traffic(alice_, bob);
  const Stranger mallory;
  const auto before = ledger();
  const auto invite = party::invite_keys(mallory.invite, party_id());
  const json::object peer{{"peer", peer_json(mallory)}};

  // By an invite that nobody made; by one of an own root key; by a roster of that key.
  forge({&alice_},
        message("peer_joined",
                admission_of(before, mallory, invite, *IpAddress::parse("10.66.0.99")), peer));
  const party::Invite forged{mallory.signing.public_key(),
                             before.roster_hash(),
                             {invite.signing.public_key(), invite.box.public_key(), 1, 0,
                              UnixTime(std::chrono::days(40'000))}};
  Records records{party::sign_record(forged, party_id(), {&mallory.signing})};
  forge({&bob}, message("invite_added", records, {{"invite_id", invite.id().to_string()}}));
  forge({&carol}, message("key_rotated", {roster_with(before, mallory)},
                          {{"key_epoch", before.key_epoch() + 1}, {"removed", json::array()}}));
  EXPECT_TRUE(told(alice_, "record_refused"));
  EXPECT_TRUE(told(bob, "record_refused"));
  EXPECT_TRUE(told(carol, "record_refused"));

  // Without any record.
  forge({&alice_, &bob}, message("peer_joined", {}, peer));
  for (const auto* who : {&alice_, &bob}) {
    EXPECT_TRUE(told(*who, "false_peer", mallory.device.peer_id().to_string()));
    EXPECT_FALSE(who->player->peer("mallory"));
  }
  auto snapshot = snapshot_for(carol, log());
  snapshot.at("party").at("peers").as_array().emplace_back(peer.at("peer"));
  ASSERT_TRUE(attacker_.send(carol.id(), snapshot));
  EXPECT_TRUE(told(carol, "false_peer", mallory.device.peer_id().to_string()));

  expect_all_is_well();
  for (const auto* who : {&alice_, &bob, &carol})
    attacker_.cut(who->id());
  for (const auto* who : {&alice_, &bob, &carol}) {
    EXPECT_TRUE(told_as_past(*who, "record_refused"));
    EXPECT_TRUE(told_as_past(*who, "false_peer"));
  }
}

TEST_F(AttackerMembers, AMembersKeyIsNotSwapped) {
  auto& bob = befriend("bob");
  start_traffic(alice_, bob);
  const Stranger mallory;

  // In what the server says beside the records.
  auto snapshot = snapshot_for(alice_, log());
  for (auto& peer : snapshot.at("party").at("peers").as_array())
    if (peer.at("peer_id").as_string() == bob.id())
      peer.as_object()["wireguard_key"] = as_json(mallory.wireguard().bytes);
  ASSERT_TRUE(attacker_.send(alice_.id(), snapshot));
  EXPECT_TRUE(told(alice_, "false_peer", "\"bob\""));

  // In his admission, whose signatures the server can't make anew.
  const auto genuine = record_of<party::Admission>(bob);
  auto admission = party::read_record<party::Admission>(genuine).value();
  admission.wireguard = mallory.wireguard();
  const auto swapped =
      party::sign_record(admission, party_id(), {&mallory.signing, &mallory.device.identity});
  auto history = log();
  std::ranges::replace(history, genuine, swapped);
  ASSERT_TRUE(attacker_.send(alice_.id(), snapshot_for(alice_, history)));
  EXPECT_TRUE(told(alice_, "record_refused", "signature"));

  // To somebody who knows no record yet.
  attacker_.rewrite_answers([&](const auto& request, auto& answer) {
    if (request.target.ends_with("/open")) answer.body.as_object()["log"] = as_json(history);
  });
  Player& carol = add_player("carol", NatKind::open);
  const auto refused = carol.cli({"join", alice_.membership.invite});
  EXPECT_EQ(refused.status, 1) << refused.out;
  EXPECT_NE(refused.err.find("signature"), std::string::npos) << refused.err;
  EXPECT_FALSE(carol.party());

  // An accomplice with a true invite takes bob's key as its own: the first in the log keeps it.
  attacker_.behave();
  const auto link = party::parse_invite_link(alice_.membership.invite).value();
  Stranger accomplice;
  accomplice.device.wireguard = mallory.device.wireguard;
  auto claimed = party::read_record<party::Admission>(
                     party::build_admission(ledger(), party::invite_keys(link.secret, party_id()),
                                            accomplice.device))
                     .value();
  claimed.wireguard = wireguard_of(bob);
  const auto invite = party::invite_keys(link.secret, party_id());
  forge({&alice_}, message("peer_joined",
                           {party::sign_record(claimed, party_id(),
                                               {&invite.signing, &accomplice.device.identity})},
                           {{"peer", peer_json(accomplice)}}));
  EXPECT_TRUE(told(alice_, "record_refused", "wireguard"));
  expect_all_is_well();
}

TEST_F(AttackerMembers, AnOldMembershipIsNotReplayed) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  auto& dave = befriend("dave");
  start_traffic(alice_, bob);
  const Records carols{record_of<party::Admission>(carol), record_of<party::Statement>(carol)};
  const Records daves{record_of<party::Admission>(dave), record_of<party::Statement>(dave)};
  const json::object carol_shown{{"peer", shown(carol)}};
  const json::object dave_shown{{"peer", shown(dave)}};

  ASSERT_EQ(carol.player->cli({"leave"}).status, 0);
  ASSERT_TRUE(eventually(
      kSeen, [&] { return !alice_.player->peer("carol") && !bob.player->peer("carol"); }));
  const auto gone = [&](const Friend& who) {
    return eventually(kSeen, [&] {
      return !DeviceWatch::has(*alice_.player, wireguard_of(who)) &&
             !DeviceWatch::has(*bob.player, wireguard_of(who));
    });
  };
  ASSERT_TRUE(gone(carol));
  watch_->forget();
  forge({&alice_, &bob}, message("peer_joined", carols, carol_shown));
  EXPECT_TRUE(told(alice_, "record_refused"));
  EXPECT_TRUE(told(bob, "record_refused"));
  EXPECT_FALSE(watch_->ever(*alice_.player).contains(wireguard_of(carol)));

  rotate({.remove = {*PeerId::parse(dave.id())}, .revoke = {}});
  ASSERT_TRUE(gone(dave));
  watch_->forget();
  for (const auto* who : {&alice_, &bob})
    attacker_.cut(who->id());
  for (const auto* who : {&alice_, &bob})
    EXPECT_TRUE(told_as_past(*who, "record_refused"));
  forge({&alice_, &bob}, message("peer_joined", daves, dave_shown));
  EXPECT_TRUE(told(alice_, "record_refused", "roster"));
  EXPECT_TRUE(told(bob, "record_refused", "roster"));
  for (const auto* who : {&alice_, &bob}) {
    EXPECT_FALSE(watch_->ever(*who->player).contains(wireguard_of(carol)));
    EXPECT_FALSE(watch_->ever(*who->player).contains(wireguard_of(dave)));
  }
  expect_all_is_well();
}

TEST_F(AttackerMembers, ASpentInviteLetsNobodyIn) {
  const auto made = alice_.player->cli({"invite", "--uses", "1"});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string invite(made.json.at("invite").as_string());
  auto& bob = befriend("bob", invite);
  start_traffic(alice_, bob);

  // The server hands the link to an accomplice and counts nothing.
  const Stranger mallory;
  const auto link = party::parse_invite_link(invite).value();
  forge({&alice_, &bob},
        message("peer_joined",
                admission_of(ledger(), mallory, party::invite_keys(link.secret, party_id()),
                             *IpAddress::parse("10.66.0.99")),
                {{"peer", peer_json(mallory)}}));
  EXPECT_TRUE(told(alice_, "record_refused"));
  EXPECT_TRUE(told(bob, "record_refused"));
  expect_all_is_well();
}

// Whoever holds an invite that has expired may have signed anything at any time, and the server
// says that it came in time.
TEST_F(AttackerMembers, AnExpiredInviteAdmitsNobodyWhateverTheServerSays) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  start_traffic(bob, carol);
  const Stranger mallory;
  const auto link = party::parse_invite_link(alice_.membership.invite).value();
  const auto invite = party::invite_keys(link.secret, party_id());
  const auto before = ledger();
  const auto vip = before.suggest_vip(mallory.device.peer_id()).value();
  const auto backdated = admission_of(before, mallory, invite, vip);

  // The invite's day goes by for the host, and one more in which the server's clock stands still;
  // its agent closes the invite, and asks nobody.
  alice_.player->stop_agent();
  alice_.player->set_clock_ahead(std::chrono::hours(49));
  alice_.player->start_agent();
  ASSERT_TRUE(eventually(kSeen * 2, [&] { return ledger().invite(invite.id()) == nullptr; }));
  const auto after = ledger();
  EXPECT_EQ(after.key_epoch(), 2u);
  EXPECT_EQ(after.members().size(), 3u);
  for (const auto* who : {&alice_, &bob, &carol})
    ASSERT_TRUE(eventually(kSeen, [&] {
      const auto party = who->player->party();
      return party && party->at("key_epoch").to_number<int>() == 2;
    })) << who->player->nick();

  const json::object peer{{"peer", peer_json(mallory)}};
  for (const auto* who : {&alice_, &bob, &carol}) {
    forge({who}, message("peer_joined", backdated, peer));
    EXPECT_TRUE(told(*who, "record_refused", "another roster"));
    forge({who}, message("peer_joined", admission_of(after, mallory, invite, vip), peer));
    EXPECT_TRUE(told(*who, "record_refused", "no such invite"));
    EXPECT_EQ(who->player->peers().size(), 2u);
  }
  EXPECT_TRUE(pings(*bob.player, alice_.membership.vip));
  expect_all_is_well();
}

TEST_F(AttackerMembers, WhoeverKeepsAnEndedInviteOpenIsNamed) {
  befriend("bob");
  attacker_.rewrite_answers(
      [](const AttackerServer::Request& request, AttackerServer::Answer& answer) {
        if (request.target.ends_with("/rotate") || request.method == "GET")
          answer = {500, json::object{{"code", "internal"}, {"detail", "no"}, {"status", 500}}};
      });
  attacker_.rewrite_messages([](const std::string&, json::object message) {
    const bool rotation = message.at("type") == "key_rotated";
    return rotation ? AttackerServer::Messages{} : AttackerServer::Messages{std::move(message)};
  });
  alice_.player->stop_agent();
  alice_.player->set_clock_ahead(std::chrono::hours(49));
  alice_.player->start_agent();
  EXPECT_TRUE(told(alice_, "ended_invite_open", "can still join", kSeen * 2));
}

}  // namespace
}  // namespace lanrage::lab
