// What a server that went back to a backup takes back from members, and what it doesn't.
#include "hand_back_fixture.hpp"

namespace lanrage::party {
namespace {

TEST_F(HandBackTest, EveryStepComesBackAsItsEvent) {
  const auto seq = world.party.seq;
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  rename(bob, "Bobby");
  const auto invite = add_invite();
  ASSERT_EQ(code_of(world.join(cid, invite)), "ok");
  ASSERT_EQ(code_of(world.change_charter({{}, {{bob.peer_id()}}})), "ok");
  ASSERT_EQ(code_of(world.kick(cid)), "ok");
  const auto later = add_invite();
  ASSERT_EQ(code_of(world.join(dan, later)), "ok");
  ASSERT_EQ(code_of(world.leave(dan)), "ok");

  const auto outcome = hand_back(missing()).value();
  EXPECT_EQ(restored.ledger.head(), world.ledger().head());
  EXPECT_EQ(restored.digest(), world.party.digest());
  ASSERT_EQ(outcome.events.size(), world.party.seq - seq);
  for (std::size_t n = 0; n < outcome.events.size(); ++n) {
    const auto& taken = outcome.events[n];
    const auto& first = world.journal[seq + n];
    EXPECT_EQ(taken.type, first.type);
    EXPECT_EQ(taken.seq, first.seq);
    EXPECT_EQ(taken.subject, first.subject);
    EXPECT_EQ(taken.records, first.records);
    EXPECT_EQ(taken.removed, first.removed);
    EXPECT_EQ(decode_event(encode_event(taken)), taken);
  }
}

TEST_F(HandBackTest, WhatIsKnownAlreadyChangesNothing) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  const auto whole = missing();
  auto part = whole;
  part.records.resize(2);
  rename(bob, "Bobby");
  const auto more = missing();
  ASSERT_EQ(hand_back(part)->events.size(), 1u);
  EXPECT_TRUE(hand_back(whole)->events.empty()) << "of another member, who was slower";
  EXPECT_EQ(hand_back(more)->events.size(), 1u);
  EXPECT_TRUE(hand_back(part)->events.empty());
  EXPECT_EQ(restored.digest(), world.party.digest());
}

// As that must cost a server nothing: one whose own copy no check would pass.
TEST_F(HandBackTest, OfWhatIsKnownNoSignatureIsChecked) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  rename(bob, "Bobby");
  auto whole = missing();
  whole.records.back().back() ^= 1;
  EXPECT_EQ(refusal(whole), "record_refused") << "a new one is";
  for (const auto& record : whole.records) {
    ASSERT_EQ(code_of(restored.ledger.append_trusted(record)), "ok");
    restored.log.push_back(record);
  }
  EXPECT_TRUE(hand_back(whole)->events.empty());
  // Nor because something new follows it.
  const auto vip = restored.ledger.member(bob.peer_id())->vip;
  whole.records.push_back(build_statement(restored.ledger, bob.identity, "Rob", vip).value());
  const auto taken = apply(restored, world.command(world.host, whole), world.now, world.limits);
  ASSERT_EQ(code_of(taken), "ok");
  EXPECT_EQ(taken->events.size(), 1u);
}

TEST_F(HandBackTest, ARepeatedRequestGetsTheFirstAnswer) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  rename(bob, "Bobby");
  const auto command = world.command(world.host, missing());
  const auto first = apply(restored, command, world.now, world.limits).value();
  for (const auto& event : first.events)
    ASSERT_EQ(code_of(evolve(restored, event, world.limits)), "ok");
  const auto again = apply(restored, command, world.now, world.limits).value();
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.seq, first.seq);
}

TEST_F(HandBackTest, AnotherHistoryIsRefused) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  const auto ours = missing();
  // Somebody joined at the restored server meanwhile.
  auto theirs = world.join_action(dan, world.invite());
  theirs.admission = build_admission(restored.ledger, world.invite(), dan);
  const auto joined = apply(restored, world.command(dan, theirs), world.now, world.limits).value();
  for (const auto& event : joined.events)
    ASSERT_EQ(code_of(evolve(restored, event, world.limits)), "ok");
  const auto error = hand_back(ours).error();
  EXPECT_TRUE(error.is(Errc::split_history));
  EXPECT_THAT(error.message(), testing::HasSubstr("lanrage rotate"));
  auto beyond = ours;
  beyond.after = restored.log.size();
  beyond.head = world.ledger().head();
  EXPECT_EQ(refusal(beyond), "split_history") << "as long, but another";
}

TEST_F(HandBackTest, ItFollowsWhatTheServerHas) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  auto beyond = missing();
  ++beyond.after;
  EXPECT_EQ(refusal(beyond), "stale_head");
  for (std::size_t n = 0; n < kHeadWindow; ++n)
    rename(bob, "Bobby " + std::to_string(n));
  const auto early = missing();
  back_up();
  EXPECT_EQ(refusal(early), "stale_head") << "too far back to be compared";
}

TEST_F(HandBackTest, OfMembersOnly) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  EXPECT_EQ(code_of(hand_back(missing(), &dan)), "not_member");
  EXPECT_EQ(code_of(hand_back(missing(), &bob)), "not_member") << "as far as this server knows";
  ASSERT_EQ(code_of(hand_back(missing())), "ok");
  rename(bob, "Bobby");
  EXPECT_EQ(code_of(hand_back(missing(), &bob)), "ok");
}

TEST_F(HandBackTest, OneForgedRecordSpoilsAll) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  rename(bob, "Bobby");
  auto forged = missing();
  forged.records.back().back() ^= 1;
  EXPECT_EQ(refusal(forged), "record_refused");
  auto torn = missing();
  torn.records.erase(torn.records.begin() + 1);  // Bob's first statement
  EXPECT_EQ(refusal(torn), "ok") << "the second one will do";
}

TEST_F(HandBackTest, AnAdmissionComesWithItsStatement) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  auto alone = missing();
  alone.records.resize(1);
  EXPECT_EQ(refusal(alone), "record_refused");
  auto between = missing();
  between.records.insert(between.records.begin() + 1,
                         build_statement(world.ledger(), world.host.identity, "Anna",
                                         world.ledger().member(world.host.peer_id())->vip)
                             .value());
  EXPECT_EQ(refusal(between), "record_refused");
}

TEST_F(HandBackTest, ARecordOfAStrangerSaysNothingOfTheCaller) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  auto torn = missing();
  torn.records.erase(torn.records.begin());
  EXPECT_EQ(refusal(torn), "record_refused");
}

// ---- boxes

TEST_F(HandBackTest, BoxesGoToWhomTheRosterNames) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  back_up();
  const auto old = *restored.box_for(world.host.box.public_key());
  ASSERT_EQ(code_of(world.rotate(world.host, world.new_rotation().value())), "ok");
  auto back = missing();
  const auto bobs = box_for(bob.box.public_key());
  back.boxes = {bobs, box_for(world.host.box.public_key()),
                box_for(world.invite().box.public_key()), box_for(dan.box.public_key()), bobs};
  ASSERT_EQ(refusal(back), "ok");
  EXPECT_EQ(restored.boxes.size(), 3u) << "none for strangers";
  EXPECT_EQ(*restored.box_for(bob.box.public_key()), bobs.box);
  EXPECT_NE(*restored.box_for(world.host.box.public_key()), old);
}

TEST_F(HandBackTest, NobodyReplacesABoxThatIsThere) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  const auto boxes = restored.boxes;
  auto back = missing();
  back.boxes = {box_for(world.host.box.public_key()), box_for(world.invite().box.public_key())};
  ASSERT_EQ(refusal(back), "ok");
  EXPECT_EQ(restored.boxes, boxes);
}

TEST_F(HandBackTest, AnInviteComesBackWithItsBox) {
  const auto invite = add_invite();
  auto back = missing();
  back.boxes = {box_for(invite.box.public_key())};
  ASSERT_EQ(refusal(back), "ok");
  ASSERT_NE(restored.box_for(invite.box.public_key()), nullptr);
  EXPECT_EQ(code_of(open_invite(restored, invite.id(), dan.peer_id(), world.now)), "ok");
}

TEST_F(HandBackTest, ABoxThatIsLackingIsTakenWithoutARecord) {
  const auto invite = add_invite();
  ASSERT_EQ(code_of(world.rotate(world.host, world.new_rotation().value())), "ok");
  auto back = missing();
  ASSERT_EQ(refusal(back), "ok") << "of one who hasn't the key";
  ASSERT_EQ(code_of(open_invite(restored, invite.id(), dan.peer_id(), world.now)),
            "unknown_invite");
  const auto hosts = box_for(world.host.box.public_key());
  back.boxes = {hosts, box_for(invite.box.public_key()), box_for(dan.box.public_key())};
  ASSERT_EQ(hand_back(back)->events.size(), 1u);
  EXPECT_EQ(code_of(open_invite(restored, invite.id(), dan.peer_id(), world.now)), "ok");
  EXPECT_EQ(restored.boxes.size(), 2u) << "none for strangers";
  back.boxes = {box_for(world.host.box.public_key())};
  EXPECT_TRUE(hand_back(back)->events.empty());
  EXPECT_EQ(*restored.box_for(world.host.box.public_key()), hosts.box);
}

TEST_F(HandBackTest, WhatIsKnownIsLeftOut) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  auto back = missing();
  ASSERT_EQ(refusal(back), "ok");
  const auto known = without_known(restored, back, world.now).value();
  EXPECT_TRUE(known.records.empty());
  rename(bob, "Bobby");
  back.records.push_back(world.party.log.back());
  back.records.back().back() ^= 1;
  const auto rest = without_known(restored, back, world.now).value();
  EXPECT_EQ(rest.records.size(), 1u) << "forged or not";
  EXPECT_EQ(rest.after, restored.log.size());
  EXPECT_EQ(rest.head, restored.ledger.head());
  back.records.front().back() ^= 1;
  EXPECT_EQ(code_of(without_known(restored, back, world.now)), "split_history");
}

TEST_F(HandBackTest, WithoutABoxMembersHandTheKeyOver) {
  ASSERT_EQ(code_of(world.rotate(world.host, world.new_rotation().value())), "ok");
  ASSERT_EQ(refusal(missing()), "ok");
  EXPECT_TRUE(restored.boxes.empty());
}

TEST_F(HandBackTest, ABoxHasItsSize) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  auto back = missing();
  back.boxes = {box_for(bob.box.public_key())};
  back.boxes[0].box.pop_back();
  EXPECT_EQ(refusal(back), "missing_box");
}

// ---- limits

TEST_F(HandBackTest, TheServersLimitsHold) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  const auto limits = world.limits;
  world.limits.log_records = restored.log.size() + 1;
  EXPECT_EQ(refusal(missing()), "log_full");
  world.limits = limits;
  world.limits.log_bytes = restored.log_bytes + 10;
  EXPECT_EQ(refusal(missing()), "log_full");
  world.limits = limits;
  world.limits.peers = 1;
  EXPECT_EQ(refusal(missing()), "party_full");
  world.limits = limits;
  add_invite();
  world.limits.open_invites = 1;
  EXPECT_EQ(refusal(missing()), "too_many_invites");
  world.limits = limits;
  EXPECT_EQ(refusal(missing()), "ok");
}

TEST_F(HandBackTest, WhomTheOperatorBarsStaysOut) {
  ASSERT_EQ(code_of(world.join(bob)), "ok");
  ASSERT_EQ(code_of(world.bar(bob)), "ok");
  const auto invite = add_invite();
  auto left = world.ledger();
  const auto leave = build_leave(left, bob.identity);
  ASSERT_EQ(code_of(left.append(leave)), "ok");
  const auto admission = build_admission(left, invite, bob);
  ASSERT_EQ(code_of(left.append(admission)), "ok");
  back_up();
  const HandBack back{restored.log.size(),
                      restored.ledger.head(),
                      {leave, admission, world.statement(bob, "Bob", left)},
                      {}};
  EXPECT_EQ(refusal(back), "barred");
}

}  // namespace
}  // namespace lanrage::party
