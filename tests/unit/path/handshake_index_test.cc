#include "path/handshake_index.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "crypto/hash.hpp"
#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

const crypto::ExchangeKey kOwn{{1, 2, 3}};
const crypto::ExchangeKey kPeer{{4, 5, 6}};
const crypto::ExchangeKey kOther{{7, 8, 9}};
constexpr ms kLife(185'000);

TEST(HandshakeIndex, OursIsInTheInitiationThePeersInItsResponse) {
  HandshakeIndex index(kOwn, kPeer);
  EXPECT_FALSE(index.on_sent(kStart, initiation(7, kPeer)));
  EXPECT_TRUE(index.peer_indexes(kStart, kLife).empty());
  EXPECT_TRUE(index.on_received(kStart + ms(40), response(9, 7, kOwn)));
  EXPECT_FALSE(index.own()) << "WireGuard hasn't said so";
  EXPECT_EQ(index.peer_indexes(kStart + ms(40), kLife), std::vector{9u});
  index.on_handshake(kStart + ms(40));
  EXPECT_EQ(index.own(), 7u);
  EXPECT_EQ(index.peer(), 9u);
}

TEST(HandshakeIndex, BothAreInOurOwnResponse) {
  HandshakeIndex index(kOwn, kPeer);
  EXPECT_FALSE(index.on_received(kStart, initiation(9, kOwn)));
  EXPECT_TRUE(index.on_sent(kStart + ms(1), response(7, 9, kPeer)));
  EXPECT_EQ(index.peer_indexes(kStart + ms(1), kLife), std::vector{9u}) << "to be told at once";
  index.on_handshake(kStart + ms(90));
  EXPECT_EQ(index.own(), 7u);
  EXPECT_EQ(index.peer(), 9u);
}

TEST(HandshakeIndex, TheCopyOfTheInitiationMayComeLast) {
  HandshakeIndex index(kOwn, kPeer);
  EXPECT_FALSE(index.on_received(kStart, response(9, 7, kOwn)));
  index.on_handshake(kStart);
  EXPECT_TRUE(index.on_sent(kStart + ms(5), initiation(7, kPeer)));
  EXPECT_EQ(index.own(), 7u);
  HandshakeIndex late(kOwn, kPeer);
  late.on_received(kStart, response(9, 7, kOwn));
  EXPECT_FALSE(late.on_sent(kStart + ms(1'001), initiation(7, kPeer))) << "chance, or forged";
}

TEST(HandshakeIndex, OtherPeersHandshakesAreNone) {
  HandshakeIndex index(kOwn, kPeer);
  EXPECT_FALSE(index.on_sent(kStart, initiation(7, kOther)));
  EXPECT_FALSE(index.on_received(kStart, response(9, 7, kOwn)));
  EXPECT_FALSE(index.on_sent(kStart, response(7, 9, kOther)));
  EXPECT_FALSE(index.on_sent(kStart, initiation(8, kPeer)));
  EXPECT_FALSE(index.on_received(kStart, response(9, 8, kOther)));
  Bytes cut = response(9, 8, kOwn);
  cut.pop_back();
  EXPECT_FALSE(index.on_received(kStart, cut));
  index.on_handshake(kStart);
  EXPECT_FALSE(index.own());
}

TEST(HandshakeIndex, AnsweringThePeerVoidsWhatWeBegan) {
  HandshakeIndex index(kOwn, kPeer);
  index.on_sent(kStart, initiation(1, kPeer));
  EXPECT_TRUE(index.on_sent(kStart + ms(10), response(2, 9, kPeer)));
  EXPECT_FALSE(index.on_received(kStart + ms(20), response(8, 1, kOwn)));
  index.on_handshake(kStart + ms(60));
  EXPECT_EQ(index.own(), 2u);
  EXPECT_EQ(index.peer(), 9u);
}

TEST(HandshakeIndex, ARekeyCountsWhenWireGuardSaysSo) {
  HandshakeIndex index(kOwn, kPeer);
  index.on_sent(kStart, response(7, 9, kPeer));
  index.on_handshake(kStart + ms(50));
  index.on_sent(kStart + ms(120'000), response(17, 19, kPeer));
  index.on_handshake(kStart + ms(58));
  EXPECT_EQ(index.own(), 7u) << "the same handshake, computed again";
  EXPECT_EQ(index.peer_indexes(kStart + ms(120'000), kLife), (std::vector{19u, 9u}));
  index.on_handshake(kStart + ms(120'040));
  EXPECT_EQ(index.own(), 17u);
  EXPECT_EQ(index.peer_indexes(kStart + ms(200'000), kLife), std::vector{19u});
}

TEST(HandshakeIndex, DoubtAndForgetting) {
  HandshakeIndex index(kOwn, kPeer);
  index.on_sent(kStart, response(7, 9, kPeer));
  index.on_handshake(kStart);
  index.doubt();
  index.on_handshake(kStart);
  EXPECT_FALSE(index.own());
  index.on_handshake(kStart + ms(100));
  EXPECT_EQ(index.own(), 7u);
  index.forget();
  EXPECT_FALSE(index.own());
  EXPECT_TRUE(index.peer_indexes(kStart, kLife).empty());
}

TEST(HandshakeIndex, KeepsABoundedNumber) {
  HandshakeIndex index(kOwn, kPeer);
  index.on_received(kStart, response(9, 7, kOwn));
  for (std::uint8_t i = 0; i < 64; ++i)
    index.on_received(kStart, response(1, static_cast<std::uint8_t>(100 + i), kOwn));
  EXPECT_FALSE(index.on_sent(kStart, initiation(7, kPeer)));
  for (std::uint8_t i = 0; i < 5; ++i)
    index.on_sent(kStart, initiation(static_cast<std::uint8_t>(10 + i), kPeer));
  EXPECT_FALSE(index.on_received(kStart, response(9, 10, kOwn)));
  for (std::uint8_t i = 0; i < 9; ++i)
    index.on_sent(kStart, response(i, i, kPeer));
  EXPECT_EQ(index.peer_indexes(kStart, kLife), (std::vector{8u, 7u, 6u}));
}

}  // namespace
}  // namespace lanrage::path
