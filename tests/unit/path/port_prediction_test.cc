#include "path/port_prediction.hpp"

#include <algorithm>

#include "unit/path/peer_path_fixture.hpp"

namespace lanrage::path {
namespace {

using stun::NatType;
using Ports = std::vector<std::uint16_t>;

TEST(PortsBetween, TheOneInTheMiddleComesFirst) {
  EXPECT_EQ(ports_between(5000, 5002), (Ports{5001, 5003, 5004, 4999}));
  EXPECT_EQ(ports_between(5000, 5005), (Ports{5002, 5003, 5001, 5004, 5006, 5007, 4999}));
  EXPECT_EQ(ports_between(5000, 5008).front(), 5004) << "a NAT that counts by four";
}

TEST(PortsBetween, SomeCountDown) {
  EXPECT_EQ(ports_between(5002, 5000), (Ports{5001, 4999, 4998, 5003}));
}

TEST(PortsBetween, OneThatWasLostOrOvertakenIsBesideThem) {
  EXPECT_EQ(ports_between(5000, 5001), (Ports{5002, 5003, 4999}));
}

TEST(PortsBetween, FarApartNothingIsGuessed) {
  EXPECT_FALSE(ports_between(5000, 5032).empty());
  EXPECT_TRUE(ports_between(5000, 5033).empty());
  EXPECT_TRUE(ports_between(5033, 5000).empty());
  EXPECT_TRUE(ports_between(1024, 65535).empty());
  EXPECT_TRUE(ports_between(5000, 5000).empty()) << "one mapping for both: no new flow at all";
}

TEST(PortsBetween, AreFewDifferentAndNeverZero) {
  for (const int before : {1, 2, 5000, 65534, 65535}) {
    for (int after = std::max(1, before - 40); after <= std::min(65535, before + 40); ++after) {
      auto ports =
          ports_between(static_cast<std::uint16_t>(before), static_cast<std::uint16_t>(after));
      EXPECT_LE(ports.size(), kMostGuesses);
      EXPECT_EQ(std::ranges::count(ports, 0), 0);
      for (const int asked : {before, after})
        EXPECT_EQ(std::ranges::count(ports, asked), 0) << "that flow is another one";
      std::ranges::sort(ports);
      EXPECT_EQ(std::ranges::adjacent_find(ports), ports.end());
    }
  }
}

std::vector<Candidate> servers(std::size_t count) {
  std::vector<Candidate> out{{CandidateKind::host, at("192.168.1.2:50000")}};
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(
        {CandidateKind::server_reflexive, {kPeer.address, static_cast<std::uint16_t>(7000 + i)}});
  return out;
}

std::vector<Endpoint> guesses(std::size_t count) {
  std::vector<Endpoint> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back({kPeer.address, static_cast<std::uint16_t>(9000 - i)});
  return out;
}

TEST(WithGuesses, PortsTowardsServersMakeRoomButForOne) {
  EXPECT_EQ(with_guesses(servers(8), {}), servers(8));
  const auto few = with_guesses(servers(2), guesses(4));
  EXPECT_EQ(few.size(), 7u);
  const auto many = with_guesses(servers(8), guesses(12));
  EXPECT_EQ(many.size(), kMaxCandidates);
  EXPECT_EQ(std::ranges::count(many, CandidateKind::guessed, &Candidate::kind), 12);
  EXPECT_EQ(std::ranges::count(many, CandidateKind::server_reflexive, &Candidate::kind), 3);
}

TEST(WithGuesses, TheLikeliestAreTold) {
  std::vector<Candidate> hosts;
  for (std::uint16_t i = 0; i < 14; ++i)
    hosts.push_back({CandidateKind::host, {kRelay.address, static_cast<std::uint16_t>(7'000 + i)}});
  const auto out = with_guesses(hosts, guesses(12));
  ASSERT_EQ(out.size(), kMaxCandidates);
  EXPECT_EQ(out[14].endpoint.port, 8999);
  EXPECT_EQ(out[15].endpoint.port, 9000);
}

struct Prediction : testing::Test {
  Tuning tuning;
  PortPrediction prediction{tuning};
  Instant now = kStart;

  void answer(const PortPrediction::Questions& asked, std::uint16_t before, std::uint16_t after) {
    prediction.on_answer(now, asked.after, {kPeer.address, after});
    prediction.on_answer(now, asked.before, {kPeer.address, before});
  }
};

TEST_F(Prediction, AsksAroundWhatMayMakeAMapping) {
  const auto first = prediction.on_send(now, kPeer, true);
  ASSERT_TRUE(first);
  for (int i = 0; i < 10; ++i) {
    now += tuning.mapping_doubt - ms(1);
    EXPECT_FALSE(prediction.on_send(now, kPeer, true)) << "the mapping is in use";
  }
  now += tuning.mapping_doubt;
  EXPECT_TRUE(prediction.on_send(now, kPeer, true)) << "the NAT may have forgotten it";
  prediction.on_link_change();
  EXPECT_TRUE(prediction.on_send(now, kPeer, true)) << "another NAT";
}

TEST_F(Prediction, AMappingThatWasMadeUnaskedStaysUnknown) {
  EXPECT_FALSE(prediction.on_send(now, kPeer, false));
  EXPECT_FALSE(prediction.on_send(now + ms(100), kPeer, true));
}

TEST_F(Prediction, AsksFourTimesAndThenEveryFiveMinutes) {
  const auto asked = [&](int checks) {
    int out = 0;
    for (int i = 0; i < checks; ++i, now += tuning.mapping_doubt)
      if (prediction.on_send(now, kPeer, true)) ++out;
    return out;
  };
  EXPECT_EQ(asked(10), 4);
  now += std::chrono::minutes(5);
  EXPECT_LE(asked(10), 2);
  EXPECT_LE(asked(144), 12) << "in an hour";
}

TEST_F(Prediction, TellsItsGuessesForAWhile) {
  const auto asked = prediction.on_send(now, kPeer, true);
  EXPECT_FALSE(prediction.update(now, true));
  answer(*asked, 5000, 5002);
  EXPECT_FALSE(prediction.update(now, false)) << "nobody needs them";
  EXPECT_TRUE(prediction.update(now, true));
  EXPECT_FALSE(prediction.update(now, true)) << "no change";
  ASSERT_EQ(prediction.guesses().size(), 4u);
  EXPECT_EQ(prediction.guesses()[0], (Endpoint{kPeer.address, 5001}));
  now = *prediction.next_timeout();
  EXPECT_TRUE(prediction.update(now, true));
  EXPECT_TRUE(prediction.guesses().empty());
  EXPECT_FALSE(prediction.next_timeout());
  prediction.tell_again(now);
  EXPECT_TRUE(prediction.update(now, true));
  EXPECT_EQ(prediction.guesses().size(), 4u);
  EXPECT_TRUE(prediction.update(now, false)) << "it is direct now";
  EXPECT_TRUE(prediction.guesses().empty());
}

TEST_F(Prediction, OfTheMappingBeforeTheLikeliestPortsStayAmongThem) {
  answer(*prediction.on_send(now, kPeer, true), 5000, 5009);
  now += tuning.mapping_doubt;
  answer(*prediction.on_send(now, kPeer, true), 6000, 6032);
  EXPECT_TRUE(prediction.update(now, true));
  const auto told = prediction.guesses();
  EXPECT_EQ(told.size(), kMostGuesses);
  EXPECT_EQ(told[0].port, 6016);
  EXPECT_NE(std::ranges::find(told, 5004, &Endpoint::port), told.end());
}

TEST_F(Prediction, TwoAddressesOrALonelyAnswerSayNothing) {
  const auto asked = prediction.on_send(now, kPeer, true);
  prediction.on_answer(now, asked->before, {kPeer.address, 5000});
  EXPECT_FALSE(prediction.update(now, true));
  prediction.on_answer(now, asked->after, {kRelay.address, 5002});
  EXPECT_FALSE(prediction.update(now, true));
  prediction.on_answer(now, asked->after, {kPeer.address, 5002});
  EXPECT_FALSE(prediction.update(now, true)) << "it is over";
  prediction.on_answer(now, 99, {kPeer.address, 5002});
}

// In a PeerPath whose NAT is symmetric; the peer's is port-restricted.
struct PredictingPath : Path {
  PredictingPath() {
    local.nat = NatType::symmetric;
    signal.nat = NatType::port_restricted_cone;
  }
  std::size_t told() {
    const auto candidates = path->signal().candidates;
    return static_cast<std::size_t>(
        std::ranges::count(candidates, CandidateKind::guessed, &Candidate::kind));
  }
  void answer_all(const Actions& actions, std::uint16_t port) {
    for (const auto& ask : all_of<AskMapping>(actions)) {
      path->on_mapping_seen(now, ask.number, {kPeer.address, port}, out);
      port = static_cast<std::uint16_t>(port + 2);
    }
  }
};

TEST_F(PredictingPath, AsksBeforeAndAfterTheFirstCheckAndTellsAtOnce) {
  Actions all = meet();
  const Actions more = run(ms(500));
  all.insert(all.end(), more.begin(), more.end());
  std::vector<std::string> order;
  for (const Action& action : all) {
    if (std::holds_alternative<AskMapping>(action)) order.push_back("ask");
    const auto* check = std::get_if<SendDatagram>(&action);
    if (check && check->to == kPeer) order.push_back("check");
  }
  ASSERT_GE(order.size(), 4u);
  order.resize(4);
  EXPECT_EQ(order, (std::vector<std::string>{"ask", "check", "ask", "check"}));
  EXPECT_EQ(path->counters().mappings_asked, 2u);
  EXPECT_EQ(told(), 0u);
  answer_all(all, 5000);
  EXPECT_EQ(told(), 4u);
  EXPECT_TRUE(any_of<SendSignal>(run(ms(300)))) << "the peer must hear of it";
  run(ms(16'000));
  EXPECT_EQ(told(), 0u);
}

TEST_F(PredictingPath, AGuessIsNoUseToAnotherKindOfNat) {
  for (const auto& [own, theirs] :
       {std::pair(NatType::port_restricted_cone, NatType::port_restricted_cone),
        std::pair(NatType::symmetric, NatType::symmetric),
        std::pair(NatType::symmetric, NatType::restricted_cone),
        std::pair(NatType::full_cone, NatType::symmetric)}) {
    path = make(true);
    local.nat = own;
    signal.nat = theirs;
    meet();
    run(ms(10'000));
    EXPECT_EQ(path->counters().mappings_asked, 0u) << name_of(own) << " " << name_of(theirs);
  }
}

TEST_F(PredictingPath, ATypeThatIsFoundOutLaterIsNotTooLate) {
  local.nat = NatType::unknown;
  signal.nat = NatType::unknown;
  meet();
  const Actions all = run(ms(500));
  EXPECT_EQ(path->counters().mappings_asked, 2u);
  answer_all(all, 5000);
  EXPECT_EQ(told(), 0u) << "it may be a cone whose port is known";
  local.nat = NatType::symmetric;
  tell();
  EXPECT_EQ(told(), 4u);
}

TEST_F(PredictingPath, NoLanAddressIsWorthAQuestion) {
  signal.candidates = {{CandidateKind::host, at("192.168.1.3:5000")},
                       {CandidateKind::server_reflexive, at("[2001:db8::1]:5000")},
                       {CandidateKind::mapped, at("203.0.113.9:6000")}};
  meet();
  run(ms(10'000));
  EXPECT_EQ(path->counters().mappings_asked, 0u);
}

// The other side of it: what the peer guessed is checked like any other address, unless switched
// off.
TEST_F(Path, APeersGuessesAreCheckedUnlessSwitchedOff) {
  const Endpoint guess = at("203.0.113.9:5002");
  signal.nat = NatType::symmetric;
  signal.candidates.push_back({CandidateKind::guessed, guess});
  const auto checks_to_it = [&] {
    const auto sent = all_of<SendDatagram>(run(ms(5'000)));
    return std::ranges::count(sent, guess, &SendDatagram::to);
  };
  meet();
  EXPECT_GT(checks_to_it(), 3);
  PeerPathConfig config;
  config.self = self;
  config.peer = peer;
  config.own_wg = kLow;
  config.peer_wg = kHigh;
  config.predict_ports = false;
  path = std::make_unique<PeerPath>(config, random);
  meet();
  EXPECT_EQ(checks_to_it(), 0);
  // Of a NAT that keeps ports it is another guess: that of a server beside the peer.
  signal.nat = NatType::port_restricted_cone;
  path = std::make_unique<PeerPath>(config, random);
  meet();
  EXPECT_GT(checks_to_it(), 3);
}

}  // namespace
}  // namespace lanrage::path
