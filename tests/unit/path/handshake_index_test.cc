#include "path/handshake_index.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "crypto/hash.hpp"
#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

const crypto::ExchangeKey kOwn{{1, 2, 3}};

Bytes response(std::uint8_t receiver_index, const crypto::ExchangeKey& to = kOwn) {
  Bytes packet(wireguard::kResponseSize);
  packet[0] = 2;
  packet[8] = receiver_index;
  auto mac1 = crypto::blake2s_128_keyed(wireguard::mac1_key(to),
                                        ByteView(packet).first(packet.size() - 32));
  std::ranges::copy(mac1, packet.end() - 32);
  return packet;
}

TEST(HandshakeIndex, TheResponseAtTheHandshakesTimeNamesIt) {
  HandshakeIndex index(kOwn);
  index.on_packet(kStart, response(7));
  EXPECT_FALSE(index.own());
  index.on_handshake(kStart + ms(1));
  EXPECT_EQ(index.own(), 7u);
}

TEST(HandshakeIndex, TheStatusMayComeBeforeTheCopy) {
  HandshakeIndex index(kOwn);
  index.on_handshake(kStart);
  index.on_packet(kStart + ms(2), response(7));
  EXPECT_EQ(index.own(), 7u);
}

TEST(HandshakeIndex, AmongManyPeersTheNearestCounts) {
  HandshakeIndex index(kOwn);
  index.on_packet(kStart, response(1));
  index.on_packet(kStart + ms(30), response(2));
  index.on_handshake(kStart + ms(31));
  EXPECT_EQ(index.own(), 2u);
}

TEST(HandshakeIndex, TwoAtTheSameTimeSayNothing) {
  HandshakeIndex index(kOwn);
  index.on_packet(kStart, response(1));
  index.on_packet(kStart + ms(3), response(2));
  index.on_handshake(kStart + ms(1));
  EXPECT_FALSE(index.own());
}

TEST(HandshakeIndex, ANewHandshakeWithoutAResponseMakesItUnknown) {
  HandshakeIndex index(kOwn);
  index.on_packet(kStart, response(7));
  index.on_handshake(kStart);
  index.on_handshake(kStart + ms(8));
  EXPECT_EQ(index.own(), 7u) << "the same handshake, computed again";
  index.on_handshake(kStart + ms(120'000));
  EXPECT_FALSE(index.own());
}

TEST(HandshakeIndex, PacketsForOthersAndOtherPacketsAreIgnored) {
  HandshakeIndex index(kOwn);
  index.on_packet(kStart, response(7, crypto::ExchangeKey{{9}}));
  Bytes cut = response(7);
  cut.pop_back();
  index.on_packet(kStart, cut);
  index.on_packet(kStart, Bytes(wireguard::kInitiationSize, 1));
  index.on_handshake(kStart);
  EXPECT_FALSE(index.own());
}

TEST(HandshakeIndex, DoubtAndForgetting) {
  HandshakeIndex index(kOwn);
  index.on_packet(kStart, response(7));
  index.on_handshake(kStart);
  index.doubt();
  index.on_handshake(kStart);
  EXPECT_FALSE(index.own());
  index.forget();
  index.on_packet(kStart + ms(100), response(8));
  index.on_handshake(kStart + ms(100));
  EXPECT_EQ(index.own(), 8u);
}

TEST(HandshakeIndex, KeepsABoundedNumber) {
  HandshakeIndex index(kOwn);
  index.on_packet(kStart, response(7));
  for (int i = 0; i < 64; ++i)
    index.on_packet(kStart + ms(1'000), response(static_cast<std::uint8_t>(100 + i)));
  index.on_handshake(kStart);
  EXPECT_FALSE(index.own());
}

}  // namespace
}  // namespace lanrage::path
