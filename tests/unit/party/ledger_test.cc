// Each rule of the log, with a record that breaks only this rule.
#include "party/ledger.hpp"

#include "fixture.hpp"

namespace lanrage::party {
namespace {

struct LedgerTest : testing::Test {
  World world;
  DeviceKeys bob = make_device(world.random);
  DeviceKeys eve = make_device(world.random);
  const PartyId id = world.made.id;
  const crypto::SigningKey& root = world.made.root;
  InviteKeys invite = world.invite();

  Charter charter() { return read_record<Charter>(world.made.charter).value(); }
  Roster roster() { return read_record<Roster>(world.made.roster).value(); }
  Admission admission(const DeviceKeys& device) {
    return read_record<Admission>(build_admission(world.ledger(), invite, device)).value();
  }
  Statement statement(const DeviceKeys& device) {
    return read_record<Statement>(world.statement(device, "Bob", world.ledger())).value();
  }
  Bytes sign(const Admission& body, const DeviceKeys& device) {
    return sign_record(body, id, {&invite.signing, &device.identity});
  }
  Bytes sign(const Statement& body, const DeviceKeys& device) {
    return sign_record(body, id, {&device.identity});
  }
  // What the party's present ledger says to a record; the party stays as it is.
  std::string refusal(const Bytes& record, std::optional<UnixTime> now = std::nullopt) {
    auto trial = world.ledger();
    const auto before = digest(trial, 0);
    auto effect = trial.append(record, now);
    if (!effect) {
      EXPECT_EQ(digest(trial, 0), before);
      EXPECT_EQ(trial.length(), world.ledger().length());
    }
    return code_of(effect);
  }
  std::string founding(const Bytes& charter_record) {
    return code_of(Ledger(id).append(charter_record));
  }
  std::string rostering(const Roster& body) {
    Ledger ledger(id);
    EXPECT_EQ(code_of(ledger.append(world.made.charter)), "ok");
    return code_of(ledger.append(sign_record(body, id, {&root})));
  }
};

TEST_F(LedgerTest, TheLogBeginsWithCharterAndRoster) {
  EXPECT_EQ(founding(world.made.roster), "out_of_order");
  Ledger ledger(id);
  EXPECT_EQ(code_of(ledger.append(world.made.charter)), "ok");
  EXPECT_EQ(code_of(ledger.append(world.made.charter)), "out_of_order");
  EXPECT_EQ(code_of(ledger.append(world.made.statement)), "out_of_order");
  EXPECT_FALSE(ledger.founded());
  EXPECT_EQ(code_of(ledger.append(world.made.roster)), "ok");
  EXPECT_TRUE(ledger.founded());
}

TEST_F(LedgerTest, TheHostIsTheFirstMemberWithTheLowestAddress) {
  const auto* host = world.ledger().member(world.host.peer_id());
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(host->vip.to_string(), "10.66.0.1");
  EXPECT_EQ(host->nick, "Ann");
  EXPECT_EQ(world.ledger().host_id(), world.host.peer_id());
}

TEST_F(LedgerTest, OnlyThePartysOwnRootFoundsIt) {
  EXPECT_EQ(code_of(Ledger(PartyId{}).append(world.made.charter)), "wrong_party");
  EXPECT_EQ(founding(sign_record(charter(), id, {&eve.identity})), "bad_signature");
  EXPECT_EQ(founding(sign_record(charter(), id, {})), "bad_signature");
  EXPECT_EQ(founding(sign_record(charter(), id, {&root, &root})), "bad_signature");
  EXPECT_EQ(founding(sign_record(charter(), PartyId{}, {&root})), "bad_signature");
}

TEST_F(LedgerTest, ACharterKeepsTheRules) {
  auto bad = charter();
  bad.version = 2;
  EXPECT_EQ(founding(sign_record(bad, id, {&root})), "invalid_charter");
  bad = charter();
  bad.name = "";
  EXPECT_EQ(founding(sign_record(bad, id, {&root})), "invalid_name");
  bad = charter();
  bad.prefix = *Prefix::parse("203.0.113.0/24");
  EXPECT_EQ(founding(sign_record(bad, id, {&root})), "invalid_prefix");
  bad = charter();
  bad.deputies = {bob.identity.public_key(), bob.identity.public_key()};
  EXPECT_EQ(founding(sign_record(bad, id, {&root})), "invalid_charter");
  bad.deputies = {bad.host};
  EXPECT_EQ(founding(sign_record(bad, id, {&root})), "invalid_charter");
}

TEST_F(LedgerTest, ARosterKeepsTheRules) {
  EXPECT_EQ(rostering(roster()), "ok");
  auto bad = roster();
  bad.signer = eve.identity.public_key();
  EXPECT_EQ(rostering(bad), "wrong_signer");
  bad = roster();
  bad.charter_hash[0] ^= 1;
  EXPECT_EQ(rostering(bad), "invalid_roster");
  bad = roster();
  bad.key_epoch = 2;
  EXPECT_EQ(rostering(bad), "invalid_roster");
  bad = roster();
  bad.previous_roster[0] = 1;
  EXPECT_EQ(rostering(bad), "invalid_roster");
  bad = roster();
  bad.log_head[0] ^= 1;
  EXPECT_EQ(rostering(bad), "invalid_roster");
  bad = roster();
  bad.members.clear();
  EXPECT_EQ(rostering(bad), "invalid_roster");
  bad = roster();
  bad.members[0].identity = eve.identity.public_key();
  EXPECT_EQ(rostering(bad), "invalid_roster");
  bad = roster();
  bad.members[0].vip = *IpAddress::parse("10.66.0.2");
  EXPECT_EQ(rostering(bad), "invalid_roster");
  bad = roster();
  bad.members[0].wireguard = {};
  EXPECT_EQ(rostering(bad), "weak_key");
  bad = roster();
  bad.members[0].box = bad.members[0].wireguard;
  EXPECT_EQ(rostering(bad), "key_in_use");
  bad = roster();
  bad.invites[0].invite_box = bad.members[0].box;
  EXPECT_EQ(rostering(bad), "key_in_use");
  bad = roster();
  bad.invites[0].used = 1;
  EXPECT_EQ(rostering(bad), "invalid_invite");
  bad = roster();
  bad.invites.push_back(bad.invites[0]);
  bad.invites[1].invite_box = bob.box.public_key();
  EXPECT_EQ(rostering(bad), "invite_exists");
}

TEST_F(LedgerTest, AnAdmissionBringsInAMember) {
  auto ledger = world.ledger();
  const auto effect = ledger.append(build_admission(ledger, invite, bob)).value();
  EXPECT_EQ(effect.kind, Effect::Kind::admitted);
  EXPECT_EQ(effect.peer, bob.peer_id());
  EXPECT_EQ(effect.invite, invite.id());
  const auto* member = ledger.member(bob.peer_id());
  ASSERT_NE(member, nullptr);
  EXPECT_EQ(member->wireguard, bob.wireguard.public_key());
  EXPECT_TRUE(member->vip.is_unspecified());
  EXPECT_EQ(ledger.invite(invite.id())->used(), 1u);
}

TEST_F(LedgerTest, AJoinIsJudgedAsAWhole) {
  const auto join = world.join_action(bob, invite);
  EXPECT_EQ(code_of(world.ledger().judge(join.statement)), "not_member");
  const auto effect = world.ledger().judge_join(join.admission, join.statement).value();
  EXPECT_EQ(effect.kind, Effect::Kind::admitted);
  EXPECT_EQ(effect.peer, bob.peer_id());
  EXPECT_EQ(world.ledger().member(bob.peer_id()), nullptr);
  const auto others = world.statement(eve, "Eve", world.ledger());
  EXPECT_EQ(code_of(world.ledger().judge_join(join.admission, others)), "not_member");
  EXPECT_EQ(code_of(world.ledger().judge_join(join.statement, join.statement)), "not_member");
  const auto of_host = world.statement(world.host, "Ann", world.ledger());
  EXPECT_EQ(code_of(world.ledger().judge_join(of_host, of_host)), "out_of_order");
  const auto end = kStart + kDefaultInviteLifetime + kInviteTolerance + 1ms;
  EXPECT_EQ(code_of(world.ledger().judge_join(join.admission, join.statement, end)),
            "invite_expired");
}

TEST_F(LedgerTest, AnAdmissionNeedsBothSignatures) {
  const auto body = admission(bob);
  EXPECT_EQ(refusal(sign_record(body, id, {&invite.signing})), "bad_signature");
  EXPECT_EQ(refusal(sign_record(body, id, {&bob.identity, &invite.signing})), "bad_signature");
  EXPECT_EQ(refusal(sign_record(body, id, {&invite.signing, &eve.identity})), "bad_signature");
  EXPECT_EQ(refusal(sign_record(body, id, {&eve.identity, &bob.identity})), "bad_signature");
}

TEST_F(LedgerTest, AnAdmissionIsForThePresentRoster) {
  auto bad = admission(bob);
  bad.roster_hash[0] ^= 1;
  EXPECT_EQ(refusal(sign(bad, bob)), "stale_epoch");
  bad = admission(bob);
  bad.key_epoch = 2;
  EXPECT_EQ(refusal(sign(bad, bob)), "stale_epoch");
  bad = admission(bob);
  bad.seen_head[0] ^= 1;
  EXPECT_EQ(refusal(sign(bad, bob)), "stale_head");
  bad.seen_head = first_head(id);  // known, but before the roster
  EXPECT_EQ(refusal(sign(bad, bob)), "stale_head");
}

TEST_F(LedgerTest, AnAdmissionNeedsAnInviteOfTheParty) {
  const auto foreign = invite_keys(InviteSecret(world.random.array<16>()), id);
  EXPECT_EQ(refusal(build_admission(world.ledger(), foreign, bob)), "unknown_invite");
}

TEST_F(LedgerTest, AnInviteExpiresWithTolerance) {
  const auto record = build_admission(world.ledger(), invite, bob);
  const auto end = kStart + kDefaultInviteLifetime;
  EXPECT_EQ(refusal(record, end + kInviteTolerance), "ok");
  EXPECT_EQ(refusal(record, end + kInviteTolerance + 1ms), "invite_expired");
  EXPECT_EQ(refusal(record, std::nullopt), "ok");  // agents have no say in time
}

TEST_F(LedgerTest, AnInviteAdmitsItsNumberOfIdentities) {
  auto once = world.new_invite({1, 1h}).value();
  const auto keys = invite_keys(once.secret, id);
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{once.record, once.box})));
  ASSERT_TRUE(world.join(bob, keys));
  EXPECT_EQ(refusal(build_admission(world.ledger(), keys, eve)), "invite_used_up");
  // Who used it may come back by it.
  ASSERT_TRUE(world.leave(bob));
  EXPECT_EQ(refusal(build_admission(world.ledger(), keys, eve)), "invite_used_up");
  EXPECT_EQ(code_of(world.join(bob, keys)), "ok");
  EXPECT_EQ(world.ledger().invite(once.id)->used(), 1u);
}

TEST_F(LedgerTest, NobodyIsAdmittedTwice) {
  ASSERT_TRUE(world.join(bob));
  EXPECT_EQ(refusal(build_admission(world.ledger(), invite, bob)), "already_member");
}

TEST_F(LedgerTest, KeysBelongToWhoShowedThemFirst) {
  ASSERT_TRUE(world.join(bob));
  auto body = admission(eve);
  body.wireguard = bob.wireguard.public_key();
  EXPECT_EQ(refusal(sign(body, eve)), "key_in_use");
  body.wireguard = bob.box.public_key();
  EXPECT_EQ(refusal(sign(body, eve)), "key_in_use");
  body = admission(eve);
  body.box = world.host.box.public_key();
  EXPECT_EQ(refusal(sign(body, eve)), "key_in_use");
  body.box = invite.box.public_key();
  EXPECT_EQ(refusal(sign(body, eve)), "key_in_use");
  body.box = body.wireguard;
  EXPECT_EQ(refusal(sign(body, eve)), "key_in_use");
  body.box = {};
  EXPECT_EQ(refusal(sign(body, eve)), "weak_key");
  // They stay reserved for a leaver.
  ASSERT_TRUE(world.leave(bob));
  body = admission(eve);
  body.wireguard = bob.wireguard.public_key();
  EXPECT_EQ(refusal(sign(body, eve)), "key_in_use");
}

TEST_F(LedgerTest, AnOldAdmissionDoesNotBringBackALeaver) {
  const auto join = world.join_action(bob, invite);
  ASSERT_TRUE(world.run(world.command(bob, join)));
  ASSERT_TRUE(world.leave(bob));
  EXPECT_EQ(refusal(join.admission), "stale_head");
}

TEST_F(LedgerTest, AnOldLeaveDoesNotRemoveWhoCameBack) {
  ASSERT_TRUE(world.join(bob));
  const auto leave = build_leave(world.ledger(), bob.identity);
  ASSERT_TRUE(world.run(world.command(bob, Depart{leave})));
  ASSERT_TRUE(world.join(bob));
  EXPECT_EQ(refusal(leave), "stale_head");
}

TEST_F(LedgerTest, ALeaveFromBeforeTheAdmissionIsRefused) {
  const auto early = build_leave(world.ledger(), bob.identity);
  ASSERT_TRUE(world.join(bob));
  EXPECT_EQ(refusal(early), "stale_head");
}

TEST_F(LedgerTest, AFullPrefixGivesALeaversAddressToTheNext) {
  auto options = World::default_options();
  options.prefix = *Prefix::parse("10.0.0.0/29");
  World small(3, options);
  ASSERT_TRUE(small.join(bob));
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(small.join(make_device(small.random)));
  EXPECT_EQ(code_of(small.ledger().suggest_vip(eve.peer_id())), "no_vip_free");
  ASSERT_TRUE(small.leave(bob));
  EXPECT_EQ(code_of(small.join(eve)), "ok");
  EXPECT_EQ(small.ledger().member(eve.peer_id())->vip.to_string(), "10.0.0.2");
  EXPECT_EQ(code_of(small.ledger().suggest_vip(bob.peer_id())), "no_vip_free");
}

TEST_F(LedgerTest, ALeaveIsSignedByTheLeaverAndAMember) {
  ASSERT_TRUE(world.join(bob));
  const Leave body{bob.identity.public_key(), world.ledger().head()};
  EXPECT_EQ(refusal(sign_record(body, id, {&world.host.identity})), "bad_signature");
  EXPECT_EQ(refusal(sign_record(body, id, {&root})), "bad_signature");
  EXPECT_EQ(refusal(build_leave(world.ledger(), eve.identity)), "not_member");
}

TEST_F(LedgerTest, AStatementIsAMembersOwnAndNewer) {
  ASSERT_TRUE(world.join(bob));
  auto body = statement(bob);
  EXPECT_EQ(body.version, 2u);
  EXPECT_EQ(refusal(sign(body, bob)), "ok");
  EXPECT_EQ(refusal(sign(body, eve)), "bad_signature");
  EXPECT_EQ(refusal(sign(statement(eve), eve)), "not_member");
  body.version = 1;
  EXPECT_EQ(refusal(sign(body, bob)), "stale_statement");
  body.version = 1'000;  // higher is enough
  EXPECT_EQ(refusal(sign(body, bob)), "ok");
}

TEST_F(LedgerTest, StatementVersionsGoOnAfterComingBack) {
  const auto join = world.join_action(bob, invite);
  ASSERT_TRUE(world.run(world.command(bob, join)));
  ASSERT_TRUE(world.leave(bob));
  auto ledger = world.ledger();
  ASSERT_TRUE(ledger.append(build_admission(ledger, invite, bob)));
  EXPECT_EQ(code_of(ledger.append(join.statement)), "stale_statement");
  EXPECT_EQ(ledger.next_statement_version(bob.peer_id()), 2u);
}

TEST_F(LedgerTest, AStatementKeepsTheRules) {
  ASSERT_TRUE(world.join(bob));
  auto body = statement(bob);
  body.nick = "a\nb";
  EXPECT_EQ(refusal(sign(body, bob)), "invalid_nick");
  body = statement(bob);
  body.vip = *IpAddress::parse("10.67.0.1");
  EXPECT_EQ(refusal(sign(body, bob)), "invalid_vip");
  body.vip = *IpAddress::parse("10.66.255.255");
  EXPECT_EQ(refusal(sign(body, bob)), "invalid_vip");
  body.vip = *IpAddress::parse("10.66.0.77");
  EXPECT_EQ(refusal(sign(body, bob)), "vip_bound");
  body = statement(bob);
  body.candidates = {*Endpoint::parse("127.0.0.1:1")};
  EXPECT_EQ(refusal(sign(body, bob)), "invalid_candidate");
  // Nicks may repeat.
  body = statement(bob);
  body.nick = "Ann";
  EXPECT_EQ(refusal(sign(body, bob)), "ok");
}

TEST_F(LedgerTest, ATakenAddressIsRefusedWithItsOwnCode) {
  auto ledger = world.ledger();
  ASSERT_TRUE(ledger.append(build_admission(ledger, invite, bob)));
  const auto taken =
      build_statement(ledger, bob.identity, "Bob", *IpAddress::parse("10.66.0.1")).value();
  EXPECT_EQ(code_of(ledger.append(taken)), "vip_taken");
}

TEST_F(LedgerTest, InvitesComeFromRootOrDeputies) {
  const auto made = world.new_invite().value();
  EXPECT_EQ(refusal(made.record), "ok");
  auto body = read_record<Invite>(made.record).value();
  body.signer = bob.identity.public_key();
  EXPECT_EQ(refusal(sign_record(body, id, {&bob.identity})), "wrong_signer");
  body.signer = root.public_key();
  EXPECT_EQ(refusal(sign_record(body, id, {&bob.identity})), "bad_signature");

  auto with_deputy = charter();
  with_deputy.deputies = {bob.identity.public_key()};
  const auto charter_record = sign_record(with_deputy, id, {&root});
  auto first = roster();
  first.charter_hash = record_hash(charter_record);
  first.log_head = next_head(first_head(id), charter_record);
  Ledger ledger(id);
  ASSERT_TRUE(ledger.append(charter_record));
  ASSERT_TRUE(ledger.append(sign_record(first, id, {&root})));
  // A deputy governs only while it is a member.
  EXPECT_EQ(code_of(build_invite(world.random, ledger, world.made.key, bob.identity, {}, kStart)),
            "wrong_signer");
  ASSERT_TRUE(ledger.append(build_admission(ledger, invite, bob)));
  const auto by_deputy =
      build_invite(world.random, ledger, world.made.key, bob.identity, {}, kStart).value();
  EXPECT_EQ(code_of(ledger.append(by_deputy.record)), "ok");
}

TEST_F(LedgerTest, AnInviteKeepsTheRules) {
  const auto made = world.new_invite().value();
  auto body = read_record<Invite>(made.record).value();
  auto signed_by_root = [&](const Invite& invite_body) {
    return sign_record(invite_body, id, {&root});
  };
  auto bad = body;
  bad.roster_hash[0] ^= 1;
  EXPECT_EQ(refusal(signed_by_root(bad)), "stale_epoch");
  bad = body;
  bad.terms.uses = 0;
  EXPECT_EQ(refusal(signed_by_root(bad)), "invalid_invite");
  bad = body;
  bad.terms.used = 1;
  EXPECT_EQ(refusal(signed_by_root(bad)), "invalid_invite");
  bad = body;
  bad.terms.invite_box = {};
  EXPECT_EQ(refusal(signed_by_root(bad)), "weak_key");
  bad = body;
  bad.terms.invite_box = world.host.wireguard.public_key();
  EXPECT_EQ(refusal(signed_by_root(bad)), "key_in_use");
  bad = body;
  bad.terms.invite_key = invite.signing.public_key();
  EXPECT_EQ(refusal(signed_by_root(bad)), "invite_exists");
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  bad = body;
  bad.terms.invite_key = eve.identity.public_key();  // a new invite with the old one's box key
  EXPECT_EQ(refusal(signed_by_root(bad)), "key_in_use");
}

TEST_F(LedgerTest, NothingFollowsTheLastLeave) {
  ASSERT_TRUE(world.join(bob));
  ASSERT_TRUE(world.leave(world.host));
  EXPECT_FALSE(world.ledger().closed());  // the charter lets the party live on
  ASSERT_TRUE(world.leave(bob));
  EXPECT_TRUE(world.ledger().closed());
  EXPECT_EQ(refusal(world.made.statement), "party_closed");
}

TEST_F(LedgerTest, ACharterMayCloseThePartyWithItsHost) {
  auto options = World::default_options();
  options.host_leaves = HostLeaves::closes_party;
  World other(2, options);
  ASSERT_TRUE(other.join(bob));
  ASSERT_TRUE(other.leave(other.host));
  EXPECT_TRUE(other.ledger().closed());
  EXPECT_EQ(other.party.closed, CloseReason::host_left);
}

}  // namespace
}  // namespace lanrage::party
