// Which of several common relays a path takes, and what it tells the peer about them.
#include "unit/path/peer_path_fixture.hpp"

namespace lanrage::path {
namespace {

TEST_F(Path, TheFirstChoiceIsCorrectedOnceWhenAllIsMeasured) {
  relayed();
  local.relays.push_back({"two", kOtherRelay, ms(17), 1});
  signal.relays.push_back({"two", ms(17)});
  tell();
  run_alive(ms(4'800));
  EXPECT_EQ(view.endpoint, kRelay) << "34 instead of 40 ms isn't clearly better";
  run_alive(ms(2'500));
  EXPECT_EQ(view.endpoint, kOtherRelay);
  EXPECT_EQ(path->counters().reroutes_done, 1u);
  local.relays[0].rtt = ms(12);
  signal.relays[0].rtt = ms(12);
  tell();
  run_alive(ms(120'000));
  EXPECT_EQ(view.endpoint, kOtherRelay) << "24 instead of 34 ms is less than a third better";
}

TEST_F(Path, AChoiceThatIsRightIsLeftAlone) {
  relayed();
  local.relays.push_back({"two", kOtherRelay, ms(19), 1});
  signal.relays.push_back({"two", ms(18)});
  tell();
  run_alive(ms(60'000));
  EXPECT_EQ(path->counters().reroutes_started, 0u) << "37 instead of 40 ms is as good as equal";
}

TEST_F(Path, TheFirstRelayIsKeptWhileItIsNotYetMeasured) {
  local.relays[0].rtt.reset();
  relayed();
  local.relays.push_back({"two", kOtherRelay, ms(90), 1});
  signal.relays.push_back({"two", ms(90)});
  tell();
  run_alive(ms(1'000));
  local.relays[0].rtt = ms(20);
  path->on_local(now, local, out);
  run_alive(ms(20'000));
  EXPECT_EQ(path->counters().reroutes_started, 0u);
}

TEST_F(Path, ALoadedRelayTakesNoNewPairs) {
  local.relays.push_back({"two", kOtherRelay, ms(5), 1, true});
  signal.relays.push_back({"two", ms(5)});
  relayed();
  run_alive(ms(20'000));
  EXPECT_EQ(view.endpoint, kRelay);
  local.relays = {local.relays[1]};
  signal.relays = {signal.relays[1]};
  tell();
  EXPECT_EQ(view.endpoint = all_of<SetEndpoint>(out)[0].endpoint, kOtherRelay)
      << "unless there is no other";
}

TEST_F(Path, APairThatIsThereStaysWhenItsRelayIsLoaded) {
  relayed();
  local.relays[0].loaded = true;
  local.relays.push_back({"two", kOtherRelay, ms(25), 1});
  signal.relays.push_back({"two", ms(25)});
  tell();
  run_alive(ms(60'000));
  EXPECT_EQ(view.endpoint, kRelay);
}

TEST_F(Path, JitterOfARelaysRttIsNoNewsForThePeer) {
  local.relays[0].rtt = ms(100);
  relayed();
  run_alive(ms(1'000));
  for (int i = 0; i < 1'000; ++i) {
    local.relays[0].rtt = ms(80 + static_cast<int>(random.below(41)));
    path->on_local(now, local, out);
    ASSERT_FALSE(any_of<SendSignal>(run_alive(ms(100)))) << i;
  }
  EXPECT_EQ(path->signal().relays[0].rtt, ms(100));
  local.relays[0].rtt = ms(126);
  path->on_local(now, local, out);
  EXPECT_TRUE(any_of<SendSignal>(run(ms(500)))) << "that is another way";
  EXPECT_EQ(path->signal().relays[0].rtt, ms(126));
}

TEST_F(Path, AShortRttMayChangeByMilliseconds) {
  local.relays[0].rtt = ms(2);
  relayed();
  run_alive(ms(1'000));
  local.relays[0].rtt = ms(6);
  path->on_local(now, local, out);
  EXPECT_FALSE(any_of<SendSignal>(run_alive(ms(500))));
}

TEST_F(Path, NeedsTheRelayInUseAndTheOneNearestToThePeer) {
  EXPECT_FALSE(path->relay_needs().in_use);
  EXPECT_FALSE(path->relay_needs().nearest_to_peer);
  relayed();
  signal.relays = {{"one", ms(20)}, {"far", std::nullopt}, {"two", ms(5)}};
  path->on_signal(now, signal, out);
  EXPECT_EQ(path->relay_needs().in_use, "one");
  EXPECT_EQ(path->relay_needs().nearest_to_peer, "two") << "though we aren't bound there";
}

}  // namespace
}  // namespace lanrage::path
