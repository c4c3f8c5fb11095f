#include "party/apply.hpp"

#include "fixture.hpp"
#include "party/snapshot.hpp"

namespace lanrage::party {
namespace {

struct ApplyTest : testing::Test {
  World world;
  DeviceKeys bob = make_device(world.random);
  DeviceKeys eve = make_device(world.random);

  std::string refusal(const DeviceKeys& actor, Action action) {
    const auto seq = world.party.seq;
    auto code = code_of(world.run(world.command(actor, std::move(action))));
    if (code != "ok") EXPECT_EQ(world.party.seq, seq);
    return code;
  }
  std::string creation(Create create) {
    const Command command{world.host.peer_id(), "create", std::move(create)};
    return code_of(apply(Party(world.made.id), command, kStart, world.limits));
  }
};

TEST_F(ApplyTest, CreateMakesTheFirstEvent) {
  ASSERT_EQ(world.journal.size(), 1u);
  const auto& event = world.journal[0];
  EXPECT_EQ(event.seq, 1u);
  EXPECT_EQ(event.type, EventType::created);
  EXPECT_EQ(event.subject, world.host.peer_id());
  EXPECT_EQ(event.records.size(), 3u);
  EXPECT_TRUE(world.party.exists());
  EXPECT_EQ(world.party.created_at, kStart);
  EXPECT_EQ(world.party.peers.at(world.host.peer_id()).joined_seq, 1u);
}

TEST_F(ApplyTest, CreateNeedsItsHostAsCallerAndAFreeId) {
  EXPECT_EQ(creation(world.create()), "ok");
  EXPECT_EQ(refusal(world.host, world.create()), "party_exists");
  const Command command{bob.peer_id(), "create", world.create()};
  EXPECT_EQ(code_of(apply(Party(world.made.id), command, kStart)), "wrong_actor");
}

TEST_F(ApplyTest, CreateNeedsExactlyTheRightBoxes) {
  auto create = world.create();
  create.boxes.pop_back();
  EXPECT_EQ(creation(create), "missing_box");
  create = world.create();
  create.boxes.push_back(create.boxes[0]);
  EXPECT_EQ(creation(create), "missing_box");
  create = world.create();
  create.boxes[0].recipient = bob.box.public_key();
  EXPECT_EQ(creation(create), "missing_box");
  create = world.create();
  create.boxes[0].box.pop_back();
  EXPECT_EQ(creation(create), "missing_box");
}

TEST_F(ApplyTest, CreateKeepsTheRules) {
  auto create = world.create();
  create.statement = world.made.roster;
  EXPECT_EQ(creation(create), "malformed_record");
  create = world.create();
  create.charter.back() ^= 1;
  EXPECT_EQ(creation(create), "bad_signature");
  create = world.create();
  create.hints.nat_type = "Symmetric!";
  EXPECT_EQ(creation(create), "invalid_hint");
  world.limits.open_invites = 0;
  EXPECT_EQ(creation(world.create()), "too_many_invites");
}

TEST_F(ApplyTest, JoinAddsOneMember) {
  auto join = world.join_action(bob, world.invite());
  join.hints.nat_type = "symmetric";
  const auto outcome = world.run(world.command(bob, join)).value();
  EXPECT_EQ(outcome.seq, 2u);
  ASSERT_EQ(outcome.events.size(), 1u);
  EXPECT_EQ(outcome.events[0].type, EventType::peer_joined);
  EXPECT_EQ(outcome.events[0].subject, bob.peer_id());
  EXPECT_EQ(world.ledger().member(bob.peer_id())->vip.to_string(), "10.66.0.2");
  EXPECT_EQ(world.party.peers.at(bob.peer_id()).hints.nat_type, "symmetric");
  EXPECT_EQ(world.party.peers.size(), world.ledger().members().size());
}

TEST_F(ApplyTest, JoinIsForTheCallerHimself) {
  EXPECT_EQ(refusal(eve, world.join_action(bob, world.invite())), "wrong_actor");
  auto join = world.join_action(bob, world.invite());
  join.statement = world.statement(eve, "Eve", world.ledger());
  EXPECT_EQ(refusal(bob, join), "wrong_actor");
}

TEST_F(ApplyTest, AJoinWhoseStatementIsRefusedAdmitsNobody) {
  auto join = world.join_action(bob, world.invite());
  join.statement =
      build_statement(world.ledger(), bob.identity, "Bob", *IpAddress::parse("10.66.0.1")).value();
  EXPECT_EQ(refusal(bob, join), "vip_taken");
  EXPECT_EQ(world.ledger().member(bob.peer_id()), nullptr);
  EXPECT_EQ(world.ledger().invite(world.invite().id())->used(), 0u);
}

TEST_F(ApplyTest, TwoWithTheSameSuggestionMeetAndTheLaterAsksAgain) {
  const auto first = world.join_action(bob, world.invite());
  const auto second = world.join_action(eve, world.invite());  // made before the first was in
  EXPECT_EQ(refusal(bob, first), "ok");
  EXPECT_EQ(refusal(eve, second), "vip_taken");
  EXPECT_EQ(code_of(world.join(eve)), "ok");
  EXPECT_EQ(world.ledger().member(eve.peer_id())->vip.to_string(), "10.66.0.3");
}

TEST_F(ApplyTest, AServerHasALimitOfPeers) {
  world.limits.peers = 2;
  ASSERT_TRUE(world.join(bob));
  EXPECT_EQ(code_of(world.join(eve)), "party_full");
  EXPECT_EQ(
      code_of(open_invite(world.party, world.invite().id(), eve.peer_id(), kStart, world.limits)),
      "party_full");
  EXPECT_EQ(
      code_of(open_invite(world.party, world.invite().id(), bob.peer_id(), kStart, world.limits)),
      "ok");
  ASSERT_TRUE(world.leave(bob));
  EXPECT_EQ(code_of(world.join(eve)), "ok");
}

TEST_F(ApplyTest, AServerHasALimitOfRecords) {
  ASSERT_TRUE(world.join(bob));
  world.limits.log_records = 6;
  EXPECT_EQ(code_of(world.join(eve)), "log_full");
  EXPECT_EQ(refusal(bob, Update{world.statement(bob, "B", world.ledger()), {}}), "ok");
  EXPECT_EQ(refusal(bob, Update{world.statement(bob, "B", world.ledger()), {}}), "log_full");
  const auto made = world.new_invite().value();
  EXPECT_EQ(refusal(world.host, AddInvite{made.record, made.box}), "log_full");
  EXPECT_EQ(code_of(world.leave(bob)), "ok");
}

TEST_F(ApplyTest, ALeaverKeepsItsAddress) {
  ASSERT_TRUE(world.join(bob));
  ASSERT_TRUE(world.leave(bob));
  ASSERT_TRUE(world.join(eve));
  EXPECT_EQ(world.ledger().member(eve.peer_id())->vip.to_string(), "10.66.0.3");
  ASSERT_TRUE(world.join(bob));
  EXPECT_EQ(world.ledger().member(bob.peer_id())->vip.to_string(), "10.66.0.2");
  EXPECT_EQ(world.ledger().invite(world.invite().id())->used(), 2u);
}

TEST_F(ApplyTest, LeaveIsForTheCallerHimself) {
  ASSERT_TRUE(world.join(bob));
  const Depart leave{build_leave(world.ledger(), bob.identity)};
  EXPECT_EQ(refusal(world.host, leave), "wrong_actor");
  EXPECT_EQ(refusal(eve, leave), "not_member");
  EXPECT_EQ(refusal(bob, leave), "ok");
  EXPECT_EQ(world.journal.back().type, EventType::peer_left);
  EXPECT_EQ(world.party.peers.count(bob.peer_id()), 0u);
  EXPECT_EQ(refusal(bob, leave), "not_member");
}

TEST_F(ApplyTest, ThePartyLivesOnWithoutItsHost) {
  ASSERT_TRUE(world.join(bob));
  ASSERT_TRUE(world.leave(world.host));
  EXPECT_TRUE(world.party.exists());
  EXPECT_EQ(world.party.box_for(world.host.box.public_key()), nullptr);
  EXPECT_EQ(code_of(world.join(eve)), "ok");
}

TEST_F(ApplyTest, TheLastLeaveClosesTheParty) {
  const auto outcome = world.leave(world.host).value();
  ASSERT_EQ(outcome.events.size(), 2u);
  EXPECT_EQ(outcome.seq, 3u);
  EXPECT_EQ(outcome.events[1].type, EventType::party_closed);
  EXPECT_EQ(outcome.events[1].close_reason, CloseReason::empty);
  EXPECT_FALSE(outcome.events[1].request);
  EXPECT_FALSE(world.party.exists());
  EXPECT_EQ(code_of(world.join(bob, world.invite())), "party_closed");
  EXPECT_EQ(code_of(open_invite(world.party, world.invite().id(), bob.peer_id(), kStart)),
            "unknown_invite");
}

TEST_F(ApplyTest, OnlyTheHostClosesAParty) {
  ASSERT_TRUE(world.join(bob));
  EXPECT_EQ(refusal(bob, Close{}), "not_host");
  EXPECT_EQ(refusal(world.host, Close{CloseReason::empty}), "not_host");
  EXPECT_EQ(refusal(world.host, Close{}), "ok");
  EXPECT_EQ(world.party.closed, CloseReason::host_closed);
  EXPECT_EQ(refusal(world.host, Close{}), "party_closed");
}

TEST_F(ApplyTest, TheServerLetsAPartyExpireUnlessItsCharterSaysKeep) {
  const Command expire{{}, "", Close{CloseReason::expired}};
  ASSERT_TRUE(world.run(expire));
  EXPECT_EQ(world.party.closed, CloseReason::expired);
  EXPECT_FALSE(world.journal.back().request);
  auto options = World::default_options();
  options.keep = true;
  World kept(2, options);
  EXPECT_EQ(code_of(kept.run(expire)), "not_supported");
}

TEST_F(ApplyTest, UpdateCarriesStatementAndHints) {
  ASSERT_TRUE(world.join(bob));
  const Hints hints{"full_cone", Endpoint::parse("203.0.113.9:5")};
  EXPECT_EQ(refusal(bob, Update{world.statement(bob, "Bobby", world.ledger()), hints}), "ok");
  EXPECT_EQ(world.ledger().member(bob.peer_id())->nick, "Bobby");
  EXPECT_EQ(world.party.peers.at(bob.peer_id()).hints, hints);
  // One hint leaves the other as it is.
  EXPECT_EQ(refusal(bob, Update{std::nullopt, {"symmetric", {}}}), "ok");
  EXPECT_EQ(world.party.peers.at(bob.peer_id()).hints.public_endpoint, hints.public_endpoint);
  EXPECT_EQ(world.party.peers.at(bob.peer_id()).hints.nat_type, "symmetric");
}

TEST_F(ApplyTest, AnUpdateThatChangesNothingIsNoEvent) {
  ASSERT_TRUE(world.run(world.command(world.host, Update{std::nullopt, {"symmetric", {}}})));
  const auto again =
      world.run(world.command(world.host, Update{std::nullopt, {"symmetric", {}}})).value();
  EXPECT_TRUE(again.events.empty());
  EXPECT_EQ(again.seq, world.party.seq);
}

TEST_F(ApplyTest, UpdateKeepsTheRules) {
  ASSERT_TRUE(world.join(bob));
  EXPECT_EQ(refusal(bob, Update{}), "nothing_to_do");
  EXPECT_EQ(refusal(eve, Update{std::nullopt, {"symmetric", {}}}), "not_member");
  EXPECT_EQ(refusal(world.host, Update{world.statement(bob, "x", world.ledger()), {}}),
            "wrong_actor");
  for (const char* endpoint : {"127.0.0.1:5", "224.0.0.1:5", "203.0.113.9:0"})
    EXPECT_EQ(refusal(bob, Update{std::nullopt, {{}, Endpoint::parse(endpoint)}}), "invalid_hint");
  for (const std::string& type : {std::string(), std::string("Open"), std::string(33, 'a')})
    EXPECT_EQ(refusal(bob, Update{std::nullopt, {type, {}}}), "invalid_hint");
  EXPECT_EQ(refusal(bob, Update{world.made.roster, {}}), "malformed_record");
}

TEST_F(ApplyTest, AddInviteNeedsAMemberABoxAndTime) {
  const auto made = world.new_invite().value();
  EXPECT_EQ(refusal(bob, AddInvite{made.record, made.box}), "not_member");
  auto box = made.box;
  box.recipient = bob.box.public_key();
  EXPECT_EQ(refusal(world.host, AddInvite{made.record, box}), "missing_box");
  box = made.box;
  box.box.push_back(0);
  EXPECT_EQ(refusal(world.host, AddInvite{made.record, box}), "missing_box");
  world.now = kStart + kDefaultInviteLifetime;
  EXPECT_EQ(refusal(world.host, AddInvite{made.record, made.box}), "invalid_invite");
  world.now -= 1ms;
  EXPECT_EQ(refusal(world.host, AddInvite{made.record, made.box}), "ok");
  EXPECT_EQ(code_of(open_invite(world.party, made.id, bob.peer_id(), world.now)), "ok");
}

TEST_F(ApplyTest, AServerHasALimitOfOpenInvites) {
  world.limits.open_invites = 2;
  const auto once = world.new_invite({1, 1h}).value();
  EXPECT_EQ(refusal(world.host, AddInvite{once.record, once.box}), "ok");
  auto more = world.new_invite({1, 48h}).value();
  EXPECT_EQ(refusal(world.host, AddInvite{more.record, more.box}), "too_many_invites");
  // Used up makes room, and so does expired.
  ASSERT_TRUE(world.join(bob, invite_keys(once.secret, world.made.id)));
  EXPECT_EQ(refusal(world.host, AddInvite{more.record, more.box}), "ok");
  more = world.new_invite({1, 72h}).value();
  EXPECT_EQ(refusal(world.host, AddInvite{more.record, more.box}), "too_many_invites");
  world.now = kStart + kDefaultInviteLifetime + kInviteTolerance + 1ms;
  EXPECT_EQ(refusal(world.host, AddInvite{more.record, more.box}), "ok");
}

TEST_F(ApplyTest, OpenTellsWhyAnInviteDoesNotServe) {
  const auto open = [&](const InviteId& invite, UnixTime now) {
    return code_of(open_invite(world.party, invite, eve.peer_id(), now));
  };
  EXPECT_EQ(open(InviteId{}, kStart), "unknown_invite");
  const auto late = kStart + kDefaultInviteLifetime + kInviteTolerance;
  EXPECT_EQ(open(world.invite().id(), late), "ok");
  EXPECT_EQ(open(world.invite().id(), late + 1ms), "invite_expired");
  const auto once = world.new_invite({1, 1h}).value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{once.record, once.box})));
  ASSERT_TRUE(world.join(bob, invite_keys(once.secret, world.made.id)));
  EXPECT_EQ(open(once.id, kStart), "invite_used_up");
  EXPECT_EQ(code_of(open_invite(world.party, once.id, bob.peer_id(), kStart)), "ok");
}

TEST_F(ApplyTest, OpenTellsWhyAnInviteIsOverForGood) {
  const auto add = [&](const InviteOptions& options) {
    const auto made = world.new_invite(options).value();
    EXPECT_EQ(refusal(world.host, AddInvite{made.record, made.box}), "ok");
    return made;
  };
  const auto once = add({1, 1h});
  const auto brief = add({9, 1h});
  const auto ended = add({9, 72h});
  ASSERT_TRUE(world.join(bob, invite_keys(once.secret, world.made.id)));
  world.now = kStart + 2h;
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation({{}, {ended.id}}).value()));
  ASSERT_EQ(world.ledger().invites().size(), 1u) << "the first one is left";
  const auto open = [&](const InviteId& invite, UnixTime now) {
    return code_of(open_invite(world.party, invite, eve.peer_id(), now));
  };
  EXPECT_EQ(open(once.id, world.now), "invite_used_up");
  EXPECT_EQ(open(brief.id, world.now), "invite_expired");
  EXPECT_EQ(open(ended.id, world.now), "invite_revoked");
  EXPECT_EQ(open(world.invite().id(), world.now), "ok");
  // Another roster later it is the same, and so it is after a restart.
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation().value()));
  const auto restored = decode_party(encode_party(world.party), world.made.id).value();
  EXPECT_EQ(code_of(open_invite(restored, ended.id, eve.peer_id(), world.now)), "invite_revoked");
  EXPECT_EQ(code_of(open_invite(restored, once.id, eve.peer_id(), world.now)), "invite_used_up");
}

TEST_F(ApplyTest, AnUnknownPartyIsSaidToBe) {
  const Party nothing(world.made.id);
  const Command command{bob.peer_id(), "x", world.join_action(bob, world.invite())};
  EXPECT_EQ(code_of(apply(nothing, command, kStart)), "unknown_party");
}

TEST_F(ApplyTest, ARepeatedRequestIsAnsweredAsBefore) {
  const auto command = world.command(bob, world.join_action(bob, world.invite()));
  ASSERT_EQ(world.run(command)->seq, 2u);
  ASSERT_TRUE(world.join(eve));
  const auto again = world.run(command).value();
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.seq, 2u);
  EXPECT_TRUE(again.events.empty());

  // Also when the caller is gone, and by nobody else.
  const auto leave = world.command(bob, Depart{build_leave(world.ledger(), bob.identity)});
  ASSERT_TRUE(world.run(leave));
  EXPECT_TRUE(world.run(leave)->repeated);
  auto others = command;
  others.actor = eve.peer_id();
  EXPECT_EQ(code_of(world.run(others)), "wrong_actor");
}

TEST_F(ApplyTest, AReusedRequestIdIsRefused) {
  auto command = world.command(bob, world.join_action(bob, world.invite()));
  ASSERT_TRUE(world.run(command));
  command.action = Update{std::nullopt, {"symmetric", {}}};
  EXPECT_EQ(code_of(world.run(command)), "request_id_reused");
  world.now += 24h - 1ms;
  EXPECT_EQ(code_of(world.run(command)), "request_id_reused");
  world.now += 1ms;
  EXPECT_EQ(code_of(world.run(command)), "ok");
}

TEST_F(ApplyTest, RequestIdsHaveAForm) {
  for (const std::string& id : {std::string(), std::string(65, 'x'), std::string("a b"),
                                std::string("a\n"), std::string("ü")}) {
    const Command command{world.host.peer_id(), id, Update{std::nullopt, {"open", {}}}};
    EXPECT_EQ(code_of(world.run(command)), "invalid_request_id") << id;
  }
  const Command longest{world.host.peer_id(), std::string(64, 'x'),
                        Update{std::nullopt, {"open", {}}}};
  EXPECT_EQ(code_of(world.run(longest)), "ok");
}

TEST_F(ApplyTest, RememberedRequestsAreBoundedInNumberAndTime) {
  world.limits.requests = 3;
  auto update = [&](const char* type) {
    return world.run(world.command(world.host, Update{std::nullopt, {type, {}}}));
  };
  for (const char* type : {"a", "b", "c", "d"})
    ASSERT_TRUE(update(type));
  EXPECT_EQ(world.party.requests.size(), 3u);
  EXPECT_EQ(world.party.requests.find(world.host.peer_id(), "request-1"), nullptr);
  EXPECT_NE(world.party.requests.find(world.host.peer_id(), "request-5"), nullptr);
  world.now += 24h;
  ASSERT_TRUE(update("e"));
  EXPECT_EQ(world.party.requests.size(), 1u);
}

TEST_F(ApplyTest, FingerprintsTellActionsApart) {
  std::set<crypto::Hash> seen;
  const Bytes a{1}, b{2};
  for (const Action& action :
       {Action(Create{a, b, {}, {}, {}}), Action(Create{a, {}, b, {}, {}}),
        Action(Create{a, b, {}, {SealedBox{}}, {}}), Action(Join{a, b, {}}), Action(Join{b, a, {}}),
        Action(Join{a, b, {"x", {}}}), Action(Depart{a}), Action(Depart{b}), Action(Update{a, {}}),
        Action(Update{{}, {"x", {}}}), Action(Update{{}, {{}, Endpoint{}}}),
        Action(AddInvite{a, {}}), Action(AddInvite{a, {{}, b}}), Action(Close{}),
        Action(Close{CloseReason::expired})})
    EXPECT_TRUE(seen.insert(fingerprint(action)).second) << action.index();
}

}  // namespace
}  // namespace lanrage::party
