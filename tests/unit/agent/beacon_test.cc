#include "agent/beacon.hpp"

#include <gtest/gtest.h>

#include "agent/answer_gate.hpp"
#include "base/random.hpp"

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

LanParty sample() {
  SeededRandom random{1};
  LanParty out;
  out.id.bytes = random.array<16>();
  out.pin = random.array<16>();
  out.server = *Endpoint::parse("192.168.1.7:8667");
  out.members = 3;
  out.name = "Żółw night";
  out.host = "ann";
  return out;
}

const BeaconNonce kNonce{1, 2, 3, 4, 5, 6, 7, 8};

TEST(Beacon, APartyComesBackAsItWas) {
  auto party = sample();
  EXPECT_EQ(parse_beacon(encode_party(kNonce, party)), (Beacon{kNonce, party}));
  party.server = *Endpoint::parse("[fd00::7]:50000");
  EXPECT_EQ(parse_beacon(encode_party({}, party)), (Beacon{{}, party}));
  EXPECT_EQ(party.server_url(), "https://[fd00::7]:50000");
}

TEST(Beacon, NoAnswerIsLargerThanItsQuestion) {
  auto party = sample();
  party.name.assign(kMaxBeaconName, 'n');
  party.host.assign(kMaxBeaconNick, 'h');
  party.server = *Endpoint::parse("[fd00::7]:50000");
  const auto question = encode_question(kNonce);
  EXPECT_EQ(question.size(), kBeaconSize);
  const auto answer = encode_party(kNonce, party);
  EXPECT_LE(answer.size(), question.size());
  EXPECT_TRUE(parse_beacon(answer));
  EXPECT_EQ(parse_beacon(question), (Beacon{kNonce, std::nullopt}));
}

TEST(Beacon, NothingButExactlyABeaconIsOne) {
  for (const auto& whole : {encode_party(kNonce, sample()), encode_question(kNonce)}) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_FALSE(parse_beacon(ByteView(whole).first(size))) << size;
    auto longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(parse_beacon(longer));
    for (std::size_t i = 0; i < 7; ++i) {  // magic, version, kind
      auto other = whole;
      other[i] ^= 0x40;
      EXPECT_FALSE(parse_beacon(other)) << i;
    }
  }
  EXPECT_FALSE(parse_beacon(Bytes(kBeaconSize + 1)));
  auto padded = encode_question(kNonce);
  padded.back() = 1;
  EXPECT_FALSE(parse_beacon(padded));
}

TEST(Beacon, WhatCantBeAServerOrShouldntBeSeenIsRefused) {
  const auto refused = [](auto change) {
    auto party = sample();
    change(party);
    EXPECT_FALSE(is_sound(party));
    EXPECT_FALSE(parse_beacon(encode_party(kNonce, party)));
  };
  for (const auto* address :
       {"0.0.0.0", "127.0.0.1", "224.0.0.1", "169.254.1.1", "::", "::1", "ff02::1", "fe80::1"})
    refused([&](LanParty& party) { party.server.address = *IpAddress::parse(address); });
  refused([](LanParty& party) { party.server.port = 0; });
  refused([](LanParty& party) { party.members = 0; });
  refused([](LanParty& party) { party.name = ""; });
  refused([](LanParty& party) { party.name = "bell\x07"; });
  refused([](LanParty& party) { party.name = "\xff"; });
  refused([](LanParty& party) { party.name.assign(kMaxBeaconName + 1, 'x'); });
  refused([](LanParty& party) { party.host = "line\nbreak"; });
  refused([](LanParty& party) { party.host.assign(kMaxBeaconNick + 1, 'x'); });
}

TEST(AnswerGate, LetsABurstThroughAndThenSoManyASecond) {
  AnswerGate gate;
  const Instant start{100s};
  int taken = 0;
  for (std::uint32_t asker = 0; asker < 1'000; ++asker)
    taken += gate.take(start, IpAddress::v4(asker)) ? 1 : 0;
  EXPECT_EQ(taken, 20);
  taken = 0;
  for (std::uint32_t asker = 0; asker < 1'000; ++asker)
    taken += gate.take(start + 1s, IpAddress::v4(asker)) ? 1 : 0;
  EXPECT_EQ(taken, 10);
}

TEST(AnswerGate, OneAskerDoesntTakeTheOthersAnswers) {
  AnswerGate gate;
  const Instant start{100s};
  const auto loud = IpAddress::v4(1);
  EXPECT_TRUE(gate.take(start, loud));
  for (int i = 0; i < 1'000; ++i)
    EXPECT_FALSE(gate.take(start + 199ms, loud));
  EXPECT_TRUE(gate.take(start + 199ms, IpAddress::v4(2)));
  EXPECT_TRUE(gate.take(start + 200ms, loud));
}

}  // namespace
}  // namespace lanrage::agent
