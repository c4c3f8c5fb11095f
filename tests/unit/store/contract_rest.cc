#include <algorithm>
#include <numeric>

#include "unit/store/contract.hpp"

namespace lanrage::store::test {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SharedStoreContract);

TEST_P(StoreContract, KeepsTokensAndRefusesANonceTwice) {
  const auto token = make_token(1, 5000);
  ASSERT_TRUE(add_token(token));
  auto again = make_token(2, 6000);
  again.nonce_hash = token.nonce_hash;
  EXPECT_TRUE(add_token(again).error().is(Errc::nonce_used));
  reopen();
  EXPECT_EQ(*store_->tokens(), std::vector{token});
}

TEST_P(StoreContract, ARevokedTokenIsExpiredAndItsNonceStaysUsed) {
  const auto token = make_token(1, 5000);
  ASSERT_TRUE(add_token(token));
  ASSERT_TRUE(loop_.wait(
      [&](Completion done) { store_->revoke_token(token.token_hash, at(3000), std::move(done)); }));
  EXPECT_EQ(store_->tokens()->front().expires_at, at(3000));
  ASSERT_TRUE(loop_.wait(
      [&](Completion done) { store_->revoke_token(token.token_hash, at(4000), std::move(done)); }));
  EXPECT_EQ(store_->tokens()->front().expires_at, at(3000)) << "never later than before";
  auto again = make_token(2, 6000);
  again.nonce_hash = token.nonce_hash;
  EXPECT_TRUE(add_token(again).error().is(Errc::nonce_used));
}

TEST_P(StoreContract, RemovesTokensThatExpiredBeforeALimit) {
  for (std::uint8_t n = 1; n <= 3; ++n)
    ASSERT_TRUE(add_token(make_token(n, n * 1000)));
  ASSERT_TRUE(loop_.wait(
      [&](Completion done) { store_->remove_tokens_expired_before(at(2000), std::move(done)); }));
  EXPECT_EQ(store_->tokens()->size(), 2u);
}

TEST_P(StoreContract, TouchesPeersThatAreThereAndSkipsOthers) {
  auto first = make_append(1, 0);
  first.changed = {make_peer(1)};
  ASSERT_TRUE(append(first));
  const std::vector<Lease> leases = {{make_id<PartyId>(1), make_id<PeerId>(1), at(9000)},
                                     {make_id<PartyId>(1), make_id<PeerId>(5), at(9000)},
                                     {make_id<PartyId>(8), make_id<PeerId>(1), at(9000)}};
  ASSERT_TRUE(touch(leases));
  const auto parties = store_->parties();
  ASSERT_EQ(parties->front().peers.size(), 1u);
  EXPECT_EQ(parties->front().peers[0].last_seen, at(9000));
  EXPECT_EQ(parties->front().seq, 1u) << "presence is no event";
}

TEST_P(StoreContract, NeverMovesAPeersLastSeenBack) {
  auto first = make_append(1, 0);
  first.changed = {make_peer(1)};
  ASSERT_TRUE(append(first));
  ASSERT_TRUE(touch({{make_id<PartyId>(1), make_id<PeerId>(1), at(9000)}}));
  ASSERT_TRUE(touch({{make_id<PartyId>(1), make_id<PeerId>(1), at(8000)}}));
  EXPECT_EQ(party(1).peers[0].last_seen, at(9000));
}

TEST_P(StoreContract, TouchesALargeBatchAndAnswersItOnce) {
  std::vector<Lease> leases;
  for (std::uint8_t n = 1; n <= 40; ++n) {
    auto first = make_append(n, 0);
    for (std::uint8_t peer = 1; peer <= 20; ++peer) {
      first.changed.push_back(make_peer(peer));
      leases.push_back({make_id<PartyId>(n), make_id<PeerId>(peer), at(9000 + n)});
    }
    ASSERT_TRUE(append(first));
  }
  std::ranges::reverse(leases);
  int answers = 0;
  store_->touch(leases, [&](Result<void> result) {
    EXPECT_TRUE(result);
    ++answers;
  });
  ASSERT_TRUE(append(make_append(1, 1)));
  while (answers == 0)
    loop_.run_one();
  ASSERT_TRUE(touch({}));
  EXPECT_EQ(answers, 1);
  for (std::uint8_t n = 1; n <= 40; ++n)
    for (const auto& peer : party(n).peers)
      EXPECT_EQ(peer.last_seen, at(9000 + n));
}

TEST_P(StoreContract, KeepsTheFirstRegistrationOfARelay) {
  const auto relay = make_relay("relay");
  ASSERT_TRUE(put_relay(relay));
  auto later = relay;
  later.port = 51821;
  later.region = "us";
  later.registered_at = later.last_seen = at(200);
  later.capacity = 1;
  later.load = 1;
  later.endpoints = {};
  later.stun = {*Endpoint::parse("198.51.100.1:3478"), *Endpoint::parse("198.51.100.1:3479")};
  ASSERT_TRUE(put_relay(later));
  later.registered_at = at(100);
  reopen();
  EXPECT_EQ(*store_->relays(), std::vector{later});
}

TEST_P(StoreContract, RemovesRelays) {
  ASSERT_TRUE(put_relay(make_relay("a")));
  ASSERT_TRUE(put_relay(make_relay("b")));
  const auto remove = [&](const char* id) {
    return loop_.wait([&](Completion done) { store_->remove_relay(id, std::move(done)); });
  };
  ASSERT_TRUE(remove("a"));
  ASSERT_TRUE(remove("a")) << "absent is what was asked for";
  EXPECT_EQ(*store_->relays(), std::vector{make_relay("b")});
}

TEST_P(StoreContract, ASettingKeepsItsFirstValue) {
  EXPECT_EQ(*store_->setting("key", Bytes{1, 2, 3}), (Bytes{1, 2, 3}));
  EXPECT_EQ(*store_->setting("key", Bytes{4}), (Bytes{1, 2, 3}));
  EXPECT_EQ(*store_->setting("empty", Bytes{}), Bytes{});
  reopen();
  EXPECT_EQ(*store_->setting("key", Bytes{5}), (Bytes{1, 2, 3}));
}

TEST_P(StoreContract, CountsCommitsAndWhatTheyCarried) {
  constexpr std::uint64_t kWrites = 150;
  std::uint64_t answered = 0;
  for (std::uint64_t i = 0; i < kWrites; ++i)
    store_->append(make_append(1, i), [&](Result<void>) { ++answered; });
  while (answered < kWrites)
    loop_.run_one();
  const auto counters = store_->counters();
  EXPECT_EQ(counters.works, kWrites);
  EXPECT_EQ(counters.failures, 0u);
  EXPECT_GE(counters.commits, 1u);
  EXPECT_LE(counters.largest, kBatchBounds.back());
  EXPECT_EQ(std::accumulate(counters.batches.begin(), counters.batches.end(), std::uint64_t{0}),
            counters.commits);
}

TEST_P(StoreContract, ABackupIsAConsistentCopyOfAnotherIncarnation) {
  const auto incarnation = *store_->setting(kIncarnation, Bytes(16, 1));
  const auto secret = *store_->setting("secret", Bytes(32, 2));
  auto first = make_append(1, 0, 3);
  first.changed = {make_peer(1), make_peer(2)};
  ASSERT_TRUE(append(first));
  ASSERT_TRUE(put_snapshot(1, {2, {7}}, 2));
  ASSERT_TRUE(add_token(make_token(1, 5000)));
  ASSERT_TRUE(put_relay(make_relay("relay")));
  const auto before = party(1);
  ASSERT_TRUE(backup());
  ASSERT_TRUE(append(make_append(1, 3)));

  const auto again = backup();
  ASSERT_FALSE(again) << "never replaces a file";
  EXPECT_TRUE(again.error().is(Errc::file_exists));
  EXPECT_EQ(*store_->setting(kIncarnation, {}), incarnation);

  auto copy = backend_->open_backup(loop_.executor());
  ASSERT_TRUE(copy) << copy.error().message();
  const auto renewed = *(*copy)->setting(kIncarnation, {});
  EXPECT_EQ(renewed.size(), 16u);
  EXPECT_NE(renewed, incarnation);
  const auto backed_up_at = *(*copy)->setting(kBackedUpAt, Bytes(8, 0));
  EXPECT_EQ(backed_up_at.size(), 8u);
  EXPECT_NE(backed_up_at, Bytes(8, 0));
  EXPECT_EQ(*(*copy)->setting("secret", {}), secret);
  const auto after = *(*copy)->party(make_id<PartyId>(1));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->row, before.row);
  EXPECT_EQ(after->seq, 3u);
  EXPECT_EQ(after->peers, before.peers);
  EXPECT_EQ(after->snapshot, before.snapshot);
  EXPECT_EQ(after->events, before.events);
  EXPECT_EQ(*(*copy)->tokens(), *store_->tokens());
  EXPECT_EQ(*(*copy)->relays(), *store_->relays());
  EXPECT_TRUE(loop_.wait([&](Completion done) {
    (*copy)->append(make_append(1, 3), std::move(done));
  })) << "and it can be served from";
}

TEST_P(StoreContract, ABackupWhileWritesGoOnHoldsWholeWrites) {
  ASSERT_TRUE(append(make_append(1, 0)));
  bool written = false;
  std::uint64_t seq = 1;
  std::function<void()> go_on = [&] {
    auto next = make_append(1, seq, 2);
    next.changed = {make_peer(static_cast<std::uint8_t>(seq / 2 % 100 + 1))};
    next.changed[0].nick = std::to_string(seq + 2);
    store_->append(next, [&](Result<void> result) {
      ASSERT_TRUE(result);
      seq += 2;
      if (!written) go_on();
    });
  };
  go_on();
  std::optional<Result<void>> result;
  store_->backup(backend_->backup_path(), [&](Result<void> r) {
    written = true;
    result = std::move(r);
  });
  while (!result)
    loop_.run_one();
  ASSERT_TRUE(*result) << result->error().message();
  auto copy = backend_->open_backup(loop_.executor());
  ASSERT_TRUE(copy);
  const auto stored = *(*copy)->party(make_id<PartyId>(1));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->seq % 2, 1u);
  ASSERT_EQ(stored->events.size(), stored->seq);
  if (stored->seq > 1) {
    EXPECT_EQ(std::ranges::count(stored->peers, std::to_string(stored->seq), &PeerRow::nick), 1);
  }
  reopen();
}

TEST_P(SharedStoreContract, TheFirstToAppendWins) {
  ASSERT_TRUE(append(make_append(1, 0)));
  ASSERT_TRUE(append_there(make_append(1, 1)));
  EXPECT_TRUE(append(make_append(1, 1)).error().is(Errc::conflict));
  EXPECT_EQ(events(1).size(), 2u);
  EXPECT_TRUE(append(make_append(1, 2)));
}

TEST_P(SharedStoreContract, WritesGivenAtTheSameTimeConflictOnce) {
  ASSERT_TRUE(append(make_append(1, 0)));
  std::vector<bool> results;
  const auto note = [&](Result<void> result) { results.push_back(result.has_value()); };
  store_->append(make_append(1, 1), note);
  other_->append(make_append(1, 1), note);
  while (results.size() < 2)
    loop_.run_one();
  EXPECT_EQ(std::ranges::count(results, true), 1);
  EXPECT_EQ(party(1).seq, 2u);
}

TEST_P(SharedStoreContract, WatchersHearOfTheOthersAppendsOnly) {
  std::vector<PartyId> heard;
  store_->watch([&](const PartyId& id) { heard.push_back(id); });
  ASSERT_TRUE(append(make_append(1, 0)));
  ASSERT_TRUE(append_there(make_append(2, 0)));
  while (heard.empty())
    loop_.run_one();
  EXPECT_EQ(heard, std::vector{make_id<PartyId>(2)});
  EXPECT_FALSE(append_there(make_append(2, 0)));
  auto last = make_append(2, 1);
  last.closes = true;
  ASSERT_TRUE(append_there(last));
  while (heard.size() < 2)
    loop_.run_one();
  EXPECT_EQ(heard.back(), make_id<PartyId>(2));
}

TEST_P(SharedStoreContract, SharesSettingsAndNonces) {
  EXPECT_EQ(*store_->setting("key", Bytes{1}), Bytes{1});
  EXPECT_EQ(*other_->setting("key", Bytes{2}), Bytes{1});
  ASSERT_TRUE(add_token(make_token(1, 5000)));
  const auto again =
      loop_.wait([&](Completion done) { other_->add_token(make_token(1, 5000), std::move(done)); });
  EXPECT_TRUE(again.error().is(Errc::nonce_used));
}

}  // namespace lanrage::store::test
