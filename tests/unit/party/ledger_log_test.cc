// The log as a whole: the chain, damage, limits, replay.
#include "fixture.hpp"

namespace lanrage::party {
namespace {

// A log with every type of record that a party takes today.
World eventful_world() {
  World world(11);
  auto bob = make_device(world.random);
  auto cid = make_device(world.random);
  EXPECT_TRUE(world.join(bob));
  auto made = world.new_invite().value();
  EXPECT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  EXPECT_TRUE(world.join(cid, invite_keys(made.secret, world.made.id)));
  EXPECT_TRUE(world.leave(bob));
  return world;
}

TEST(LedgerLog, HeadsChainTheRecords) {
  const auto world = eventful_world();
  auto head = first_head(world.made.id);
  Ledger ledger(world.made.id);
  EXPECT_EQ(ledger.head(), head);
  for (const auto& record : world.party.log) {
    ASSERT_TRUE(ledger.append(record));
    head = next_head(head, record);
    EXPECT_EQ(ledger.head(), head);
  }
  EXPECT_EQ(ledger.length(), world.party.log.size());
}

TEST(LedgerLog, AFreshLedgerAgreesWithTheServers) {
  const auto world = eventful_world();
  const auto fresh = Ledger::replay(world.made.id, world.party.log).value();
  EXPECT_EQ(digest(fresh, 9), digest(world.ledger(), 9));
  EXPECT_NE(digest(fresh, 9), digest(fresh, 8));
  EXPECT_EQ(fresh.members(), world.ledger().members());
}

TEST(LedgerLog, EveryChangedByteAndEveryTruncationOfEveryRecordIsRefused) {
  const auto world = eventful_world();
  Ledger ledger(world.made.id);
  for (const auto& record : world.party.log) {
    const auto before = digest(ledger, 0);
    for (std::size_t i = 0; i < record.size(); ++i) {
      auto changed = record;
      changed[i] ^= static_cast<std::uint8_t>(1u << (i % 8));
      ASSERT_FALSE(ledger.append(changed)) << "byte " << i;
      ASSERT_FALSE(ledger.append(ByteView(record).first(i))) << "length " << i;
    }
    ASSERT_EQ(digest(ledger, 0), before);
    ASSERT_TRUE(ledger.append(record));
  }
}

TEST(LedgerLog, ARepeatedRecordIsRefused) {
  const auto world = eventful_world();
  Ledger ledger(world.made.id);
  for (const auto& record : world.party.log) {
    ASSERT_TRUE(ledger.append(record));
    ASSERT_FALSE(ledger.append(record));
  }
}

TEST(LedgerLog, AMissingRecordShowsAtTheNextThatNeedsIt) {
  const auto world = eventful_world();
  auto log = world.party.log;
  log.erase(log.begin() + 3);  // Bob's admission
  const auto replayed = Ledger::replay(world.made.id, log);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code(), "not_member");
  EXPECT_TRUE(replayed.error().message().starts_with("record 4 of the party's log: "))
      << replayed.error().message();
}

// Statements of one member, until the log has `length` records.
void fill(Ledger& ledger, const crypto::SigningKey& identity, const PeerId& peer,
          std::uint64_t length) {
  while (ledger.length() < length) {
    const Statement body{identity.public_key(),
                         ledger.next_statement_version(peer),
                         "x",
                         ledger.suggest_vip(peer).value(),
                         {}};
    ASSERT_TRUE(ledger.append_trusted(sign_envelope(RecordType::statement, {}, encode(body), {})));
  }
}

TEST(LedgerLog, ASeenHeadMayLieOneWindowBack) {
  World world;
  const auto peer = world.host.peer_id();
  auto ledger = world.ledger();
  const auto leave = build_leave(ledger, world.host.identity);
  fill(ledger, world.host.identity, peer, ledger.length() + kHeadWindow - 1);
  auto within = ledger;
  EXPECT_EQ(code_of(within.append(leave)), "ok");
  fill(ledger, world.host.identity, peer, ledger.length() + 1);
  EXPECT_EQ(code_of(ledger.append(leave)), "stale_head");
}

TEST(LedgerLog, AFullLogTakesOnlyLeaves) {
  World world;
  const auto peer = world.host.peer_id();
  auto ledger = world.ledger();
  fill(ledger, world.host.identity, peer, kMaxLogRecords - 1);
  const auto bob = make_device(world.random);  // there is room for his admission, not for more
  const auto join =
      Join{build_admission(ledger, world.invite(), bob), world.statement(bob, "Bob", ledger), {}};
  EXPECT_EQ(code_of(ledger.judge_join(join.admission, join.statement)), "log_full");
  fill(ledger, world.host.identity, peer, kMaxLogRecords);
  const auto statement =
      build_statement(ledger, world.host.identity, "x", ledger.suggest_vip(peer).value()).value();
  EXPECT_EQ(code_of(ledger.append(statement)), "log_full");
  EXPECT_EQ(code_of(ledger.append(build_leave(ledger, world.host.identity))), "ok");
}

TEST(LedgerLog, MembersAndInvitesHaveAHardLimit) {
  World world;
  auto ledger = world.ledger();
  const auto& id = world.made.id;
  auto trusted = [&](const auto& body) {
    return ledger.append_trusted(
        sign_envelope(std::remove_cvref_t<decltype(body)>::kType, id, encode(body), {}));
  };
  auto random_exchange_key = [&] {
    ExchangeKey key{world.random.array<32>()};
    key.bytes[31] &= 0x7f;
    return key;
  };
  auto new_invite = [&] {
    return Invite{world.made.root.public_key(),
                  ledger.roster_hash(),
                  {VerifyKey{world.random.array<32>()}, random_exchange_key(), 2'000, 0, kStart}};
  };
  const auto first = new_invite();
  ASSERT_TRUE(trusted(first));
  for (std::size_t i = 2; i < kMaxInvitesPerRoster; ++i)
    ASSERT_TRUE(trusted(new_invite()));
  EXPECT_EQ(code_of(trusted(new_invite())), "too_many_invites");

  auto admission = [&] {
    return Admission{ledger.roster_hash(),   1,
                     first.terms.invite_key, VerifyKey{world.random.array<32>()},
                     random_exchange_key(),  random_exchange_key(),
                     ledger.head()};
  };
  for (std::size_t i = 1; i < kMaxMembers; ++i)
    ASSERT_TRUE(trusted(admission()));
  EXPECT_EQ(code_of(trusted(admission())), "party_full");
}

}  // namespace
}  // namespace lanrage::party
