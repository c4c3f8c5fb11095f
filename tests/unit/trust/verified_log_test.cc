// What a control server can and can't do to the log that this agent has verified.
#include "trust/verified_log.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "party/membership.hpp"
#include "party/new_party.hpp"

namespace lanrage::trust {
namespace {

using Outcome = VerifiedLog::Outcome;
const UnixTime kNow{std::chrono::seconds(1'800'000'000)};

party::DeviceKeys device(Random& random) {
  return {crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random),
          crypto::ExchangeSecret::generate(random)};
}

class VerifiedLogTest : public testing::Test {
 protected:
  VerifiedLogTest() {
    party::PartyOptions options;
    options.name = "fun";
    made_ = party::create_party(random_, options, device(random_), "ann", kNow).value();
    log_ = {made_->charter, made_->roster, made_->statement};
  }

  // The admission and statement by which a newcomer joins.
  std::vector<Bytes> newcomer(const party::Ledger& before, std::string_view nick) {
    const auto keys = device(random_);
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

}  // namespace
}  // namespace lanrage::trust
