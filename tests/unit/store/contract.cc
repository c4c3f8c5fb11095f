#include "unit/store/contract.hpp"

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
  ASSERT_TRUE(loop_.wait([&](Completion done) { store_->touch(leases, std::move(done)); }));
  const auto parties = store_->parties();
  ASSERT_EQ(parties->front().peers.size(), 1u);
  EXPECT_EQ(parties->front().peers[0].last_seen, at(9000));
  EXPECT_EQ(parties->front().seq, 1u) << "presence is no event";
}

TEST_P(StoreContract, KeepsTheFirstRegistrationOfARelay) {
  RelayRow relay{"relay", IpAddress::v4(0xcb007109u), 51820, "eu", at(100), at(100)};
  ASSERT_TRUE(loop_.wait([&](Completion done) { store_->put_relay(relay, std::move(done)); }));
  auto later = relay;
  later.port = 51821;
  later.registered_at = later.last_seen = at(200);
  ASSERT_TRUE(loop_.wait([&](Completion done) { store_->put_relay(later, std::move(done)); }));
  later.registered_at = at(100);
  EXPECT_EQ(*store_->relays(), std::vector{later});
}

TEST_P(StoreContract, ASettingKeepsItsFirstValue) {
  EXPECT_EQ(*store_->setting("key", Bytes{1, 2, 3}), (Bytes{1, 2, 3}));
  EXPECT_EQ(*store_->setting("key", Bytes{4}), (Bytes{1, 2, 3}));
  EXPECT_EQ(*store_->setting("empty", Bytes{}), Bytes{});
  reopen();
  EXPECT_EQ(*store_->setting("key", Bytes{5}), (Bytes{1, 2, 3}));
}

}  // namespace lanrage::store::test
