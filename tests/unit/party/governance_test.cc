// Rosters and charters after the first ones: each rule, with a record that breaks only this rule.
#include <functional>

#include "fixture.hpp"

namespace lanrage::party {
namespace {

struct GovernanceTest : testing::Test {
  World world;
  DeviceKeys bob = joined();
  DeviceKeys cid = joined();
  const PartyId id = world.made.id;
  const crypto::SigningKey& root = world.made.root;

  DeviceKeys joined() {
    auto device = make_device(world.random);
    EXPECT_EQ(code_of(world.join(device)), "ok");
    return device;
  }
  // A roster that changes nothing but the key.
  Roster next_roster() { return read_record<Roster>(world.new_rotation().value().roster).value(); }
  Charter next_charter() {
    return read_record<Charter>(build_charter(world.ledger(), root, {}).value()).value();
  }
  void name_deputies(std::set<PeerId> deputies) {
    ASSERT_EQ(code_of(world.change_charter({{}, std::move(deputies)})), "ok");
  }
  std::string refusal(const Bytes& record) {
    auto trial = world.ledger();
    const auto before = digest(trial, 0);
    const auto judged = world.ledger().judge(record);
    const auto effect = trial.append(record);
    EXPECT_EQ(code_of(judged), code_of(effect));
    if (!effect) EXPECT_EQ(digest(trial, 0), before);
    return code_of(effect);
  }
  std::string roster_refusal(const std::function<void(Roster&)>& change) {
    auto body = next_roster();
    change(body);
    return refusal(sign_record(body, id, {&root}));
  }
  std::string charter_refusal(const std::function<void(Charter&)>& change) {
    auto body = next_charter();
    change(body);
    return refusal(sign_record(body, id, {&root}));
  }
  // A roster without this member, and without the invites that must go with it.
  Roster without(const DeviceKeys& device) {
    return read_record<Roster>(world.new_rotation({{device.peer_id()}, {}}).value().roster).value();
  }
  std::string kick_by(const DeviceKeys& deputy, const DeviceKeys& kicked) {
    auto body = without(kicked);
    body.signer = deputy.identity.public_key();
    return refusal(sign_record(body, id, {&deputy.identity}));
  }
};

TEST_F(GovernanceTest, ALaterRosterChangesTheKeyAndKeepsEverybody) {
  const auto members = world.ledger().members();
  const auto rotation = world.new_rotation().value();
  EXPECT_EQ(rotation.key.epoch(), 2u);
  EXPECT_TRUE(rotation.removed.empty());
  EXPECT_TRUE(rotation.dropped.empty());
  ASSERT_EQ(code_of(world.rotate(world.host, rotation)), "ok");
  EXPECT_EQ(world.ledger().members(), members);
  EXPECT_EQ(world.ledger().key_epoch(), 2u);
  EXPECT_EQ(world.ledger().roster_hash(), record_hash(rotation.roster));
}

TEST_F(GovernanceTest, ALaterRosterFollowsThePresentState) {
  EXPECT_EQ(roster_refusal([](Roster&) {}), "ok");
  EXPECT_EQ(roster_refusal([](Roster& r) { r.charter_hash[0] ^= 1; }), "stale_epoch");
  EXPECT_EQ(roster_refusal([](Roster& r) { r.previous_roster[0] ^= 1; }), "stale_epoch");
  EXPECT_EQ(roster_refusal([](Roster& r) { r.log_head[0] ^= 1; }), "stale_epoch");
  EXPECT_EQ(roster_refusal([](Roster& r) { r.key_epoch = 1; }), "invalid_roster");
  EXPECT_EQ(roster_refusal([](Roster& r) { r.key_epoch = 3; }), "invalid_roster");
}

TEST_F(GovernanceTest, AJoinThatCameFirstIsNotLost) {
  const auto early = world.new_rotation().value();
  const auto dan = joined();
  EXPECT_EQ(code_of(world.rotate(world.host, early)), "stale_epoch");
  EXPECT_EQ(code_of(world.rotate(world.host, world.new_rotation().value())), "ok");
  EXPECT_NE(world.ledger().member(dan.peer_id()), nullptr);
}

TEST_F(GovernanceTest, AJoinMadeBeforeTheRosterOpensTheInviteAgain) {
  const auto dan = make_device(world.random);
  const auto early = world.join_action(dan, world.invite());
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation().value()));
  EXPECT_EQ(code_of(world.run(world.command(dan, early))), "stale_epoch");
  EXPECT_EQ(code_of(world.join(dan)), "ok");
}

TEST_F(GovernanceTest, ALeaveMadeBeforeTheRosterStillCounts) {
  const auto leave = build_leave(world.ledger(), bob.identity);
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation().value()));
  EXPECT_EQ(refusal(leave), "ok");
}

TEST_F(GovernanceTest, ARosterNeitherAddsNorChangesMembers) {
  const auto eve = make_device(world.random);
  const auto changed = [&](const std::function<void(RosterMember&)>& change) {
    return roster_refusal([&](Roster& r) { change(r.members[1]); });
  };
  EXPECT_EQ(changed([&](auto& m) { m.wireguard = eve.wireguard.public_key(); }), "invalid_roster");
  EXPECT_EQ(changed([&](auto& m) { m.box = eve.box.public_key(); }), "invalid_roster");
  EXPECT_EQ(changed([&](auto& m) { m.vip = *IpAddress::parse("10.66.0.77"); }), "invalid_roster");
  EXPECT_EQ(changed([&](auto& m) { m.identity = eve.identity.public_key(); }), "invalid_roster");
  EXPECT_EQ(roster_refusal([](Roster& r) { r.members.push_back(r.members[0]); }), "invalid_roster");
  EXPECT_EQ(roster_refusal([](Roster& r) { r.members.clear(); }), "invalid_roster");
  ASSERT_TRUE(world.leave(bob));
  EXPECT_EQ(roster_refusal([&](Roster& r) {
              r.members.push_back({bob.identity.public_key(), bob.wireguard.public_key(),
                                   bob.box.public_key(), *IpAddress::parse("10.66.0.2")});
            }),
            "invalid_roster");
}

TEST_F(GovernanceTest, OnlyRootAndDeputiesWhoAreMembersSignRosters) {
  EXPECT_EQ(kick_by(bob, cid), "wrong_signer");
  name_deputies({bob.peer_id()});
  EXPECT_EQ(kick_by(bob, cid), "ok");
  auto forged = without(cid);
  forged.signer = bob.identity.public_key();
  EXPECT_EQ(refusal(sign_record(forged, id, {&cid.identity})), "bad_signature");
  ASSERT_TRUE(world.leave(bob));
  EXPECT_EQ(kick_by(bob, cid), "wrong_signer");
}

TEST_F(GovernanceTest, DeputiesRemoveNeitherTheHostNorADeputy) {
  name_deputies({bob.peer_id(), cid.peer_id()});
  const auto dan = joined();
  EXPECT_EQ(kick_by(bob, dan), "ok");
  EXPECT_EQ(kick_by(bob, cid), "wrong_signer");
  EXPECT_EQ(kick_by(bob, world.host), "wrong_signer");
  EXPECT_EQ(kick_by(bob, bob), "wrong_signer");
  EXPECT_EQ(code_of(build_rotation(world.random, world.ledger(), bob.identity,
                                   {{cid.peer_id()}, {}}, world.now)),
            "wrong_signer");
  // The root key may.
  EXPECT_EQ(refusal(sign_record(without(cid), id, {&root})), "ok");
  EXPECT_EQ(refusal(sign_record(without(world.host), id, {&root})), "ok");
}

TEST_F(GovernanceTest, ADeputyRemovedByRootGovernsNoMore) {
  name_deputies({bob.peer_id()});
  ASSERT_TRUE(world.kick(bob));
  EXPECT_EQ(
      code_of(build_invite(world.random, world.ledger(), world.key, bob.identity, {}, world.now)),
      "wrong_signer");
  EXPECT_EQ(kick_by(bob, cid), "wrong_signer");
}

TEST_F(GovernanceTest, AKickDropsTheInvitesThatThePeerJoinedBy) {
  const auto own = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{own.record, own.box})));
  const auto dan = make_device(world.random);
  ASSERT_TRUE(world.join(dan, invite_keys(own.secret, id)));
  const auto rotation = world.new_rotation({{dan.peer_id()}, {}}).value();
  EXPECT_EQ(rotation.removed, std::vector{dan.peer_id()});
  EXPECT_EQ(rotation.dropped, std::vector{own.id});
  // A roster that keeps it is refused.
  auto body = read_record<Roster>(rotation.roster).value();
  body.invites.push_back(world.ledger().invite(own.id)->terms);
  body.invites.back().used = 1;
  EXPECT_EQ(refusal(sign_record(body, id, {&root})), "invalid_roster");
  ASSERT_TRUE(world.rotate(world.host, rotation));
  EXPECT_EQ(code_of(world.join(dan, invite_keys(own.secret, id))), "unknown_invite");
  EXPECT_EQ(world.ledger().members().size(), 3u);
  // By another invite it may come back, and has its address again.
  EXPECT_EQ(code_of(world.join(dan)), "ok");
  EXPECT_EQ(world.ledger().member(dan.peer_id())->vip.to_string(), "10.66.0.4");
}

TEST_F(GovernanceTest, AKickDropsTheInvitesThatThePeerIssued) {
  name_deputies({bob.peer_id()});
  const auto issued =
      build_invite(world.random, world.ledger(), world.key, bob.identity, {}, world.now).value();
  ASSERT_TRUE(world.run(world.command(bob, AddInvite{issued.record, issued.box})));
  const auto mine = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{mine.record, mine.box})));
  const auto rotation = world.new_rotation({{bob.peer_id()}, {}}).value();
  EXPECT_TRUE(std::ranges::count(rotation.dropped, issued.id) == 1);
  ASSERT_TRUE(world.rotate(world.host, rotation));
  EXPECT_EQ(world.ledger().invite(issued.id), nullptr);
  EXPECT_NE(world.ledger().invite(mine.id), nullptr);
}

TEST_F(GovernanceTest, AnInviteOfTheRootKeyIsTheHostsOfThatTime) {
  const auto mine = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{mine.record, mine.box})));
  ASSERT_TRUE(world.change_charter({bob.peer_id(), {}}));
  const auto later = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(bob, AddInvite{later.record, later.box})));
  ASSERT_TRUE(world.rotate(bob, world.new_rotation({{world.host.peer_id()}, {}}).value()));
  EXPECT_EQ(world.ledger().invite(mine.id), nullptr);
  EXPECT_NE(world.ledger().invite(later.id), nullptr);
}

TEST_F(GovernanceTest, AKeptInviteStaysAsItIsAndCountsOn) {
  const auto twice = world.new_invite({2, 1h}).value();
  const auto keys = invite_keys(twice.secret, id);
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{twice.record, twice.box})));
  const auto dan = make_device(world.random);
  ASSERT_TRUE(world.join(dan, keys));
  const auto changed = [&](const std::function<void(InviteTerms&)>& change) {
    return roster_refusal([&](Roster& r) {
      for (auto& terms : r.invites)
        if (terms.invite_key == keys.signing.public_key()) change(terms);
    });
  };
  EXPECT_EQ(changed([](auto& t) { EXPECT_EQ(t.used, 1); }), "ok");
  EXPECT_EQ(changed([](auto& t) { t.used = 0; }), "invalid_invite");
  EXPECT_EQ(changed([](auto& t) { t.used = 2; }), "invalid_invite");
  EXPECT_EQ(changed([](auto& t) { t.uses = 9; }), "invalid_invite");
  EXPECT_EQ(changed([](auto& t) { t.not_after += 1ms; }), "invalid_invite");
  EXPECT_EQ(changed([&](auto& t) { t.invite_box = cid.box.public_key(); }), "invalid_invite");
  EXPECT_EQ(roster_refusal([](Roster& r) { r.invites.push_back(r.invites[0]); }), "invite_exists");

  ASSERT_TRUE(world.rotate(world.host, world.new_rotation().value()));
  EXPECT_EQ(world.ledger().invite(twice.id)->used(), 1u);
  // Who used it before the rotation counts once; only one more identity comes in.
  ASSERT_TRUE(world.leave(dan));
  ASSERT_EQ(code_of(world.join(dan, keys)), "ok");
  EXPECT_EQ(code_of(world.join(make_device(world.random), keys)), "ok");
  EXPECT_EQ(code_of(world.join(make_device(world.random), keys)), "invite_used_up");
}

TEST_F(GovernanceTest, ARosterMayOpenInvites) {
  const auto fresh = invite_keys(InviteSecret(world.random.array<16>()), id);
  const InviteTerms terms{fresh.signing.public_key(), fresh.box.public_key(), 2, 0, kStart + 1h};
  const auto added = [&](const std::function<void(InviteTerms&)>& change) {
    return roster_refusal([&](Roster& r) {
      r.invites.push_back(terms);
      change(r.invites.back());
    });
  };
  EXPECT_EQ(added([](auto&) {}), "ok");
  EXPECT_EQ(added([](auto& t) { t.used = 1; }), "invalid_invite");
  EXPECT_EQ(added([](auto& t) { t.uses = 0; }), "invalid_invite");
  EXPECT_EQ(added([&](auto& t) { t.invite_box = bob.box.public_key(); }), "key_in_use");
  EXPECT_EQ(added([&](auto& t) { t.invite_box = world.invite().box.public_key(); }), "key_in_use");
  EXPECT_EQ(added([&](auto& t) { t.invite_box = {}; }), "weak_key");
}

TEST_F(GovernanceTest, ARevokedInviteIsGoneForGood) {
  const auto first = world.invite().id();
  const auto terms = world.ledger().invite(first)->terms;
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation({{}, {first}}).value()));
  EXPECT_EQ(world.ledger().invite(first), nullptr);
  EXPECT_EQ(world.ledger().members().size(), 3u);
  EXPECT_EQ(roster_refusal([&](Roster& r) { r.invites.push_back(terms); }), "key_in_use");
  EXPECT_EQ(code_of(world.join(make_device(world.random))), "unknown_invite");
}

TEST_F(GovernanceTest, AnOldAdmissionDoesNotBringBackAKickedPeer) {
  const auto own = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{own.record, own.box})));
  const auto dan = make_device(world.random);
  const auto keys = invite_keys(own.secret, id);
  const auto join = world.join_action(dan, keys);
  ASSERT_TRUE(world.run(world.command(dan, join)));
  ASSERT_TRUE(world.kick(dan));
  EXPECT_EQ(refusal(join.admission), "stale_epoch");
  // Not even one that names the present roster, if it has seen nothing since the kick.
  const auto first = world.invite();
  auto body = read_record<Admission>(build_admission(world.ledger(), first, dan)).value();
  body.seen_head = read_record<Admission>(join.admission)->seen_head;
  EXPECT_EQ(refusal(sign_record(body, id, {&first.signing, &dan.identity})), "stale_head");
}

TEST_F(GovernanceTest, AKickedPeerHasNoSay) {
  ASSERT_TRUE(world.kick(bob));
  EXPECT_EQ(refusal(build_leave(world.ledger(), bob.identity)), "not_member");
  EXPECT_EQ(refusal(world.statement(bob, "Bob", world.ledger())), "not_member");
}

TEST_F(GovernanceTest, ACharterNamesDeputiesAndAnotherHost) {
  name_deputies({bob.peer_id()});
  EXPECT_EQ(world.ledger().charter().version, 2u);
  ASSERT_TRUE(world.change_charter({cid.peer_id(), {}}));
  EXPECT_EQ(world.ledger().host_id(), cid.peer_id());
  EXPECT_EQ(world.ledger().charter().deputies, std::vector{bob.identity.public_key()});
  // The roster stays; the next one names the new charter.
  EXPECT_EQ(world.ledger().key_epoch(), 1u);
  EXPECT_EQ(code_of(world.join(make_device(world.random))), "ok");
  EXPECT_EQ(code_of(world.rotate(cid, world.new_rotation().value())), "ok");
  // A host who was a deputy is none any more.
  ASSERT_TRUE(world.change_charter({bob.peer_id(), {}}));
  EXPECT_TRUE(world.ledger().charter().deputies.empty());
}

TEST_F(GovernanceTest, ALaterCharterChangesHostAndDeputiesOnly) {
  EXPECT_EQ(charter_refusal([](Charter&) {}), "ok");
  EXPECT_EQ(charter_refusal([](Charter& c) { c.version = 1; }), "invalid_charter");
  EXPECT_EQ(charter_refusal([](Charter& c) { c.version = 3; }), "invalid_charter");
  EXPECT_EQ(charter_refusal([](Charter& c) { c.name = "Other"; }), "invalid_charter");
  EXPECT_EQ(charter_refusal([](Charter& c) { c.prefix.length = 24; }), "invalid_charter");
  EXPECT_EQ(charter_refusal([](Charter& c) { c.host_leaves = HostLeaves::closes_party; }),
            "invalid_charter");
  EXPECT_EQ(charter_refusal([](Charter& c) { c.keep = true; }), "invalid_charter");
  EXPECT_EQ(charter_refusal([&](Charter& c) { c.root_key = bob.identity.public_key(); }),
            "wrong_party");
  EXPECT_EQ(refusal(sign_record(next_charter(), id, {&bob.identity})), "bad_signature");
}

TEST_F(GovernanceTest, HostAndDeputiesAreMembers) {
  const auto eve = make_device(world.random);
  const auto named = [&](const DeviceKeys& device) {
    return charter_refusal([&](Charter& c) { c.deputies = {device.identity.public_key()}; });
  };
  EXPECT_EQ(named(bob), "ok");
  EXPECT_EQ(named(eve), "invalid_charter");
  EXPECT_EQ(named(world.host), "invalid_charter");
  EXPECT_EQ(charter_refusal([&](Charter& c) { c.host = eve.identity.public_key(); }),
            "invalid_charter");
  EXPECT_EQ(charter_refusal([&](Charter& c) {
              c.deputies = {bob.identity.public_key(), bob.identity.public_key()};
            }),
            "invalid_charter");
  EXPECT_EQ(code_of(build_charter(world.ledger(), root, {eve.peer_id(), {}})), "not_member");
  EXPECT_EQ(code_of(build_charter(world.ledger(), root, {{}, {{eve.peer_id()}}})), "not_member");
  EXPECT_EQ(code_of(build_charter(world.ledger(), bob.identity, {})), "bad_signature");
}

TEST_F(GovernanceTest, ARosterAgainstTheOldCharterIsStale) {
  const auto early = world.new_rotation().value();
  name_deputies({bob.peer_id()});
  EXPECT_EQ(refusal(early.roster), "stale_epoch");
}

TEST_F(GovernanceTest, DeputiesCarryOnWithoutAHost) {
  name_deputies({bob.peer_id()});
  ASSERT_TRUE(world.leave(world.host));
  ASSERT_TRUE(world.party.exists());
  const auto dan = joined();
  const auto rotation =
      build_rotation(world.random, world.ledger(), bob.identity, {{dan.peer_id()}, {}}, world.now);
  ASSERT_EQ(code_of(world.rotate(bob, *rotation)), "ok");
  EXPECT_EQ(world.ledger().member(dan.peer_id()), nullptr);
  const auto made =
      build_invite(world.random, world.ledger(), world.key, bob.identity, {}, world.now).value();
  ASSERT_EQ(code_of(world.run(world.command(bob, AddInvite{made.record, made.box}))), "ok");
  EXPECT_EQ(code_of(world.join(dan, invite_keys(made.secret, id))), "ok");
}

TEST_F(GovernanceTest, APartyThatClosesWithItsHostFollowsTheCharter) {
  auto options = World::default_options();
  options.host_leaves = HostLeaves::closes_party;
  World other(7, options);
  ASSERT_TRUE(other.join(bob));
  ASSERT_TRUE(other.change_charter({bob.peer_id(), {}}));
  ASSERT_TRUE(other.leave(other.host));
  EXPECT_TRUE(other.party.exists());
  ASSERT_TRUE(other.join(cid));
  ASSERT_TRUE(other.leave(bob));
  EXPECT_EQ(other.party.closed, CloseReason::host_left);
}

TEST_F(GovernanceTest, AFullLogStillTakesRosters) {
  auto ledger = world.ledger();
  const auto fill = [&](std::uint64_t length) {
    while (ledger.length() < length) {
      const Statement body{bob.identity.public_key(),
                           ledger.next_statement_version(bob.peer_id()),
                           "x",
                           ledger.suggest_vip(bob.peer_id()).value(),
                           {}};
      const auto record = sign_envelope(RecordType::statement, {}, encode(body), {});
      ASSERT_TRUE(ledger.append_trusted(record));
    }
  };
  fill(kMaxLogRecords);
  const auto rotate = [&](const RotationOptions& options) {
    const auto made = build_rotation(world.random, ledger, root, options, world.now);
    return made ? code_of(ledger.append_trusted(made->roster)) : code_of(made);
  };
  EXPECT_EQ(rotate({{bob.peer_id()}, {}}), "ok");
  while (ledger.length() < kMaxLogRecords + kLogReserve) {
    auto charter = ledger.charter();
    ++charter.version;
    ASSERT_TRUE(ledger.append_trusted(sign_envelope(RecordType::charter, {}, encode(charter), {})));
  }
  EXPECT_EQ(rotate({}), "log_full");
  EXPECT_EQ(code_of(ledger.append(build_leave(ledger, cid.identity))), "ok");
}

TEST_F(GovernanceTest, AnOldKeyMakesNoInvite) {
  const auto old_key = world.key;
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation().value()));
  EXPECT_EQ(code_of(build_invite(world.random, world.ledger(), old_key, root, {}, world.now)),
            "key_mismatch");
  EXPECT_EQ(code_of(build_invite(world.random, world.ledger(), PartyKey(old_key.key(), 2), root, {},
                                 world.now)),
            "key_mismatch");
  EXPECT_EQ(code_of(world.new_invite()), "ok");
}

TEST_F(GovernanceTest, BuildersNameWhomTheyDoNotKnow) {
  EXPECT_EQ(code_of(world.new_rotation({{PeerId{}}, {}})), "not_member");
  EXPECT_EQ(code_of(world.new_rotation({{}, {InviteId{}}})), "unknown_invite");
  EXPECT_EQ(code_of(build_rotation(world.random, world.ledger(), bob.identity, {}, world.now)),
            "wrong_signer");
}

TEST_F(GovernanceTest, ARotationDropsWhatNobodyCanJoinBy) {
  const auto once = world.new_invite({1, 1h}).value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{once.record, once.box})));
  ASSERT_TRUE(world.join(make_device(world.random), invite_keys(once.secret, id)));
  const auto brief = world.new_invite({5, 1h}).value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{brief.record, brief.box})));
  EXPECT_EQ(world.new_rotation()->dropped, std::vector{once.id});
  world.now += 1h + kInviteTolerance + 1ms;
  EXPECT_EQ(world.new_rotation()->dropped.size(), 2u);
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation().value()));
  EXPECT_EQ(world.ledger().invites().size(), 1u);
}

TEST_F(GovernanceTest, BoxesGiveTheNewKeyToWhomTheRosterNames) {
  const auto rotation = world.new_rotation({{bob.peer_id()}, {}}).value();
  ASSERT_TRUE(world.rotate(world.host, rotation));
  const auto* box = world.party.box_for(cid.box.public_key());
  ASSERT_NE(box, nullptr);
  EXPECT_TRUE(recover_party_key(world.ledger(), cid.box, *box).value() == rotation.key);
  EXPECT_EQ(world.party.box_for(bob.box.public_key()), nullptr);
  EXPECT_EQ(code_of(recover_party_key(world.ledger(), bob.box, *box)), "box_unreadable");
}

TEST_F(GovernanceTest, AKeptInviteOpensThePartyInTheNewEpoch) {
  const auto made = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation().value()));
  const auto opening = open_invite(world.party, made.id, PeerId{}, world.now).value();
  const auto membership =
      verify_joining_material(id, made.secret, world.party.log, opening.box).value();
  EXPECT_TRUE(membership.key == world.key);
}

TEST_F(GovernanceTest, AKeyOfAnEarlierEpochRestoresToo) {
  const auto old_key = world.key;
  ASSERT_TRUE(world.rotate(world.host, world.new_rotation().value()));
  const auto restored = restore_membership(id, world.party.log, old_key).value();
  EXPECT_EQ(restored.ledger.key_epoch(), 2u);
  EXPECT_EQ(restored.key.epoch(), 1u);
  EXPECT_EQ(code_of(restore_membership(id, world.party.log, world.key)), "ok");
  EXPECT_EQ(code_of(restore_membership(id, world.party.log, PartyKey(old_key.key(), 2))),
            "key_mismatch");
  EXPECT_EQ(code_of(restore_membership(id, world.party.log, PartyKey(world.key.key(), 1))),
            "key_mismatch");
  EXPECT_EQ(code_of(restore_membership(id, world.party.log, PartyKey(world.key.key(), 3))),
            "key_mismatch");
}

}  // namespace
}  // namespace lanrage::party
