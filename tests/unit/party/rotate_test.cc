// What the server does with rotations, charters, barring, and the journal it keeps of all events.
#include "fixture.hpp"

namespace lanrage::party {
namespace {

struct RotateTest : testing::Test {
  World world;
  DeviceKeys bob = joined();
  DeviceKeys cid = joined();

  DeviceKeys joined() {
    auto device = make_device(world.random);
    EXPECT_EQ(code_of(world.join(device)), "ok");
    return device;
  }
  std::string refusal(const DeviceKeys& actor, Action action) {
    const auto seq = world.party.seq;
    const auto digest = world.party.digest();
    auto code = code_of(world.run(world.command(actor, std::move(action))));
    if (code != "ok") {
      EXPECT_EQ(world.party.seq, seq);
      EXPECT_EQ(world.party.digest(), digest);
    }
    return code;
  }
  Error refusal_of(const Rotate& rotate) {
    return apply(world.party, world.command(world.host, rotate), world.now, world.limits).error();
  }
};

TEST_F(RotateTest, AKickIsOneEvent) {
  const auto seq = world.party.seq;
  const auto outcome = world.kick(bob).value();
  ASSERT_EQ(outcome.events.size(), 1u);
  const auto& event = outcome.events[0];
  EXPECT_EQ(event.type, EventType::key_rotated);
  EXPECT_EQ(event.seq, seq + 1);
  EXPECT_EQ(event.subject, world.host.peer_id());
  EXPECT_EQ(event.removed, std::vector{bob.peer_id()});
  EXPECT_EQ(event.records.size(), 1u);
  EXPECT_FALSE(world.party.peers.contains(bob.peer_id()));
  EXPECT_EQ(world.party.peers.size(), 2u);
}

TEST_F(RotateTest, OldBoxesGo) {
  const auto made = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  const auto rotation = world.new_rotation({{bob.peer_id()}, {}}).value();
  ASSERT_TRUE(world.rotate(world.host, rotation));
  // Host, Cid and the invite that nobody used.
  ASSERT_EQ(world.party.boxes.size(), 3u);
  for (const auto& box : rotation.boxes)
    EXPECT_EQ(*world.party.box_for(box.recipient), box.box);
  EXPECT_EQ(world.party.box_for(world.invite().box.public_key()), nullptr);
}

TEST_F(RotateTest, BoxesAreExactlyThoseOfTheRoster) {
  const auto rotation = world.new_rotation().value();
  const auto with = [&](const std::function<void(std::vector<SealedBox>&)>& change) {
    Rotate rotate{rotation.roster, rotation.boxes};
    change(rotate.boxes);
    return refusal(world.host, rotate);
  };
  EXPECT_EQ(rotation.boxes.size(), 4u);
  EXPECT_EQ(with([](auto& boxes) { boxes.pop_back(); }), "missing_box");
  EXPECT_EQ(with([](auto& boxes) { boxes.clear(); }), "missing_box");
  EXPECT_EQ(with([](auto& boxes) { boxes.push_back(boxes[0]); }), "missing_box");
  EXPECT_EQ(with([](auto& boxes) { boxes[0].recipient = {}; }), "missing_box");
  EXPECT_EQ(with([](auto& boxes) { boxes[0].box.pop_back(); }), "missing_box");
  EXPECT_EQ(refusal_of({rotation.roster, {}}).field(), "boxes");
  EXPECT_EQ(with([](auto&) {}), "ok");
}

TEST_F(RotateTest, WhoSignedCountsNotWhoHandsItIn) {
  const auto rotation = world.new_rotation().value();
  EXPECT_EQ(refusal(make_device(world.random), Rotate{rotation.roster, rotation.boxes}),
            "not_member");
  EXPECT_EQ(refusal(bob, Rotate{world.made.charter, {}}), "malformed_record");
  auto body = read_record<Roster>(rotation.roster).value();
  body.signer = bob.identity.public_key();
  EXPECT_EQ(refusal(bob, Rotate{sign_record(body, world.made.id, {&bob.identity}), rotation.boxes}),
            "wrong_signer");
  EXPECT_EQ(code_of(world.rotate(bob, rotation)), "ok");
}

TEST_F(RotateTest, AStaleRosterSaysWhatToDo) {
  const auto early = world.new_rotation().value();
  joined();
  const auto error = refusal_of({early.roster, early.boxes});
  EXPECT_TRUE(error.is(Errc::stale_epoch));
  EXPECT_EQ(error.field(), "roster.log_head");
}

TEST_F(RotateTest, ARepeatedRotationGivesTheFirstAnswer) {
  const auto rotation = world.new_rotation({{bob.peer_id()}, {}}).value();
  auto command = world.command(world.host, Rotate{rotation.roster, rotation.boxes});
  const auto first = world.run(command).value();
  const auto again = world.run(command).value();
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.seq, first.seq);
  command.action = Rotate{rotation.roster, {}};
  EXPECT_EQ(code_of(world.run(command)), "request_id_reused");
}

TEST_F(RotateTest, ALowerLimitOfInvitesDoesNotStandInTheWayOfAKick) {
  const auto made = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  world.limits.open_invites = 0;
  EXPECT_EQ(code_of(world.rotate(world.host, world.new_rotation().value())), "ok");
  auto body = read_record<Roster>(world.new_rotation()->roster).value();
  const auto fresh = invite_keys(InviteSecret(world.random.array<16>()), world.made.id);
  body.invites.push_back({fresh.signing.public_key(), fresh.box.public_key(), 2, 0, kStart + 1h});
  EXPECT_EQ(refusal(world.host, Rotate{sign_record(body, world.made.id, {&world.made.root}), {}}),
            "too_many_invites");
}

TEST_F(RotateTest, AFullLogDoesNotStandInTheWayOfAKick) {
  world.limits.log_records = world.party.log.size();
  EXPECT_EQ(refusal(bob, Update{world.statement(bob, "B", world.ledger()), {}}), "log_full");
  EXPECT_EQ(code_of(world.change_charter({{}, {{cid.peer_id()}}})), "ok");
  EXPECT_EQ(code_of(world.kick(bob)), "ok");
}

TEST_F(RotateTest, AServerHasALimitOfBytes) {
  world.limits.log_bytes = world.party.log_bytes;
  EXPECT_EQ(refusal(bob, Update{world.statement(bob, "B", world.ledger()), {}}), "log_full");
  const auto rotation = world.new_rotation().value();
  EXPECT_EQ(code_of(world.rotate(world.host, rotation)), "log_full");
  world.limits.log_bytes += rotation.roster.size();
  EXPECT_EQ(code_of(world.rotate(world.host, rotation)), "ok");
  EXPECT_EQ(world.party.log_bytes, world.limits.log_bytes);
  EXPECT_EQ(code_of(world.leave(bob)), "ok");
}

TEST_F(RotateTest, ACharterIsOneEvent) {
  const auto boxes = world.party.boxes;
  const auto outcome = world.change_charter({bob.peer_id(), {{cid.peer_id()}}}).value();
  ASSERT_EQ(outcome.events.size(), 1u);
  EXPECT_EQ(outcome.events[0].type, EventType::charter_changed);
  EXPECT_EQ(outcome.events[0].subject, bob.peer_id());
  EXPECT_EQ(world.party.boxes, boxes);
  EXPECT_EQ(refusal(world.host, Close{}), "not_host");
  EXPECT_EQ(refusal(bob, Close{}), "ok");
}

TEST_F(RotateTest, ACharterNeedsAMemberToHandItIn) {
  const auto charter = build_charter(world.ledger(), world.made.root, {}).value();
  EXPECT_EQ(refusal(make_device(world.random), ChangeCharter{charter}), "not_member");
  EXPECT_EQ(refusal(bob, ChangeCharter{world.made.roster}), "malformed_record");
  EXPECT_EQ(refusal(bob, ChangeCharter{world.made.charter}), "invalid_charter");
  EXPECT_EQ(refusal(bob, ChangeCharter{charter}), "ok");
}

TEST_F(RotateTest, AHostThatLeftDoesNotCloseTheParty) {
  ASSERT_TRUE(world.leave(world.host));
  EXPECT_EQ(refusal(world.host, Close{}), "not_host");
  EXPECT_TRUE(world.party.exists());
}

TEST_F(RotateTest, BarringEndsServiceAndChangesNoRecord) {
  const auto members = world.ledger().members();
  const auto log = world.party.log;
  const auto outcome = world.bar(bob).value();
  ASSERT_EQ(outcome.events.size(), 1u);
  EXPECT_EQ(outcome.events[0].type, EventType::peer_barred);
  EXPECT_EQ(outcome.events[0].subject, bob.peer_id());
  EXPECT_FALSE(outcome.events[0].request);
  EXPECT_EQ(world.ledger().members(), members);
  EXPECT_EQ(world.party.log, log);
  EXPECT_FALSE(world.party.serves(bob.peer_id()));
  EXPECT_TRUE(world.party.serves(cid.peer_id()));
  EXPECT_FALSE(world.party.serves(PeerId{}));
}

TEST_F(RotateTest, ABarredPeerHasNoSay) {
  const auto leave = build_leave(world.ledger(), bob.identity);
  ASSERT_TRUE(world.bar(bob));
  EXPECT_EQ(refusal(bob, Depart{leave}), "not_member");
  EXPECT_EQ(refusal(bob, Update{std::nullopt, {"open", {}}}), "not_member");
  EXPECT_EQ(refusal(bob, world.join_action(bob, world.invite())), "barred");
  const auto rotation = world.new_rotation().value();
  EXPECT_EQ(refusal(bob, Rotate{rotation.roster, rotation.boxes}), "not_member");
  EXPECT_EQ(code_of(open_invite(world.party, world.invite().id(), bob.peer_id(), world.now)),
            "barred");
  // It is still a member: the others' rosters name it.
  EXPECT_EQ(code_of(world.rotate(world.host, rotation)), "ok");
}

TEST_F(RotateTest, ABarredPeerDoesNotComeBack) {
  const auto made = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  ASSERT_TRUE(world.bar(bob));
  ASSERT_TRUE(world.kick(bob));
  EXPECT_EQ(code_of(world.join(bob, invite_keys(made.secret, world.made.id))), "barred");
}

TEST_F(RotateTest, OnlyAMemberIsBarredAndOnce) {
  EXPECT_EQ(code_of(world.bar(make_device(world.random))), "not_member");
  ASSERT_TRUE(world.bar(bob));
  const auto again = world.bar(bob).value();
  EXPECT_TRUE(again.events.empty());
  EXPECT_EQ(code_of(apply(Party(world.made.id), {{}, "", Bar{bob.peer_id()}}, world.now)),
            "unknown_party");
}

TEST_F(RotateTest, TheJournalKeepsWhatMembersAreTold) {
  ASSERT_TRUE(world.run(world.command(bob, Update{std::nullopt, {"open", {}}})));
  ASSERT_TRUE(world.kick(bob));
  for (const auto& event : world.journal) {
    const auto* entry = world.party.entry(event.seq);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->seq, event.seq);
    EXPECT_EQ(entry->type, event.type);
    EXPECT_EQ(entry->subject, event.subject);
    EXPECT_EQ(entry->at, event.at);
    EXPECT_EQ(entry->hints, event.hints);
    EXPECT_EQ(entry->removed, event.removed);
    const auto records = world.party.records_of(*entry);
    EXPECT_EQ(std::vector<Bytes>(records.begin(), records.end()), event.records);
  }
  EXPECT_EQ(world.party.entry(0), nullptr);
  EXPECT_EQ(world.party.entry(world.party.seq + 1), nullptr);
  EXPECT_EQ(world.party.entry(world.party.seq)->digest, world.party.digest());
}

TEST_F(RotateTest, EachDigestIsTheOneOfItsTime) {
  EXPECT_EQ(Party(world.made.id).digest(), crypto::Hash{});
  for (const char* type : {"open", "symmetric"}) {
    ASSERT_TRUE(world.run(world.command(bob, Update{std::nullopt, {type, {}}})));
    EXPECT_EQ(world.party.digest(), digest(world.ledger(), world.party.seq));
  }
  ASSERT_TRUE(world.kick(bob));
  Party again(world.made.id);
  for (const auto& event : world.journal) {
    ASSERT_TRUE(evolve(again, event));
    EXPECT_EQ(world.party.entry(event.seq)->digest, again.digest());
  }
}

TEST_F(RotateTest, TheJournalIsBounded) {
  world.limits.journal_events = 2;
  for (const char* type : {"a", "b", "c"})
    ASSERT_TRUE(world.run(world.command(bob, Update{std::nullopt, {type, {}}})));
  EXPECT_EQ(world.party.journal.size(), 2u);
  EXPECT_EQ(world.party.entry(world.party.seq - 2), nullptr);
  EXPECT_EQ(world.party.entry(world.party.seq - 1)->hints.nat_type, "b");
  world.limits.journal_events = 0;
  ASSERT_TRUE(world.run(world.command(bob, Update{std::nullopt, {"d", {}}})));
  EXPECT_EQ(world.party.entry(world.party.seq), nullptr);
}

TEST_F(RotateTest, AnEventThatNamesOthersThanItsRosterIsDamage) {
  const auto rotation = world.new_rotation({{bob.peer_id()}, {}}).value();
  auto event = apply(world.party,
                     world.command(world.host, Rotate{rotation.roster, rotation.boxes}), world.now)
                   ->events.at(0);
  event.removed = {cid.peer_id()};
  auto party = world.party;
  EXPECT_EQ(code_of(evolve(party, event)), "malformed_record");
  event.type = EventType::peer_barred;
  event.subject = PeerId{};
  event.removed.clear();
  event.records.clear();
  party = world.party;
  EXPECT_EQ(code_of(evolve(party, event)), "not_member");
}

}  // namespace
}  // namespace lanrage::party
