#include "unit/path/peer_path_fixture.hpp"

namespace lanrage::path {
namespace {

TEST_F(Path, TheInitiatorSetsTheRelayAsSoonAsBothSidesAreReady) {
  signal.ready = false;
  EXPECT_FALSE(any_of<SetEndpoint>(meet()));
  EXPECT_EQ(path->status(now).why_relayed, "the other side isn't ready yet");
  signal.ready = true;
  auto actions = meet();
  ASSERT_TRUE(any_of<SetEndpoint>(actions));
  EXPECT_EQ(all_of<SetEndpoint>(actions)[0].endpoint, kRelay);
  EXPECT_TRUE(any_of<WantFastPoll>(actions));
  EXPECT_EQ(path->status(now).path, PathKind::connecting);
  handshake();
  run(ms(10));
  auto status = path->status(now);
  EXPECT_EQ(status.path, PathKind::relay);
  EXPECT_EQ(status.state, State::connected);
  EXPECT_EQ(status.relay, "one");
}

TEST_F(Path, WithoutACommonRelayNothingIsSet) {
  signal.relays = {{"two", ms(1)}};
  EXPECT_FALSE(any_of<SetEndpoint>(meet()));
  run(ms(31'000));
  EXPECT_EQ(path->status(now).state, State::failed);
  EXPECT_EQ(path->status(now).why_relayed,
            "no common relay, and no answer to checks on its one address");
}

TEST_F(Path, TheRelayWithTheLeastSumOfRttsIsTaken) {
  local.relays.push_back({"two", kOtherRelay, ms(30), 1});
  signal.relays = {{"one", ms(90)}, {"two", ms(10)}};
  EXPECT_EQ(all_of<SetEndpoint>(meet())[0].endpoint, kOtherRelay);
}

TEST_F(Path, TheOtherSideStaysPassiveForTwoToFourSeconds) {
  path = make(false);
  Actions early = meet();
  Actions more = run(ms(1'950));
  early.insert(early.end(), more.begin(), more.end());
  EXPECT_FALSE(any_of<SetEndpoint>(early));
  EXPECT_TRUE(any_of<SetEndpoint>(run(ms(2'200))));
}

TEST_F(Path, ALanAnswerBeforeTheRelayNeedsNoDetourAndNoFilter) {
  local.relays.clear();
  answering = true;
  auto actions = meet();
  auto more = run(ms(100));
  EXPECT_FALSE(any_of<BlockRelayed>(more));
  ASSERT_TRUE(any_of<SetEndpoint>(more));
  EXPECT_EQ(all_of<SetEndpoint>(more)[0].endpoint, kPeer);
}

TEST_F(Path, SwitchesByFilterEndpointAndKeepalives) {
  relayed();
  answering = true;
  auto begin = run(ms(700));
  ASSERT_TRUE(any_of<BlockRelayed>(begin));
  EXPECT_EQ(all_of<BlockRelayed>(begin)[0].relay, kRelay);
  EXPECT_EQ(all_of<BlockRelayed>(begin)[0].receiver_index, 7u);
  EXPECT_EQ(view.endpoint, kPeer);
  EXPECT_EQ(path->status(now).path, PathKind::relay) << "not yet certain";
  EXPECT_EQ(path->status(now).why_relayed, "moving to the direct path now");
  peer_state = PathState::direct;
  auto end = run_alive(ms(1'500));
  EXPECT_GE(all_of<SendKeepalive>(end).size(), 4u);
  EXPECT_TRUE(any_of<UnblockRelayed>(end));
  auto status = path->status(now);
  EXPECT_EQ(status.path, PathKind::direct);
  EXPECT_EQ(status.endpoint, kPeer);
  EXPECT_EQ(status.why_relayed, "");
  EXPECT_EQ(path->counters().switches_done, 1u);
}

TEST_F(Path, AnUnconfirmedSwitchGoesBackAndWaitsLongerEachTime) {
  relayed();
  answering = true;
  std::vector<std::int64_t> starts;
  for (int i = 0; i < 600; ++i)
    if (any_of<BlockRelayed>(run_alive(ms(100))))
      starts.push_back((now - kStart).count() / 1'000'000);
  ASSERT_GE(starts.size(), 4u);
  EXPECT_GT(starts[2] - starts[1], starts[1] - starts[0]);
  EXPECT_GT(starts[3] - starts[2], starts[2] - starts[1]);
  EXPECT_EQ(view.endpoint, kRelay);
  EXPECT_EQ(path->status(now).why_relayed,
            "checks pass but the other side didn't move to the direct path");
}

TEST_F(Path, TheOtherSideNeverSwitchesButReportsAndSpeaksUpWhenMoved) {
  path = make(false);
  relayed();
  answering = true;
  auto actions = run(ms(5'000));
  EXPECT_FALSE(any_of<SetEndpoint>(actions));
  EXPECT_FALSE(any_of<BlockRelayed>(actions));
  EXPECT_EQ(path->status(now).why_relayed, "checks pass; the other side moves both");
  view.endpoint = kPeer;  // roamed
  auto after = run(ms(1'500));
  EXPECT_EQ(all_of<SendKeepalive>(after).size(), 5u);
  check_from_peer();
  Bytes answer = all_of<SendDatagram>(out)[0].bytes;
  EXPECT_EQ(path_state(*stun::MessageView::parse(answer)), PathState::direct);
  EXPECT_EQ(path->status(now).path, PathKind::direct);
}

TEST_F(Path, ThePassiveSideBeginsItsKeepalivesWithTheSession) {
  path = make(false);
  meet();
  EXPECT_FALSE(any_of<SendKeepalive>(run(ms(500))));
  handshake();
  EXPECT_EQ(all_of<SendKeepalive>(run(ms(2'000))).size(), 1u);
}

TEST_F(Path, AnUnknownIndexIsTriedWithoutFilterThenThePeerIsReplaced) {
  meet();
  handshake(kRelay, false);
  answering = true;
  Actions actions;
  for (int i = 0; i < 120 && !any_of<ReplacePeer>(actions); ++i) {
    auto more = run(ms(100));
    actions.insert(actions.end(), more.begin(), more.end());
  }
  EXPECT_FALSE(any_of<BlockRelayed>(actions));
  EXPECT_EQ(path->counters().switches_unfiltered, 2u);
  ASSERT_TRUE(any_of<ReplacePeer>(actions));
  EXPECT_EQ(all_of<ReplacePeer>(actions)[0].endpoint, kPeer);
  handshake(kPeer, false);
  run(ms(50));
  EXPECT_EQ(path->status(now).path, PathKind::direct);
}

TEST_F(Path, AHandshakeDuringTheSwitchAbortsIt) {
  relayed();
  answering = true;
  ASSERT_TRUE(any_of<BlockRelayed>(run(ms(600))));
  handshake(kPeer);
  auto actions = run(ms(150));
  EXPECT_TRUE(any_of<UnblockRelayed>(actions));
  EXPECT_EQ(all_of<SetEndpoint>(actions)[0].endpoint, kRelay);
  EXPECT_TRUE(any_of<BlockRelayed>(run(ms(4'000)))) << "tried again";
}

TEST_F(Path, AnIdleDirectPathThatDiesIsLeftForTheRelayWithinEightSeconds) {
  direct();
  run_alive(ms(4'000));
  answering = false;
  Actions actions;
  for (int i = 0; i < 80 && view.endpoint == kPeer; ++i)
    actions = run(ms(100));
  EXPECT_EQ(view.endpoint, kRelay);
  EXPECT_FALSE(any_of<ReplacePeer>(actions)) << "without a handshake";
  EXPECT_EQ(path->counters().fallbacks, 1u);
  auto then = run(ms(2'000));
  ASSERT_TRUE(any_of<ReplacePeer>(then)) << "nothing came: the last resort";
  EXPECT_EQ(all_of<ReplacePeer>(then)[0].endpoint, kRelay);
}

TEST_F(Path, NothingIsLeftWhileWireGuardReceives) {
  direct();
  answering = false;
  for (int i = 0; i < 30; ++i) {
    view.rx_bytes += 100;
    EXPECT_FALSE(any_of<ReplacePeer>(run(ms(1'000))));
  }
}

TEST_F(Path, ADeadDirectPathStaysWithoutARelay) {
  direct();
  answering = false;
  local.relays.clear();
  path->on_local(now, local, out);
  EXPECT_FALSE(any_of<ReplacePeer>(run(ms(40'000))));
  EXPECT_EQ(path->status(now).state, State::degraded);
}

TEST_F(Path, ChecksThatPassWhileTheTunnelIsSilentDoNotHoldThePath) {
  direct();
  Actions actions;
  for (int i = 0; i < 16 && !any_of<ReplacePeer>(actions); ++i) {
    path->on_tunnel_probe(now, std::nullopt, out);
    actions = run(ms(1'000));
  }
  ASSERT_TRUE(any_of<ReplacePeer>(actions));
  EXPECT_EQ(all_of<ReplacePeer>(actions)[0].endpoint, kRelay);
  handshake();
  run(ms(1'000));
  EXPECT_EQ(path->status(now).why_relayed,
            "checks pass but WireGuard stays silent on the direct path");
}

TEST_F(Path, ARestartedPeerMeansANewHandshakeAndOurSignalAgain) {
  relayed();
  run(ms(1'000));
  signal.boot = 2;
  path->on_signal(now, signal, out);
  EXPECT_TRUE(any_of<ReplacePeer>(out));
  EXPECT_TRUE(any_of<SendSignal>(out));
}

TEST_F(Path, AStrangeEndpointIsSetBackAfterItWasAsked) {
  relayed();
  Endpoint strange = at("203.0.113.66:666");
  view.endpoint = strange;
  auto asked = run(ms(2'000));
  EXPECT_TRUE(std::ranges::any_of(all_of<SendDatagram>(asked),
                                  [&](const SendDatagram& sent) { return sent.to == strange; }));
  EXPECT_FALSE(any_of<SetEndpoint>(asked));
  auto actions = run(ms(1'500));
  ASSERT_TRUE(any_of<SetEndpoint>(actions));
  EXPECT_EQ(all_of<SetEndpoint>(actions)[0].endpoint, kRelay);
  EXPECT_EQ(path->counters().endpoints_set_back, 1u);
}

TEST_F(Path, AReboundPeerKeepsItsNewEndpoint) {
  relayed();
  Endpoint rebound = at("203.0.113.9:6666");
  view.endpoint = rebound;
  run(ms(500));
  check_from_peer(rebound);
  EXPECT_FALSE(any_of<SetEndpoint>(run(ms(4'000))));
  EXPECT_EQ(path->counters().endpoints_set_back, 0u);
}

TEST_F(Path, EveryAuthenticCheckIsAnsweredAndNoOther) {
  path->on_local(now, local, out);
  out.clear();
  check_from_peer(at("192.0.2.1:9"));
  ASSERT_EQ(all_of<SendDatagram>(out).size(), 1u);
  EXPECT_EQ(all_of<SendDatagram>(out)[0].to, at("192.0.2.1:9"));
  out.clear();
  Bytes forged = make_check(stun::TransactionId::generate(random), self, peer, PathState::none,
                            random.array<16>());
  path->on_check(now, kPeer, *stun::MessageView::parse(forged), out);
  EXPECT_FALSE(any_of<SendDatagram>(out));
  EXPECT_EQ(path->counters().checks_refused, 1u);
}

TEST_F(Path, AFloodOfAuthenticChecksIsAnsweredUpToALimit) {
  path->on_local(now, local, out);
  out.clear();
  for (int i = 0; i < 2'000; ++i) {
    now += std::chrono::microseconds(500);
    check_from_peer();
  }
  const auto answers = std::ranges::count_if(all_of<SendDatagram>(out), [](const auto& sent) {
    const auto message = stun::MessageView::parse(sent.bytes);
    return message && !check_source(*message);
  });
  EXPECT_GE(answers, 40);
  EXPECT_LE(answers, 55);
}

TEST_F(Path, SignalsGoOutOnNewsAndAgainUntilConnected) {
  path->on_local(now, local, out);
  EXPECT_TRUE(any_of<SendSignal>(out));
  out.clear();
  path->on_local(now, local, out);
  EXPECT_FALSE(any_of<SendSignal>(out)) << "nothing new";
  std::size_t again = all_of<SendSignal>(run(ms(60'000))).size();
  EXPECT_GE(again, 3u);
  EXPECT_LE(again, 5u);
  local.candidates.push_back({CandidateKind::mapped, at("203.0.113.1:9")});
  out.clear();
  path->on_local(now, local, out);
  Actions actions = run(ms(300));
  EXPECT_TRUE(any_of<SendSignal>(actions));
  EXPECT_EQ(path->signal().candidates.size(), 2u);
  EXPECT_EQ(path->signal().relays[0].id, "one");
  EXPECT_TRUE(path->signal().ready);
  meet();
  handshake();
  run(ms(5'000));
  EXPECT_FALSE(any_of<SendSignal>(run_alive(ms(120'000)))) << "connected";
}

TEST_F(Path, ANewPortOfASymmetricNatCostsNoSignalAndNoPunching) {
  local.nat = stun::NatType::symmetric;
  local.candidates.push_back({CandidateKind::server_reflexive, at("203.0.113.1:7000")});
  relayed();
  run_alive(ms(60'000));
  const auto then_sends = [&](const char* seen) {
    local.candidates.back().endpoint = at(seen);
    path->on_local(now, local, out);
    const Actions actions = run_alive(ms(1'000));
    EXPECT_EQ(path->signal().candidates.back().endpoint, at(seen)) << "told when there is news";
    return std::pair(any_of<SendSignal>(actions), all_of<SendDatagram>(actions).size());
  };
  const auto [signalled, checks] = then_sends("203.0.113.1:7001");
  EXPECT_FALSE(signalled);
  EXPECT_LE(checks, 1u);
  const auto [moved, punches] = then_sends("203.0.113.2:7001");
  EXPECT_TRUE(moved);
  EXPECT_GE(punches, 3u);
}

TEST_F(Path, AnExpiredSessionConnectsAnew) {
  relayed();
  bool replaced = false;
  for (int i = 0; i < 190 && !replaced; ++i) {
    view.rx_bytes += 32;  // of an old key
    replaced = any_of<ReplacePeer>(run(ms(1'000)));
  }
  EXPECT_TRUE(replaced);
  EXPECT_EQ(path->status(now).path, PathKind::connecting);
}

TEST_F(Path, ALinkChangePunchesAgain) {
  relayed();
  run_alive(ms(60'000));
  path->on_link_change(now, out);
  EXPECT_GE(all_of<SendDatagram>(run(ms(1'000))).size(), 3u);
  EXPECT_EQ(path->status(now).why_relayed, "still trying");
}

TEST_F(Path, ADirectPathThatLosesMuchMoreThanTheRelayIsLeft) {
  relayed();
  for (int i = 0; i < 10; ++i)
    path->on_tunnel_probe(now, ms(40), out);
  answering = true;
  run(ms(800));
  peer_state = PathState::direct;
  run_alive(ms(2'000));
  ASSERT_EQ(path->status(now).path, PathKind::direct);
  answer_every = 3;
  Actions actions;
  for (int i = 0; i < 120 && !any_of<SetEndpoint>(actions); ++i) {
    view.rx_bytes += 100;
    actions = run(ms(1'000));
  }
  ASSERT_TRUE(any_of<SetEndpoint>(actions));
  EXPECT_EQ(all_of<SetEndpoint>(actions)[0].endpoint, kRelay);
  EXPECT_FALSE(any_of<BlockRelayed>(run_alive(ms(5'000))));
  EXPECT_TRUE(path->status(now).why_relayed.starts_with("the direct path loses more"))
      << path->status(now).why_relayed;
}

TEST_F(Path, ARelayedPathIsDegradedFromFifteenPercentToEight) {
  relayed();
  run_alive(ms(10'000));
  const auto echo = [&](bool lost) {
    path->on_tunnel_probe(now, lost ? std::nullopt : std::optional<Duration>(ms(40)), out);
    run_alive(ms(1'000));
    return path->status(now);
  };
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(echo(i % 10 == 5).state, State::connected) << "a tenth";
  EXPECT_EQ(path->echo_interval(now), ms(10'000));
  int until = 0;
  for (; until < 30 && path->status(now).state == State::connected; ++until)
    echo(until % 2 == 0);
  EXPECT_LE(until, 10);
  EXPECT_GE(path->status(now).loss, 0.15);
  EXPECT_EQ(path->echo_interval(now), ms(1'000)) << "to notice the end soon";
  while (path->status(now).loss >= 0.08)
    EXPECT_EQ(echo(false).state,
              path->status(now).loss < 0.08 ? State::connected : State::degraded);
  EXPECT_EQ(path->status(now).state, State::connected);
  EXPECT_EQ(path->echo_interval(now), ms(10'000));
  run_busy(ms(2'000), true);
  EXPECT_EQ(path->echo_interval(now), ms(2'000));
}

TEST_F(Path, AnIdleDirectPathIsCheckedAndEchoedMoreSeldom) {
  direct();
  EXPECT_EQ(path->echo_interval(now), ms(60'000));
  run_idle(ms(300'000));
  ASSERT_EQ(path->status(now).path, PathKind::direct);
  const auto before = path->counters().checks_sent;
  run_idle(ms(100'000));
  EXPECT_LE(path->counters().checks_sent - before, 12u) << "one in 20 s, and the rounds of all";
  EXPECT_EQ(path->counters().fallbacks, 0u);
  run_busy(ms(2'000), true);
  EXPECT_EQ(path->echo_interval(now), ms(5'000));
}

TEST_F(Path, AnotherMappingOfOursIsShownToThePeersWireGuard) {
  direct();
  run_idle(ms(50'000));
  mapped = at("203.0.113.1:2");
  const Actions actions = run(ms(25'000));
  EXPECT_TRUE(any_of<SendKeepalive>(actions));
}

}  // namespace
}  // namespace lanrage::path
