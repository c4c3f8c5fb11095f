#include "path/signal.hpp"

#include <gtest/gtest.h>

#include "crypto/hash.hpp"
#include "crypto/seal.hpp"
#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

Signal example() {
  Signal signal;
  signal.boot = 1'700'000'000'000;
  signal.counter = 7;
  signal.candidates = {{CandidateKind::host, at("192.168.1.2:50000")},
                       {CandidateKind::server_reflexive, at("[2001:db8::1]:9")}};
  signal.check_password = {1, 2, 3};
  signal.nat = stun::NatType::symmetric;
  signal.relays = {{"eu-1", ms(23)}, {"us-1", std::nullopt}};
  signal.ready = true;
  signal.beside_segment = true;
  return signal;
}

struct Sealed : testing::Test {
  SeededRandom random{1};
  crypto::SigningKey sender = crypto::SigningKey::generate(random);
  crypto::ExchangeSecret box = crypto::ExchangeSecret::generate(random);
  SignalRoute route{{random.array<16>()}, {random.array<16>()}, {random.array<16>()}};
  Bytes sealed = *seal_signal(random, example(), route, sender, box.public_key());
};

TEST(Signal, CodecKeepsEverything) {
  EXPECT_EQ(*decode_signal(encode_signal(example())), example());
}

TEST(Signal, EveryTruncationAndEveryExtraByteIsRefused) {
  Bytes body = encode_signal(example());
  for (std::size_t size = 0; size < body.size(); ++size) {
    auto result = decode_signal(ByteView(body).first(size));
    ASSERT_FALSE(result) << size;
    EXPECT_TRUE(result.error().is(Errc::malformed_signal));
  }
  body.push_back(0);
  EXPECT_FALSE(decode_signal(body));
}

TEST(Signal, ListsAreCutWhenEncodedAndRefusedWhenDecoded) {
  Signal signal = example();
  signal.candidates.assign(40, signal.candidates[0]);
  signal.relays.assign(9, signal.relays[0]);
  Bytes body = encode_signal(signal);
  auto decoded = *decode_signal(body);
  EXPECT_EQ(decoded.candidates.size(), kMaxCandidates);
  EXPECT_EQ(decoded.relays.size(), kMaxSignalRelays);
  constexpr std::size_t kRelayCountAt = 1 + 8 + 8 + 16 + 1 + 1;
  ASSERT_EQ(body[kRelayCountAt], kMaxSignalRelays);
  body[kRelayCountAt] = kMaxSignalRelays + 1;
  auto refused = decode_signal(body);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field(), "relays");
}

TEST(Signal, AnUnknownNatTypeIsAHintLessNotAnError) {
  Bytes body = encode_signal(example());
  body[1 + 8 + 8 + 16] = 200;
  EXPECT_EQ(decode_signal(body)->nat, stun::NatType::unknown);
}

TEST(Signal, OtherVersionsAreNamed) {
  Bytes body = encode_signal(example());
  body[0] = 2;
  auto refused = decode_signal(body);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field(), "version");
}

TEST(Signal, LargestFitsTheLimit) {
  SeededRandom random(1);
  Signal signal = example();
  signal.candidates.assign(kMaxCandidates, {CandidateKind::host, at("[2001:db8::1]:9")});
  signal.relays.assign(kMaxSignalRelays, {std::string(kMaxRelayId, 'x'), ms(70'000)});
  auto sender = crypto::SigningKey::generate(random);
  auto box = crypto::ExchangeSecret::generate(random);
  auto sealed = seal_signal(random, signal, {}, sender, box.public_key());
  ASSERT_TRUE(sealed);
  EXPECT_LE(sealed->size(), kMaxSealedSignal);
  EXPECT_EQ(open_signal(*sealed, {}, sender.public_key(), box)->relays[0].rtt, ms(65'534));
}

TEST_F(Sealed, OpensForItsRouteAndKeysOnly) {
  EXPECT_EQ(*open_signal(sealed, route, sender.public_key(), box), example());
  auto other_box = crypto::ExchangeSecret::generate(random);
  EXPECT_TRUE(open_signal(sealed, route, sender.public_key(), other_box)
                  .error()
                  .is(Errc::unreadable_signal));
  for (int part = 0; part < 3; ++part) {
    SignalRoute wrong = route;
    (part == 0 ? wrong.party.bytes : part == 1 ? wrong.from.bytes : wrong.to.bytes)[0] ^= 1;
    EXPECT_TRUE(
        open_signal(sealed, wrong, sender.public_key(), box).error().is(Errc::unreadable_signal));
  }
  auto stranger = crypto::SigningKey::generate(random);
  EXPECT_TRUE(
      open_signal(sealed, route, stranger.public_key(), box).error().is(Errc::forged_signal));
}

TEST_F(Sealed, AnyFlippedBitIsRefused) {
  for (std::size_t i = 0; i < sealed.size(); i += 3) {
    Bytes bad = sealed;
    bad[i] ^= 0x10;
    EXPECT_FALSE(open_signal(bad, route, sender.public_key(), box)) << i;
  }
  EXPECT_FALSE(open_signal({}, route, sender.public_key(), box));
  EXPECT_FALSE(open_signal(Bytes(kMaxSealedSignal + 1), route, sender.public_key(), box));
}

TEST_F(Sealed, ALowOrderBoxKeyIsNamed) {
  auto refused = seal_signal(random, example(), route, sender, crypto::ExchangeKey{});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::unsealable_signal));
}

TEST(SignalReplay, TakesOnlyWhatIsNewer) {
  SignalReplay replay;
  Signal signal;
  EXPECT_FALSE(replay.begins_anew(signal)) << "nothing is known of before";
  auto accept = [&](std::uint64_t boot, std::uint64_t counter) {
    signal.boot = boot;
    signal.counter = counter;
    return replay.accept(signal).has_value();
  };
  EXPECT_TRUE(accept(5, 1));
  EXPECT_FALSE(accept(5, 1));
  EXPECT_TRUE(accept(5, 3));
  EXPECT_FALSE(accept(5, 2)) << "overtaken";
  EXPECT_FALSE(replay.begins_anew(signal));
  signal.boot = 6;
  EXPECT_TRUE(replay.begins_anew(signal));
  EXPECT_TRUE(accept(6, 1)) << "a restarted agent counts anew";
  EXPECT_FALSE(accept(5, 9)) << "a replay from before the restart";
}

}  // namespace
}  // namespace lanrage::path
