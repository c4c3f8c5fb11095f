#include "unit/store/contract.hpp"

#include <algorithm>

namespace lanrage::store::test {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

TEST_P(StoreContract, KeepsAPartyAcrossReopening) {
  auto first = make_append(1, 0, 2);
  first.changed = {make_peer(1), make_peer(2)};
  ASSERT_TRUE(append(first));
  reopen();
  const auto parties = store_->parties();
  ASSERT_TRUE(parties);
  ASSERT_EQ(parties->size(), 1u);
  EXPECT_EQ(parties->front().row, first.party);
  EXPECT_EQ(parties->front().seq, 2u);
  EXPECT_EQ(parties->front().peers, first.changed);
  EXPECT_EQ(events(1), first.events);
}

TEST_P(StoreContract, RefusesAnAppendWhenTheSeqMoved) {
  ASSERT_TRUE(append(make_append(1, 0)));
  ASSERT_TRUE(append(make_append(1, 1)));
  auto late = make_append(1, 1);
  late.changed = {make_peer(9)};
  const auto refused = append(late);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::conflict));
  EXPECT_EQ(events(1).size(), 2u);
  EXPECT_TRUE(store_->parties()->front().peers.empty());
}

TEST_P(StoreContract, RefusesToCreateWhatExistsAndToChangeWhatDoesNot) {
  ASSERT_TRUE(append(make_append(1, 0)));
  EXPECT_TRUE(append(make_append(1, 0)).error().is(Errc::conflict));
  EXPECT_TRUE(append(make_append(2, 4)).error().is(Errc::conflict));
  EXPECT_EQ(store_->parties()->size(), 1u);
}

TEST_P(StoreContract, ReplacesAndRemovesPeers) {
  auto first = make_append(1, 0);
  first.changed = {make_peer(1), make_peer(2)};
  ASSERT_TRUE(append(first));
  auto second = make_append(1, 1);
  second.changed = {make_peer(1)};
  second.changed[0].nick = "renamed";
  second.gone = {make_id<PeerId>(2)};
  ASSERT_TRUE(append(second));
  EXPECT_EQ(store_->parties()->front().peers, second.changed);
}

TEST_P(StoreContract, APeerCanChangeItsKeyAndAddress) {
  auto first = make_append(1, 0);
  first.changed = {make_peer(1), make_peer(2)};
  ASSERT_TRUE(append(first));
  auto second = make_append(1, 1);
  second.changed = {make_peer(1)};
  second.changed[0].wireguard_key.fill(77);
  ASSERT_TRUE(append(second));
  EXPECT_EQ(party(1).peers[0], second.changed[0]);
  auto third = make_append(1, 2);
  third.changed = second.changed;
  third.changed[0].vip = make_peer(9).vip;
  third.changed[0].nat_type = "";
  ASSERT_TRUE(append(third));
  EXPECT_EQ(party(1).peers[0], third.changed[0]);
}

TEST_P(StoreContract, RefusesASecondPeerWithTheSameAddressOrKeyAndWritesNothing) {
  auto first = make_append(1, 0);
  first.changed = {make_peer(1)};
  ASSERT_TRUE(append(first));
  for (const bool same_address : {true, false}) {
    auto clash = make_append(1, 1);
    clash.changed = {make_peer(2)};
    if (same_address)
      clash.changed[0].vip = make_peer(1).vip;
    else
      clash.changed[0].wireguard_key = make_peer(1).wireguard_key;
    EXPECT_FALSE(append(clash));
    EXPECT_EQ(store_->parties()->front().seq, 1u);
    EXPECT_EQ(events(1).size(), 1u);
  }
}

TEST_P(StoreContract, RemovesAClosedPartyWithAllThatBelongsToIt) {
  auto first = make_append(1, 0);
  first.changed = {make_peer(1)};
  ASSERT_TRUE(append(first));
  ASSERT_TRUE(append(make_append(2, 0)));
  auto last = make_append(1, 1);
  last.closes = true;
  ASSERT_TRUE(append(last));
  EXPECT_EQ(store_->parties()->size(), 1u);
  EXPECT_TRUE(events(1).empty());
  EXPECT_TRUE(append(make_append(1, 0))) << "its id is free again";
}

TEST_P(StoreContract, ReadsEventsFromASeqOn) {
  ASSERT_TRUE(append(make_append(1, 0, 5)));
  const auto later = events(1, 3);
  ASSERT_EQ(later.size(), 2u);
  EXPECT_EQ(later[0].seq, 4u);
  EXPECT_EQ(later[1].seq, 5u);
  EXPECT_TRUE(events(1, 5).empty());
  EXPECT_TRUE(events(9).empty());
}

TEST_P(StoreContract, RefusesASecondPartyWithTheSameRelayGroup) {
  ASSERT_TRUE(append(make_append(1, 0)));
  auto clash = make_append(2, 0);
  clash.party.relay_group = make_append(1, 0).party.relay_group;
  EXPECT_FALSE(append(clash));
  EXPECT_EQ(store_->parties()->size(), 1u);
}

TEST_P(StoreContract, KeepsASnapshotInsteadOfTheEventsBeforeIt) {
  auto first = make_append(1, 0, 6);
  ASSERT_TRUE(append(first));
  ASSERT_TRUE(append(make_append(2, 0, 2)));
  const SnapshotRow snapshot{5, Bytes(200'000, 0x5a)};
  ASSERT_TRUE(put_snapshot(1, snapshot, 3));
  reopen();
  const auto stored = party(1);
  EXPECT_EQ(stored.snapshot, snapshot);
  EXPECT_EQ(stored.seq, 6u);
  EXPECT_EQ(stored.events, std::vector{first.events[5]}) << "those after the snapshot";
  EXPECT_EQ(events(1).size(), 3u) << "those kept for others";
  EXPECT_EQ(events(2).size(), 2u);
  EXPECT_FALSE(party(2).snapshot);

  const SnapshotRow newer{6, {}};
  ASSERT_TRUE(put_snapshot(1, newer, 6));
  EXPECT_EQ(party(1).snapshot, newer);
  EXPECT_TRUE(events(1).empty());
  ASSERT_TRUE(append(make_append(1, 6)));
  EXPECT_EQ(party(1).events.size(), 1u);
}

TEST_P(StoreContract, ASnapshotNeverTakesLaterEventsAlong) {
  ASSERT_TRUE(append(make_append(1, 0, 6)));
  ASSERT_TRUE(put_snapshot(1, {4, {1}}, 6));
  EXPECT_EQ(events(1).size(), 2u);
}

TEST_P(StoreContract, RefusesASnapshotOfAnotherState) {
  EXPECT_TRUE(put_snapshot(1, {1, {1}}, 1).error().is(Errc::not_found));
  ASSERT_TRUE(append(make_append(1, 0, 4)));
  EXPECT_TRUE(put_snapshot(1, {5, {1}}, 5).error().is(Errc::conflict)) << "ahead of the party";
  ASSERT_TRUE(put_snapshot(1, {3, {1}}, 0));
  EXPECT_TRUE(put_snapshot(1, {2, {2}}, 2).error().is(Errc::conflict)) << "older than the stored";
  EXPECT_EQ(events(1).size(), 4u);
  EXPECT_TRUE(put_snapshot(1, {3, {3}}, 0)) << "the same state, written again";
  EXPECT_EQ(party(1).snapshot, (SnapshotRow{3, {3}}));
}

TEST_P(StoreContract, AClosedPartysSnapshotGoesWithIt) {
  ASSERT_TRUE(append(make_append(1, 0, 2)));
  ASSERT_TRUE(put_snapshot(1, {2, {1}}, 2));
  auto last = make_append(1, 2);
  last.closes = true;
  ASSERT_TRUE(append(last));
  EXPECT_EQ(*store_->party(make_id<PartyId>(1)), std::nullopt);
  ASSERT_TRUE(append(make_append(1, 0)));
  EXPECT_FALSE(party(1).snapshot);
}

TEST_P(StoreContract, HandsOutPartiesOneByOneWithAllThatIsTheirs) {
  for (std::uint8_t n = 1; n <= 20; ++n) {
    auto first = make_append(n, 0, n);
    for (std::uint8_t peer = 1; peer <= n % 4; ++peer)
      first.changed.push_back(make_peer(peer));
    ASSERT_TRUE(append(first));
    if (n % 3 == 0) {
      ASSERT_TRUE(put_snapshot(n, {n - 1u, {n}}, n / 2u));
    }
  }
  std::vector<std::string> ids;
  ASSERT_TRUE(store_->for_each_party([&](StoredParty stored) -> Result<void> {
    const std::uint8_t n = stored.row.id.bytes[0];
    ids.push_back(stored.row.id.to_string());
    EXPECT_EQ(stored.row, make_append(n, 0).party);
    EXPECT_EQ(stored.seq, n);
    EXPECT_EQ(stored.peers.size(), n % 4u);
    EXPECT_EQ(stored.snapshot.has_value(), n % 3 == 0);
    EXPECT_EQ(stored.events.size(), n % 3 == 0 ? 1u : n);
    EXPECT_EQ(stored.events.back().seq, n);
    return {};
  }));
  EXPECT_EQ(ids.size(), 20u);
  EXPECT_TRUE(std::ranges::is_sorted(ids));
}

TEST_P(StoreContract, StopsHandingOutPartiesAtTheVisitorsError) {
  for (std::uint8_t n = 1; n <= 3; ++n)
    ASSERT_TRUE(append(make_append(n, 0)));
  int visited = 0;
  const auto stopped = store_->for_each_party([&](const StoredParty&) -> Result<void> {
    if (++visited == 2) return fail(Errc::not_found, "enough");
    return {};
  });
  ASSERT_FALSE(stopped);
  EXPECT_TRUE(stopped.error().is(Errc::not_found));
  EXPECT_EQ(visited, 2);
  EXPECT_EQ(store_->parties()->size(), 3u) << "and can be asked again";
  EXPECT_TRUE(append(make_append(1, 1)));
  EXPECT_EQ(party(1).seq, 2u);
}

TEST_P(StoreContract, AnswersNothingForAPartyThatIsNotThere) {
  EXPECT_EQ(*store_->party(make_id<PartyId>(1)), std::nullopt);
}

TEST_P(StoreContract, WritesInTheOrderGivenAndAnswersEachCaller) {
  constexpr std::uint64_t kWrites = 200;  // more than share one transaction
  std::vector<std::uint64_t> answered;
  for (std::uint64_t i = 0; i < kWrites; ++i)
    store_->append(make_append(1, i), [&answered, i](Result<void> result) {
      EXPECT_TRUE(result);
      answered.push_back(i);
    });
  while (answered.size() < kWrites)
    loop_.run_one();
  for (std::uint64_t i = 0; i < kWrites; ++i)
    EXPECT_EQ(answered[i], i);
  EXPECT_EQ(events(1).size(), kWrites);
}

TEST_P(StoreContract, ARefusedWriteLeavesItsNeighboursAlone) {
  std::vector<bool> results;
  const auto note = [&results](Result<void> result) { results.push_back(result.has_value()); };
  store_->append(make_append(1, 0), note);
  store_->append(make_append(1, 7), note);  // conflict
  store_->append(make_append(1, 1), note);
  while (results.size() < 3)
    loop_.run_one();
  EXPECT_EQ(results, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(store_->parties()->front().seq, 2u);
}

TEST_P(StoreContract, FinishesAcceptedWritesBeforeItGoes) {
  for (std::uint64_t i = 0; i < 100; ++i)
    store_->append(make_append(1, i), [](Result<void>) {});
  reopen();
  EXPECT_EQ(events(1).size(), 100u);
}

}  // namespace lanrage::store::test
