#include "wireguard/packet.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "crypto/hash.hpp"

namespace lanrage::wireguard {
namespace {

Bytes packet(std::uint8_t type, std::size_t size) {
  Bytes out(size, 0);
  if (size > 0) out[0] = type;
  for (std::size_t i = 4; i < size; ++i)
    out[i] = static_cast<std::uint8_t>(i);
  return out;
}

TEST(Classify, KnowsTheFourTypesByTheirSizesAndReadsIndexesLittleEndian) {
  EXPECT_EQ(classify(packet(1, 148)),
            (Packet{.type = PacketType::initiation, .sender_index = 0x07060504}));
  EXPECT_EQ(classify(packet(2, 92)), (Packet{.type = PacketType::response,
                                             .sender_index = 0x07060504,
                                             .receiver_index = 0x0b0a0908}));
  EXPECT_EQ(classify(packet(3, 64)),
            (Packet{.type = PacketType::cookie, .receiver_index = 0x07060504}));
  EXPECT_EQ(classify(packet(4, 32)),
            (Packet{.type = PacketType::data, .receiver_index = 0x07060504}));
  EXPECT_EQ(classify(packet(4, 1452)),
            (Packet{.type = PacketType::data, .receiver_index = 0x07060504}));
}

TEST(Classify, RefusesEveryOtherSizeAndType) {
  for (std::size_t size = 0; size < 200; ++size) {
    for (std::uint8_t type = 0; type < 8; ++type) {
      const bool fits = (type == 1 && size == 148) || (type == 2 && size == 92) ||
                        (type == 3 && size == 64) || (type == 4 && size >= 32);
      EXPECT_EQ(classify(packet(type, size)).has_value(), fits) << int(type) << " " << size;
    }
  }
}

TEST(Classify, WantsTheReservedBytesZero) {
  for (std::size_t i = 1; i < 4; ++i) {
    for (auto [type, size] : {std::pair{1, 148}, {2, 92}, {3, 64}, {4, 32}}) {
      auto bytes = packet(static_cast<std::uint8_t>(type), static_cast<std::size_t>(size));
      bytes[i] = 1;
      EXPECT_FALSE(classify(bytes));
    }
  }
}

// A handshake initiation as the whitepaper's section 5.4.4 builds its mac1.
TEST(Mac1, MatchesOnlyTheKeyThatThePacketIsFor) {
  SeededRandom random(3);
  const auto me = crypto::ExchangeSecret::generate(random).public_key();
  const auto other = crypto::ExchangeSecret::generate(random).public_key();
  for (auto [type, size] : {std::pair{1, 148}, {2, 92}}) {
    auto bytes = packet(static_cast<std::uint8_t>(type), static_cast<std::size_t>(size));
    const auto covered = bytes.size() - 32;
    const auto key = crypto::blake2s_256({as_bytes("mac1----"), me.bytes});
    const auto mac = crypto::blake2s_128_keyed(key, ByteView(bytes).first(covered));
    std::copy(mac.begin(), mac.end(), bytes.begin() + static_cast<std::ptrdiff_t>(covered));
    EXPECT_TRUE(mac1_matches(bytes, mac1_key(me)));
    EXPECT_FALSE(mac1_matches(bytes, mac1_key(other)));
    for (std::size_t i = 0; i < covered + 16; ++i) {
      auto altered = bytes;
      altered[i] ^= 0x80;
      EXPECT_FALSE(mac1_matches(altered, mac1_key(me))) << i;
    }
    auto mac2_altered = bytes;  // mac2 isn't ours to judge
    mac2_altered.back() ^= 1;
    EXPECT_TRUE(mac1_matches(mac2_altered, mac1_key(me)));
  }
}

TEST(Mac1, IsNeverFoundInPacketsWithoutOne) {
  const Mac1Key key{};
  EXPECT_FALSE(mac1_matches({}, key));
  EXPECT_FALSE(mac1_matches(packet(3, 64), key));
  EXPECT_FALSE(mac1_matches(packet(4, 148), key));
}

}  // namespace
}  // namespace lanrage::wireguard
