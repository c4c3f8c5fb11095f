// What a control server can and can't do to the log that this agent has verified.
#include "trust/verified_log.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "party/membership.hpp"
#include "party/new_party.hpp"
#include "unit/trust/fixture.hpp"

namespace lanrage::trust {
namespace {

using Outcome = VerifiedLog::Outcome;

class VerifiedLogTest : public testing::Test {
 protected:
  VerifiedLogTest() {
    party::PartyOptions options;
    options.name = "fun";
    made_ = party::create_party(random_, options, make_device(random_), "ann", kNow).value();
    log_ = {made_->charter, made_->roster, made_->statement};
  }

  // The admission and statement by which a newcomer joins.
  std::vector<Bytes> newcomer(const party::Ledger& before, std::string_view nick) {
    const auto keys = make_device(random_);
    auto ledger = before;
    std::vector<Bytes> out{
        party::build_admission(ledger, party::invite_keys(made_->invite, made_->id), keys)};
    EXPECT_TRUE(ledger.append(out[0]));
    const auto vip = ledger.suggest_vip(keys.peer_id()).value();
    out.push_back(party::build_statement(ledger, keys.identity, nick, vip).value());
    return out;
  }

  VerifiedLog founded() {
    VerifiedLog out(party::Ledger::replay(made_->id, log_).value(), log_);
    EXPECT_EQ(out.merge(log_, 1, "first").outcome, Outcome::known);
    return out;
  }

  SeededRandom random_{7};
  std::optional<party::NewParty> made_;
  std::vector<Bytes> log_;
};

TEST_F(VerifiedLogTest, EventsInOrderAreAdopted) {
  auto log = founded();
  EXPECT_EQ(log.append(2, newcomer(log.ledger(), "bob")).outcome, Outcome::adopted);
  EXPECT_EQ(log.ledger().members().size(), 2u);
  EXPECT_EQ(log.records().size(), 5u);
  EXPECT_EQ(log.seq(), 2u);
}

TEST_F(VerifiedLogTest, ALaterRosterTellsWhomItRemoved) {
  auto log = founded();
  ASSERT_EQ(log.append(2, newcomer(log.ledger(), "bob")).outcome, Outcome::adopted);
  const auto host = log.ledger().host_id();
  PeerId bob;
  for (const auto& [id, member] : log.ledger().members())
    if (id != host) bob = id;
  const auto rotation =
      party::build_rotation(random_, log.ledger(), made_->root, {{bob}, {}}, kNow).value();
  const auto merge = log.append(3, std::vector<Bytes>{rotation.roster});
  EXPECT_EQ(merge.outcome, Outcome::adopted);
  EXPECT_EQ(merge.removed, std::vector{bob});
  EXPECT_EQ(log.ledger().members().size(), 1u);
  // A server that doesn't know of it brings nobody back.
  auto old_log = log.records();
  old_log.pop_back();
  EXPECT_EQ(log.merge(old_log, 2, "restored").outcome, Outcome::behind);
  EXPECT_EQ(log.ledger().members().size(), 1u);
}

TEST_F(VerifiedLogTest, ALongSnapshotIsCheckedByTheProverAndAnEventInPlace) {
  std::vector<std::size_t> proven;
  const party::LogProver prover = [&](const PartyId& party, std::span<const Bytes> records) {
    proven.push_back(records.size());
    return party::prove(party, records);
  };
  VerifiedLog log(party::Ledger::replay(made_->id, log_).value(), log_, {}, prover);
  auto longer = log_;
  auto ledger = log.ledger();
  for (int i = 0; i < 5; ++i)
    for (auto& record : newcomer(ledger, "guest")) {
      ASSERT_TRUE(ledger.append(record));
      longer.push_back(std::move(record));
    }
  auto forged = longer;
  forged[9].back() ^= 1;  // in a signature
  EXPECT_EQ(log.merge(forged, 2, "first").outcome, Outcome::refused);
  EXPECT_EQ(log.length(), 9u);
  EXPECT_EQ(proven, std::vector<std::size_t>{10});

  VerifiedLog other(party::Ledger::replay(made_->id, log_).value(), log_, {}, prover);
  EXPECT_EQ(other.merge(longer, 2, "first").outcome, Outcome::adopted);
  EXPECT_EQ(proven, (std::vector<std::size_t>{10, 10}));
  EXPECT_EQ(other.append(3, newcomer(other.ledger(), "last")).outcome, Outcome::adopted);
  EXPECT_EQ(proven.size(), 2u);
}

TEST_F(VerifiedLogTest, AnEventSeenBeforeChangesNothing) {
  auto log = founded();
  const auto bob = newcomer(log.ledger(), "bob");
  log.append(2, bob);
  EXPECT_EQ(log.append(2, bob).outcome, Outcome::known);
  EXPECT_EQ(log.records().size(), 5u);
}

TEST_F(VerifiedLogTest, AMissingEventIsAGap) {
  auto log = founded();
  EXPECT_EQ(log.append(3, newcomer(log.ledger(), "bob")).outcome, Outcome::gap);
  EXPECT_EQ(log.records().size(), 3u);
  EXPECT_EQ(log.seq(), 1u);
}

TEST_F(VerifiedLogTest, ASnapshotBringsWhatIsNew) {
  auto log = founded();
  auto longer = log_;
  for (auto& record : newcomer(log.ledger(), "bob"))
    longer.push_back(record);
  EXPECT_EQ(log.merge(longer, 9, "first").outcome, Outcome::adopted);
  EXPECT_EQ(log.ledger().members().size(), 2u);
  EXPECT_EQ(log.seq(), 9u);
}

TEST_F(VerifiedLogTest, ARestoredServerTakesNobodyAway) {
  auto log = founded();
  log.append(2, newcomer(log.ledger(), "bob"));
  EXPECT_EQ(log.merge(log_, 1, "second").outcome, Outcome::behind);
  EXPECT_EQ(log.ledger().members().size(), 2u);
  EXPECT_EQ(log.incarnation(), "second");
}

TEST_F(VerifiedLogTest, AnotherHistoryIsNotBelieved) {
  auto log = founded();
  auto other = log_;
  for (auto& record : newcomer(log.ledger(), "mallory"))
    other.push_back(record);
  log.append(2, newcomer(log.ledger(), "bob"));
  const auto ours = log.records();
  EXPECT_EQ(log.merge(other, 2, "first").outcome, Outcome::split);
  EXPECT_EQ(log.records(), ours);
}

TEST_F(VerifiedLogTest, AForgedRecordIsRefusedAndSaysWhy) {
  auto log = founded();
  auto forged = newcomer(log.ledger(), "bob");
  forged[0].back() ^= 1;  // in a signature
  const auto merge = log.append(2, forged);
  EXPECT_EQ(merge.outcome, Outcome::refused);
  ASSERT_TRUE(merge.why);
  EXPECT_EQ(log.ledger().members().size(), 1u);
  EXPECT_EQ(log.records().size(), 3u);
}

TEST_F(VerifiedLogTest, ARecordThatIsRefusedAgainAsksForNoMoreSnapshots) {
  auto log = founded();
  auto forged = newcomer(log.ledger(), "bob");
  forged[0].back() ^= 1;
  ASSERT_EQ(log.append(2, forged).outcome, Outcome::refused);
  EXPECT_TRUE(log.take_snapshot_wish());
  auto snapshot = log_;
  snapshot.insert(snapshot.end(), forged.begin(), forged.end());
  ASSERT_EQ(log.merge(snapshot, 2, "first").outcome, Outcome::refused);
  EXPECT_FALSE(log.take_snapshot_wish()) << "the server would answer the same for ever";

  log.on_new_link();
  EXPECT_TRUE(log.take_snapshot_wish());
  EXPECT_EQ(log.merge(log_, 2, "first").outcome, Outcome::known);
  EXPECT_TRUE(log.take_snapshot_wish()) << "a snapshot that fits settles it";
}

// ---- members know things as well

TEST_F(VerifiedLogTest, AnEventThatAMemberToldFirstIsKnown) {
  auto log = founded();
  auto bob = newcomer(log.ledger(), "bob");
  ASSERT_EQ(log.merge_branch(3, bob).outcome, Outcome::adopted);
  EXPECT_FALSE(log.server_has_all());
  EXPECT_EQ(log.append(2, bob).outcome, Outcome::known);
  EXPECT_TRUE(log.server_has_all());
  EXPECT_EQ(log.append(3, newcomer(log.ledger(), "cat")).outcome, Outcome::adopted);
}

TEST_F(VerifiedLogTest, AnEventOfWhichAMemberToldTheFirstHalf) {
  auto log = founded();
  const auto bob = newcomer(log.ledger(), "bob");
  ASSERT_EQ(log.merge_branch(3, std::span(bob).first(1)).outcome, Outcome::adopted);
  EXPECT_EQ(log.append(2, bob).outcome, Outcome::adopted);
  EXPECT_EQ(log.records().size(), 5u);
}

TEST_F(VerifiedLogTest, EventsThatAMemberToldFirstAreKnownOneByOne) {
  auto log = founded();
  const auto bob = newcomer(log.ledger(), "bob");
  log.merge_branch(3, bob);
  const auto cat = newcomer(log.ledger(), "cat");
  log.merge_branch(5, cat);
  EXPECT_EQ(log.append(2, bob).outcome, Outcome::known);
  EXPECT_FALSE(log.server_has_all());
  EXPECT_EQ(log.append(3, cat).outcome, Outcome::known);
  EXPECT_TRUE(log.server_has_all());
}

TEST_F(VerifiedLogTest, ARestoredServersNewEventIsASplit) {
  auto log = founded();
  log.append(2, newcomer(log.ledger(), "bob"));
  ASSERT_EQ(log.merge(log_, 1, "second").outcome, Outcome::behind);
  EXPECT_TRUE(log.in_step());
  const auto ours = log.records();
  const auto founding = party::Ledger::replay(made_->id, log_).value();
  EXPECT_EQ(log.append(2, newcomer(founding, "mallory")).outcome, Outcome::split);
  EXPECT_EQ(log.records(), ours);
  EXPECT_FALSE(log.in_step());
  EXPECT_EQ(log.append(3, newcomer(log.ledger(), "cat")).outcome, Outcome::gap)
      << "of a history that isn't ours";
  EXPECT_EQ(log.records(), ours);
}

TEST_F(VerifiedLogTest, ARestoredServerThatGetsItsRecordsBackIsInStep) {
  auto log = founded();
  const auto bob = newcomer(log.ledger(), "bob");
  log.append(2, bob);
  log.merge(log_, 1, "second");
  EXPECT_EQ(log.append(2, bob).outcome, Outcome::known);
  EXPECT_TRUE(log.server_has_all());
}

class BranchesTest : public testing::Test {
 protected:
  BranchesTest() {
    past_.join(bob_);
    past_.join(cat_);
    past_.deputies({bob_.peer_id()});
    ours_ = past_;
    theirs_ = past_;
  }
  VerifiedLog log() {
    VerifiedLog out(ours_->ledger, ours_->log);
    EXPECT_EQ(out.merge(ours_->log, 7, "first").outcome, Outcome::known);
    return out;
  }
  std::vector<Bytes> branch() const { return theirs_->since(past_.log.size()); }

  SeededRandom random_{8};
  party::DeviceKeys host_ = make_device(random_);
  party::DeviceKeys bob_ = make_device(random_);  // a deputy
  party::DeviceKeys cat_ = make_device(random_);
  party::DeviceKeys dan_ = make_device(random_);
  History past_{random_, host_};
  std::optional<History> ours_, theirs_;
};

TEST_F(BranchesTest, OneThatOutranksOursReplacesIt) {
  ours_->join(dan_);
  theirs_->kick(cat_);
  auto ours = log();
  const auto merge = ours.merge_branch(past_.log.size(), branch());
  EXPECT_EQ(merge.outcome, Outcome::replaced);
  EXPECT_EQ(std::set(merge.removed.begin(), merge.removed.end()),
            (std::set{cat_.peer_id(), dan_.peer_id()}));
  EXPECT_EQ(ours.records(), theirs_->log);
  EXPECT_EQ(ours.head().head, theirs_->ledger.head());
  EXPECT_EQ(ours.roster_length(), theirs_->log.size());
  // The server that showed us ours goes on with it: that isn't ours any more.
  EXPECT_EQ(ours.append(8, ours_->state(dan_, "dan")).outcome, Outcome::gap);
  EXPECT_EQ(ours.records(), theirs_->log);
}

TEST_F(BranchesTest, AServerWhoseSnapshotOutranksOursIsInStep) {
  ours_->join(dan_);
  theirs_->kick(cat_);
  auto ours = log();
  EXPECT_EQ(ours.merge(theirs_->log, 9, "first").outcome, Outcome::replaced);
  EXPECT_EQ(ours.append(10, theirs_->state(bob_, "bobby")).outcome, Outcome::adopted);
}

TEST_F(BranchesTest, AnEventCanOutrankWhatAMemberTold) {
  auto ours = log();
  ASSERT_EQ(ours.merge_branch(past_.log.size(), ours_->join(dan_)).outcome, Outcome::adopted);
  EXPECT_EQ(ours.append(8, theirs_->kick(cat_)).outcome, Outcome::replaced);
  EXPECT_TRUE(ours.server_has_all());
}

TEST_F(BranchesTest, OneThatDoesNotIsKeptOutButItsDeputyIsHeard) {
  ours_->rotate(bob_.identity);
  ours_->rotate(bob_.identity);
  theirs_->rotate(bob_.identity, {cat_.peer_id()});
  auto ours = log();
  EXPECT_EQ(ours.merge_branch(past_.log.size(), branch()).outcome, Outcome::split);
  EXPECT_EQ(ours.records(), ours_->log);
  EXPECT_EQ(ours.overruled().outcasts, std::set{cat_.peer_id()});
  const VerifiedLog again(ours.ledger(), ours.records(), ours.overruled());
  EXPECT_EQ(again.overruled().outcasts, std::set{cat_.peer_id()}) << "as kept over a restart";
  // Until a later roster decides.
  ASSERT_EQ(ours.append(8, ours_->kick(cat_)).outcome, Outcome::adopted);
  EXPECT_TRUE(ours.overruled().outcasts.empty());
}

// Whom one deputy kicked may come again by an invite that the other's roster kept.
TEST_F(BranchesTest, WhileTwoDeputiesDisagreeNewcomersWait) {
  ours_->rotate(bob_.identity);
  ours_->rotate(bob_.identity);
  ours_->join(dan_);
  theirs_->rotate(bob_.identity, {cat_.peer_id()});
  auto ours = log();
  EXPECT_TRUE(ours.waiting().empty());
  ASSERT_EQ(ours.merge_branch(past_.log.size(), branch()).outcome, Outcome::split);
  EXPECT_EQ(ours.waiting(), std::set{dan_.peer_id()}) << "who came before that is known";
  const auto eve = party::DeviceKeys(make_device(random_));
  ASSERT_EQ(ours.append(8, ours_->join(eve)).outcome, Outcome::adopted);
  EXPECT_EQ(ours.waiting(), (std::set{dan_.peer_id(), eve.peer_id()}));
  // The host names them, and not Cat.
  ASSERT_EQ(ours.append(9, ours_->kick(cat_)).outcome, Outcome::adopted);
  EXPECT_TRUE(ours.waiting().empty());
  EXPECT_NE(ours.ledger().member(dan_.peer_id()), nullptr);
}

// Nobody is left out, but whoever holds the leaked invite would be let in.
TEST_F(BranchesTest, WhoeverComesByAnInviteThatADeputyRevokedWaits) {
  ours_->rotate(bob_.identity);
  ours_->rotate(bob_.identity);
  ours_->join(dan_);
  theirs_->rotate(bob_.identity, {}, {past_.invite()});
  auto ours = log();
  ASSERT_EQ(ours.merge_branch(past_.log.size(), branch()).outcome, Outcome::split);
  EXPECT_TRUE(ours.overruled().outcasts.empty());
  EXPECT_EQ(ours.waiting(), std::set{dan_.peer_id()});
  const VerifiedLog again(ours.ledger(), ours.records(), ours.overruled());
  EXPECT_EQ(again.waiting(), std::set{dan_.peer_id()}) << "also after a restart";
  ASSERT_EQ(ours.append(8, ours_->rotate(bob_.identity, {}, {past_.invite()})).outcome,
            Outcome::adopted);
  EXPECT_TRUE(ours.waiting().empty());
  // Whoever is late with the old history makes nobody wait for a roster that has come.
  ours_->rotate(bob_.identity);
  EXPECT_EQ(ours.merge_branch(past_.log.size(), branch()).outcome, Outcome::split);
  EXPECT_FALSE(ours.overruled().any());
}

// The same, for those who followed the deputy that lost.
TEST_F(BranchesTest, WhoeverComesByItWaitsWithThoseWhoSwitch) {
  ours_->rotate(bob_.identity, {}, {past_.invite()});
  theirs_->rotate(bob_.identity);
  theirs_->rotate(bob_.identity);
  theirs_->join(dan_);
  auto ours = log();
  ASSERT_EQ(ours.merge_branch(past_.log.size(), branch()).outcome, Outcome::replaced);
  EXPECT_EQ(ours.waiting(), std::set{dan_.peer_id()});
}

TEST_F(BranchesTest, AForgedRosterDecidesNothing) {
  ours_->join(dan_);
  theirs_->kick(cat_);
  auto forged = branch();
  forged[0].back() ^= 1;
  auto ours = log();
  const auto merge = ours.merge_branch(past_.log.size(), forged);
  EXPECT_EQ(merge.outcome, Outcome::refused);
  EXPECT_TRUE(merge.why);
  EXPECT_EQ(ours.records(), ours_->log);
}

TEST_F(BranchesTest, WhatIsRightBeforeAForgedRecordCounts) {
  ours_->join(dan_);
  theirs_->kick(cat_);
  theirs_->state(bob_, "bobby");
  auto forged = branch();
  forged[1].back() ^= 1;
  auto ours = log();
  const auto merge = ours.merge_branch(past_.log.size(), forged);
  EXPECT_EQ(merge.outcome, Outcome::replaced);
  EXPECT_TRUE(merge.why);
  EXPECT_EQ(ours.ledger().member(cat_.peer_id()), nullptr);
}

TEST_F(BranchesTest, AShorterOneIsBehindAndTheSameIsKnown) {
  ours_->join(dan_);
  auto ours = log();
  EXPECT_EQ(ours.merge_branch(past_.log.size(), {}).outcome, Outcome::behind);
  EXPECT_EQ(ours.merge_branch(3, ours_->since(3)).outcome, Outcome::known);
}

}  // namespace
}  // namespace lanrage::trust
