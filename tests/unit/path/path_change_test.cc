// Relays that change, and paths that die under traffic.
#include "unit/path/peer_path_fixture.hpp"

namespace lanrage::path {
namespace {

TEST_F(Path, BothIndexesAreToldToTheRelaysWhenASessionIsKnown) {
  meet();
  handshake();
  ASSERT_TRUE(any_of<SetRoutes>(out));
  EXPECT_EQ(all_of<SetRoutes>(out)[0].receiver_indexes, std::vector{9u});
  run(ms(50));
  EXPECT_FALSE(any_of<SetRoutes>(run(ms(5'000)))) << "nothing new";
  auto over = run_alive(ms(186'000));
  ASSERT_TRUE(any_of<SetRoutes>(over));
  EXPECT_TRUE(all_of<SetRoutes>(over)[0].receiver_indexes.empty()) << "the session is over";
}

TEST_F(Path, ARelayThatForgotItsSessionsIsGivenTwoSecondsToLearnTheRoutes) {
  relayed();
  run(ms(1'000));
  local.relays[0].generation = 2;
  path->on_local(now, local, out);
  auto waiting = run(ms(1'900));
  EXPECT_FALSE(any_of<ReplacePeer>(waiting));
  EXPECT_GE(all_of<ProbeTunnel>(waiting).size(), 7u);
  auto then = run(ms(200));
  ASSERT_TRUE(any_of<ReplacePeer>(then));
  EXPECT_EQ(all_of<ReplacePeer>(then)[0].endpoint, kRelay);
}

TEST_F(Path, ARelayThatForgotItsSessionsAndLearntTheRoutesNeedsNoHandshake) {
  relayed();
  run(ms(1'000));
  local.relays[0].generation = 2;
  path->on_local(now, local, out);
  run(ms(300));
  view.rx_bytes += 128;
  EXPECT_FALSE(any_of<ReplacePeer>(run(ms(5'000))));
}

TEST_F(Path, WithoutAnIndexAForgetfulRelayMeansANewHandshakeAtOnce) {
  meet();
  handshake(kRelay, false);
  run(ms(50));
  local.relays[0].generation = 2;
  path->on_local(now, local, out);
  ASSERT_TRUE(any_of<ReplacePeer>(out));
  EXPECT_EQ(all_of<ReplacePeer>(out)[0].endpoint, kRelay);
}

TEST_F(Path, ARelayThatIsGoneIsReplacedByAnotherCommonOne) {
  relayed();
  local.relays = {{"two", kOtherRelay, ms(30), 1}};
  signal.relays = {{"two", ms(30)}};
  tell();
  ASSERT_TRUE(any_of<SetEndpoint>(out)) << "without a handshake";
  EXPECT_EQ(all_of<SetEndpoint>(out)[0].endpoint, kOtherRelay);
  EXPECT_TRUE(any_of<ProbeTunnel>(out));
  auto actions = run(ms(1'700));
  ASSERT_TRUE(any_of<ReplacePeer>(actions)) << "nothing came: the last resort";
  EXPECT_EQ(all_of<ReplacePeer>(actions)[0].endpoint, kOtherRelay);
}

TEST_F(Path, AMuchBetterRelayIsMovedToBehindAFilter) {
  relayed();
  local.relays.push_back({"two", kOtherRelay, ms(5), 1});
  signal.relays.push_back({"two", ms(5)});
  tell();
  ASSERT_TRUE(any_of<BlockRelayed>(out));
  EXPECT_EQ(all_of<BlockRelayed>(out)[0].relay, kRelay);
  EXPECT_EQ(all_of<BlockRelayed>(out)[0].receiver_index, 7u);
  auto actions = run_alive(ms(1'500));
  EXPECT_TRUE(any_of<UnblockRelayed>(actions));
  EXPECT_FALSE(any_of<ReplacePeer>(actions));
  EXPECT_EQ(path->counters().reroutes_done, 1u);
  EXPECT_EQ(path->status(now).relay, "two");
}

TEST_F(Path, ABetterRelayThatCarriesNothingIsLeftAgain) {
  relayed();
  local.relays.push_back({"two", kOtherRelay, ms(5), 1});
  signal.relays.push_back({"two", ms(5)});
  tell();
  auto actions = run(ms(2'000));
  EXPECT_FALSE(any_of<ReplacePeer>(actions));
  EXPECT_EQ(view.endpoint, kRelay);
  EXPECT_FALSE(any_of<SetEndpoint>(run_alive(ms(60'000)))) << "not again for ten minutes";
}

TEST_F(Path, UnderTrafficADeadRelayIsLeftForAnotherWithinTwoSeconds) {
  local.relays.push_back({"two", kOtherRelay, ms(25), 1});
  signal.relays.push_back({"two", ms(25)});
  relayed();
  run_busy(ms(3'000), true);
  EXPECT_EQ(view.endpoint, kRelay);
  auto actions = run_busy(ms(2'000), false);
  EXPECT_EQ(view.endpoint, kOtherRelay);
  EXPECT_FALSE(any_of<ReplacePeer>(actions));
  run_busy(ms(2'000), true);
  EXPECT_EQ(path->status(now).relay, "two");
}

TEST_F(Path, APeerThatMerelySaysNothingKeepsItsRelay) {
  local.relays.push_back({"two", kOtherRelay, ms(25), 1});
  signal.relays.push_back({"two", ms(25)});
  relayed();
  Actions actions;
  for (int i = 0; i < 40; ++i) {
    view.tx_bytes += 5'000;
    const auto step = run(ms(250));
    if (any_of<ProbeTunnel>(step)) view.rx_bytes += 128;  // its answer
    actions.insert(actions.end(), step.begin(), step.end());
  }
  EXPECT_TRUE(any_of<ProbeTunnel>(actions));
  EXPECT_EQ(view.endpoint, kRelay);
  EXPECT_EQ(path->counters().reroutes_started, 0u);
}

TEST_F(Path, UnderTrafficADeadDirectPathIsLeftWithinTwoSecondsWithoutAHandshake) {
  direct();
  run_busy(ms(5'000), true);
  ASSERT_EQ(path->status(now).path, PathKind::direct);
  answering = false;
  auto actions = run_busy(ms(2'000), false);
  EXPECT_EQ(view.endpoint, kRelay);
  EXPECT_FALSE(any_of<ReplacePeer>(actions));
  EXPECT_EQ(path->counters().fallbacks, 1u);
  run_busy(ms(2'000), true);
  EXPECT_EQ(path->status(now).path, PathKind::relay);
  EXPECT_FALSE(any_of<SetEndpoint>(run_busy(ms(20'000), true))) << "the path is still dead";
}

TEST_F(Path, LostChecksAloneDontEndADirectPathUnderTraffic) {
  direct();
  answering = false;
  EXPECT_FALSE(any_of<SetEndpoint>(run_busy(ms(10'000), true)));
  EXPECT_EQ(path->status(now).path, PathKind::direct);
}

TEST_F(Path, IdleDirectPathsAreCheckedSeldomBusyOnesTwiceASecond) {
  direct();
  const auto checks = [&](const Actions& actions) {
    return all_of<SendDatagram>(actions).size() / 2;  // the peer checks as often, and is answered
  };
  EXPECT_GE(checks(run_busy(ms(10'000), true)), 18u);
  run_alive(ms(5'000));
  EXPECT_LE(checks(run_alive(ms(10'000))), 5u);
}

}  // namespace
}  // namespace lanrage::path
