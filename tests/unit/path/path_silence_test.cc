// Direct paths that die without the switcher's having anything unanswered, or in one direction
// only.
#include "unit/path/peer_path_fixture.hpp"

namespace lanrage::path {
namespace {

struct Silence : Path {
  // The other side of a pair on its direct path: the switcher, its peer, has moved both.
  void direct_as_follower() {
    path = make(false);
    relayed();
    answering = true;
    run(ms(1'000));
    view.endpoint = kPeer;
    peer_state = PathState::direct;
    run_alive(ms(2'000));
    ASSERT_EQ(path->status(now).path, PathKind::direct);
  }
  // 100 packets a second that need no answer come in.
  void run_receiving(ms duration) {
    for (const Instant end = now + duration; now < end;) {
      view.rx_bytes += 1'000;
      run(ms(100));
    }
  }
};

TEST_F(Silence, ASwitcherThatOnlyReceivedNoticesWithinTwoSeconds) {
  direct();
  run_receiving(ms(5'000));
  answering = false;
  Actions actions;
  for (int i = 0; i < 20 && view.endpoint == kPeer; ++i)
    actions = run(ms(100));
  EXPECT_EQ(view.endpoint, kRelay);
  EXPECT_FALSE(any_of<ReplacePeer>(actions)) << "without a handshake";
  EXPECT_EQ(path->counters().fallbacks, 1u);
}

TEST_F(Silence, TrafficThatEndsCostsAFewEchoesAndNothingElse) {
  direct();
  run_receiving(ms(5'000));
  std::size_t echoes = 0;
  for (int i = 0; i < 100; ++i) {
    const Actions step = run(ms(100));
    echoes += all_of<ProbeTunnel>(step).size();
    if (any_of<ProbeTunnel>(step)) view.rx_bytes += 128;  // its answer
    EXPECT_FALSE(any_of<SetEndpoint>(step));
  }
  EXPECT_GE(echoes, 1u);
  EXPECT_LE(echoes, 5u);
  EXPECT_EQ(path->status(now).state, State::connected);
}

TEST_F(Silence, TheFollowerCallsByTheRelayWhenTheSwitcherDoesNothing) {
  direct_as_follower();
  run_busy(ms(5'000), true);
  answering = false;
  EXPECT_FALSE(any_of<SetEndpoint>(run_busy(ms(1'100), false))) << "the switcher goes first";
  const Actions actions = run_busy(ms(1'300), false);
  ASSERT_EQ(all_of<SetEndpoint>(actions).size(), 1u);
  EXPECT_EQ(all_of<SetEndpoint>(actions)[0].endpoint, kRelay);
  EXPECT_GE(all_of<SendKeepalive>(actions).size(), 3u) << "the network may lose some";
  EXPECT_FALSE(any_of<ReplacePeer>(actions));
  EXPECT_FALSE(any_of<SetEndpoint>(run_busy(ms(20'000), false))) << "the switcher decides now";
}

TEST_F(Silence, NothingIsDueAtOnceAfterwards) {
  direct_as_follower();
  run_receiving(ms(3'000));
  answering = false;
  local.relays.clear();
  path->on_local(now, local, out);
  for (int i = 0; i < 600; ++i) {
    run(ms(100));
    path->on_timeout(now, out);
    ASSERT_TRUE(path->next_timeout().has_value());
    EXPECT_GT(*path->next_timeout(), now);
  }
}

TEST_F(Silence, AnIdleFollowerCallsWithinEightSeconds) {
  direct_as_follower();
  run_alive(ms(4'000));
  answering = false;
  run(ms(8'000));
  EXPECT_EQ(view.endpoint, kRelay);
}

TEST_F(Silence, TheFollowerStaysWhileItHearsTheSwitcher) {
  direct_as_follower();
  answering = false;  // our packets get lost: the switcher, who hears nothing, acts
  EXPECT_FALSE(any_of<SetEndpoint>(run_busy(ms(20'000), true)));
}

TEST_F(Silence, WithoutTheSessionsIndexTheRelayCouldPassNothingOn) {
  path = make(false);
  meet();
  handshake(kRelay, false);
  answering = true;
  run(ms(1'000));
  view.endpoint = kPeer;
  run_busy(ms(5'000), true);
  answering = false;
  EXPECT_FALSE(any_of<SetEndpoint>(run_busy(ms(5'000), false)));
}

TEST_F(Silence, ASwitcherTakenAlongToTheRelayWantsTheDirectPathProvenAnew) {
  direct();
  run_busy(ms(6'000), true);
  answering = false;  // and yet what the peer sends arrives
  view.endpoint = kRelay;
  EXPECT_FALSE(any_of<SetEndpoint>(run_busy(ms(8'000), true))) << "answered 8 s ago, it is dead";
  EXPECT_EQ(path->status(now).path, PathKind::relay);
  answering = true;
  const Actions actions = run_busy(ms(4'000), true);
  ASSERT_TRUE(any_of<SetEndpoint>(actions));
  EXPECT_EQ(all_of<SetEndpoint>(actions)[0].endpoint, kPeer);
}

TEST_F(Silence, AShortOutageIsNoLoss) {
  direct();
  run_busy(ms(10'000), true);
  const double loss = path->status(now).loss;
  answering = false;
  local.relays.clear();  // nowhere to go
  path->on_local(now, local, out);
  run_busy(ms(3'000), false);
  answering = true;
  run_busy(ms(1'000), true);
  EXPECT_LE(path->status(now).loss, loss);
  EXPECT_EQ(path->status(now).state, State::connected);
}

// Nobody outside answers over UDP: a relayed path is in trouble, whatever its session says, and why
// is told at once; until the peer is heard again.
TEST_F(Silence, ThatOfAllOthersIsToldOfARelayedPathAtOnce) {
  relayed();
  run(ms(2'000));
  EXPECT_EQ(path->status(now).state, State::connected);
  local.silence = UdpSilence{{kRelay}, now, true, false};
  path->on_local(now, local, out);
  EXPECT_EQ(path->status(now).path, PathKind::relay);
  EXPECT_EQ(path->status(now).state, State::degraded);
  EXPECT_EQ(path->status(now).why_relayed, sentence(*local.silence));
  run(ms(100));
  EXPECT_EQ(path->status(now).state, State::degraded);
  view.rx_bytes += 128;
  run(ms(100));
  EXPECT_EQ(path->status(now).state, State::connected);
  EXPECT_NE(path->status(now).why_relayed, sentence(*local.silence));
}

TEST_F(Silence, ThatOfAllOthersIsNothingToADirectPath) {
  direct();
  local.silence = UdpSilence{{kRelay}, now, true, true};
  path->on_local(now, local, out);
  EXPECT_EQ(path->status(now).state, State::connected);
  EXPECT_EQ(path->status(now).why_relayed, "");
}

}  // namespace
}  // namespace lanrage::path
