#include "path/switching.hpp"

#include <gtest/gtest.h>

#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

const Endpoint kRelay = at("198.51.100.1:51820");
const Endpoint kDirect = at("203.0.113.9:5000");

struct Switching : testing::Test {
  Switch process{Tuning{}};
  Instant now = kStart;
  Actions out;
  Instant handshake = kStart - ms(5'000);

  void start(std::optional<std::uint32_t> index = 0x1234) {
    process.start(now, {kDirect, kRelay, true, false, index}, handshake, 100, out);
  }
  // Ends or runs for so long, with the status polled every 100 ms.
  Switch::Outcome run(ms duration, std::optional<Endpoint> endpoint, std::uint64_t rx) {
    for (Instant end = now + duration; now < end;) {
      now += ms(100);
      auto outcome = process.on_wireguard(now, endpoint, handshake, rx, out);
      if (outcome == Switch::Outcome::running) outcome = process.on_timeout(now, out);
      if (outcome != Switch::Outcome::running) return outcome;
    }
    return Switch::Outcome::running;
  }
};

TEST_F(Switching, BlocksThenSetsThenKeepsSendingEvery200Milliseconds) {
  start();
  ASSERT_EQ(out.size(), 4u);
  EXPECT_EQ(std::get<BlockRelayed>(out[0]).relay, kRelay);
  EXPECT_EQ(std::get<BlockRelayed>(out[0]).receiver_index, 0x1234u);
  EXPECT_EQ(std::get<BlockRelayed>(out[0]).as, kDirect);
  EXPECT_EQ(std::get<SetEndpoint>(out[1]).endpoint, kDirect);
  EXPECT_TRUE(std::holds_alternative<SendKeepalive>(out[2]));
  EXPECT_TRUE(std::holds_alternative<ProbeTunnel>(out[3]));
  out.clear();
  EXPECT_EQ(run(ms(1'000), kDirect, 100), Switch::Outcome::running);
  EXPECT_EQ(all_of<SendKeepalive>(out).size(), 5u);
}

TEST_F(Switching, EndsWhenThePeerSaysDirectAndPacketsCome) {
  start();
  run(ms(300), kDirect, 100);
  process.on_peer_state(now, now - ms(50), PathState::direct);
  out.clear();
  EXPECT_EQ(run(ms(400), kDirect, 200), Switch::Outcome::running);
  EXPECT_EQ(run(ms(1'300), kDirect, 300), Switch::Outcome::done);
  EXPECT_GE(now - kStart, ms(1'000)) << "late relayed packets need their second";
  EXPECT_TRUE(any_of<UnblockRelayed>(out));
  EXPECT_FALSE(any_of<SetEndpoint>(out));
  EXPECT_FALSE(process.active());
}

TEST_F(Switching, LatePacketsOfTheOldPathProveNothing) {
  start();
  run(ms(200), kDirect, 200);
  process.on_peer_state(now, now - ms(50), PathState::direct);
  EXPECT_EQ(run(ms(200), kDirect, 300), Switch::Outcome::running);
  EXPECT_EQ(run(ms(3'000), kDirect, 300), Switch::Outcome::silent);
}

TEST_F(Switching, ToARelayWhatComesIsTheConfirmation) {
  process.start(now, {kRelay, kDirect, false, true, {}}, handshake, 100, out);
  EXPECT_FALSE(any_of<BlockRelayed>(out));
  run(ms(300), kRelay, 100);
  EXPECT_EQ(run(ms(1'000), kRelay, 200), Switch::Outcome::done);
  EXPECT_EQ(now - kStart, ms(1'000));
}

TEST_F(Switching, ToARelayThatNothingComesThroughEndsSilent) {
  process.start(now, {kRelay, kDirect, false, true, {}}, handshake, 100, out);
  EXPECT_EQ(run(ms(3'000), kRelay, 100), Switch::Outcome::no_confirmation);
  EXPECT_EQ(now - kStart, ms(1'500));
}

TEST_F(Switching, ToARelayALatePacketOfTheOldPathIsOutdone) {
  process.start(now, {kRelay, kDirect, false, true, {}}, handshake, 100, out);
  out.clear();
  EXPECT_EQ(run(ms(100), kDirect, 200), Switch::Outcome::running);
  ASSERT_TRUE(any_of<SetEndpoint>(out));
  EXPECT_EQ(all_of<SetEndpoint>(out)[0].endpoint, kRelay);
  EXPECT_EQ(run(ms(3'000), kRelay, 200), Switch::Outcome::no_confirmation);
}

TEST_F(Switching, GoesBackWithoutConfirmation) {
  start();
  out.clear();
  EXPECT_EQ(run(ms(3'000), kDirect, 200), Switch::Outcome::no_confirmation);
  EXPECT_EQ(now - kStart, ms(2'000));
  ASSERT_EQ(all_of<SetEndpoint>(out).size(), 1u);
  EXPECT_EQ(all_of<SetEndpoint>(out)[0].endpoint, kRelay);
  EXPECT_TRUE(std::holds_alternative<UnblockRelayed>(out.back())) << "after the endpoint is back";
}

TEST_F(Switching, AConfirmationFromBeforeTheSwitchDoesNotCount) {
  start();
  process.on_peer_state(now, now - ms(1), PathState::direct);
  EXPECT_EQ(run(ms(3'000), kDirect, 200), Switch::Outcome::no_confirmation);
}

TEST_F(Switching, ProbesAloneDoNotWin) {
  start();
  process.on_peer_state(now + ms(50), now + ms(1), PathState::direct);
  EXPECT_EQ(run(ms(3'000), kDirect, 100), Switch::Outcome::silent);
}

TEST_F(Switching, EndsAtOnceWhenWireGuardWentBackDespiteTheFilter) {
  start();
  EXPECT_EQ(run(ms(3'000), kRelay, 200), Switch::Outcome::reverted);
  EXPECT_EQ(now - kStart, ms(100));
}

TEST_F(Switching, AHandshakeInTheWindowAborts) {
  start();
  handshake = now + ms(50);
  EXPECT_EQ(run(ms(3'000), kDirect, 200), Switch::Outcome::rekeyed);
  EXPECT_EQ(now - kStart, ms(100));
}

TEST_F(Switching, WithoutAnIndexItInsistsWithoutAFilter) {
  start(std::nullopt);
  EXPECT_FALSE(any_of<BlockRelayed>(out));
  out.clear();
  EXPECT_EQ(run(ms(3'000), kRelay, 200), Switch::Outcome::reverted);
  EXPECT_EQ(now - kStart, ms(2'000));
  EXPECT_GE(all_of<SetEndpoint>(out).size(), 10u);
  EXPECT_FALSE(any_of<UnblockRelayed>(out));
}

TEST_F(Switching, CancellingLiftsTheFilterAndLeavesTheEndpoint) {
  start();
  out.clear();
  process.cancel(out);
  EXPECT_TRUE(any_of<UnblockRelayed>(out));
  EXPECT_FALSE(any_of<SetEndpoint>(out));
  EXPECT_FALSE(process.next_timeout());
}

}  // namespace
}  // namespace lanrage::path
