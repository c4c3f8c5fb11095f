// The link by plain requests, and when it is taken.
#include <algorithm>

#include "agent/fallback_control_plane.hpp"
#include "unit/agent/control_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using protocol::Errc;

class HttpControlPlaneTest : public ControlPlaneTest {
 protected:
  HttpControlPlaneTest() {
    peer.bytes = random.array<16>();
    answer.seq = 3;
    answer.incarnation = "one";
    answer.party.id = party;
    answer.party.name = "game night";
    answer.party.prefix = *Prefix::parse("10.66.0.0/16");
    answer.party.seq = 3;
    answer.party.log = {Bytes{1}, Bytes{2}};
    answer.party.peers.resize(1);
    answer.party.peers[0].peer_id = peer;
    answer.party.peers[0].nick = "bob";
    answer.party.peers[0].vip = *IpAddress::parse("10.66.0.2");
    server.on("GET " + path(), [this](const io::HttpRequest& request) {
      if (refusal) return *refusal;
      auto out = answer;
      const auto from = static_cast<std::size_t>(std::stoi(request.query("log_from").value()));
      if (knows_log_from && from <= out.party.log.size()) {
        out.party.log_from = from;
        out.party.log.erase(out.party.log.begin(),
                            out.party.log.begin() + static_cast<std::ptrdiff_t>(from));
      }
      return io::HttpResponse::json(200, protocol::to_json(out));
    });
    server.on("GET " + path() + "/signals", [this](const io::HttpRequest& request) {
      ++signal_polls;
      protocol::SignalsAnswer out;
      for (const auto& signal : signals)
        if (signal.n > std::stoull(request.query("after").value())) out.signals.push_back(signal);
      return io::HttpResponse::json(200, protocol::to_json(out));
    });
    for (const auto* target : {"/signals", "/peers/"}) {
      const auto line = "POST " + path() + target +
                        (target[1] == 'p' ? keys.peer_id().to_string() + "/heartbeat" : "");
      io::HttpResponse done;
      done.status = 204;
      server.on(line, {done});
    }
  }

  std::string path() const { return "/parties/" + party.to_string(); }

  ControlPlane::Listener listener() {
    ControlPlane::Listener out;
    out.on_link = [this](LinkState state) { links.push_back(state); };
    out.on_message = [this](const ws::ServerMessage& message) {
      messages.push_back(message);
      if (const auto* update = std::get_if<ws::PartyUpdate>(&message))
        control->subscribe(party, update->incarnation, update->party.seq);
    };
    return out;
  }
  void open_http() {
    control = std::make_shared<HttpControlPlane>(session());
    control->subscribe(party, "", 0);
    control->open_link(listener());
  }
  void open_fallback() {
    control = std::make_shared<FallbackControlPlane>(session());
    control->subscribe(party, "", 0);
    control->open_link(listener());
  }
  void polls(int more) {
    const int goal = signal_polls + more;
    until([&] { return signal_polls >= goal; });
  }
  template <class T>
  std::vector<T> told() const {
    std::vector<T> out;
    for (const auto& message : messages)
      if (const auto* wanted = std::get_if<T>(&message)) out.push_back(*wanted);
    return out;
  }

  PeerId peer;
  protocol::GetPartyAnswer answer;
  std::optional<io::HttpResponse> refusal;
  bool knows_log_from = true;
  std::vector<protocol::QueuedSignal> signals;
  int signal_polls = 0;
  std::shared_ptr<ControlPlane> control;
  std::vector<LinkState> links;
  std::vector<ws::ServerMessage> messages;
};

TEST_F(HttpControlPlaneTest, BringsTheWholePartyOnceAndAgainWhenItHasChanged) {
  open_http();
  polls(20);
  EXPECT_EQ(links, std::vector{LinkState::connected});
  ASSERT_EQ(told<ws::PartyUpdate>().size(), 1u);
  EXPECT_EQ(messages.size(), 1u);
  EXPECT_EQ(told<ws::PartyUpdate>()[0].party.log, answer.party.log);
  const auto party_polls = static_cast<int>(server.seen("GET " + path()).size());
  EXPECT_LE(party_polls, 1 + signal_polls / 5 + 1) << "the party, each fifth poll";

  answer.seq = answer.party.seq = 4;
  answer.party.log.push_back(Bytes{3});
  until([&] { return told<ws::PartyUpdate>().size() == 2; });
  EXPECT_EQ(told<ws::PartyUpdate>()[1].party.log, answer.party.log);
  EXPECT_EQ(server.seen("GET " + path()).back().line, "GET " + path() + "?log_from=2");
  control->close();
}

TEST_F(HttpControlPlaneTest, AServerThatSendsTheWholeLogIsUnderstoodToo) {
  knows_log_from = false;
  open_http();
  polls(6);
  answer.seq = answer.party.seq = 4;
  answer.party.log.push_back(Bytes{3});
  until([&] { return told<ws::PartyUpdate>().size() == 2; });
  EXPECT_EQ(told<ws::PartyUpdate>()[1].party.log, answer.party.log);
  control->close();
}

TEST_F(HttpControlPlaneTest, ARestoredServersLogIsTakenWhole) {
  open_http();
  polls(6);
  answer.incarnation = "two";
  answer.party.log = {Bytes{1}, Bytes{2}, Bytes{9}};
  until([&] { return told<ws::PartyUpdate>().size() == 2; });
  EXPECT_EQ(told<ws::PartyUpdate>()[1].incarnation, "two");
  EXPECT_EQ(told<ws::PartyUpdate>()[1].party.log, answer.party.log);
  control->close();
}

TEST_F(HttpControlPlaneTest, TellsWhoComesAndGoes) {
  open_http();
  polls(6);
  answer.party.peers[0].online = true;
  until([&] { return told<ws::Presence>().size() == 1; });
  EXPECT_EQ(told<ws::Presence>()[0].peer_id, peer);
  EXPECT_TRUE(told<ws::Presence>()[0].online);
  polls(11);
  EXPECT_EQ(told<ws::Presence>().size(), 1u);
  control->close();
}

TEST_F(HttpControlPlaneTest, BringsEachSignalOnceAndInOrder) {
  signals = {{11, peer, Bytes{1}}, {12, peer, Bytes{2}}};
  open_http();
  polls(5);
  signals.push_back({13, peer, Bytes{3}});
  polls(5);
  const auto heard = told<ws::Signal>();
  ASSERT_EQ(heard.size(), 3u);
  for (std::uint8_t i = 0; i < 3; ++i)
    EXPECT_EQ(heard[i].signal_data, Bytes{static_cast<std::uint8_t>(i + 1)});
  control->close();
}

TEST_F(HttpControlPlaneTest, ASnapshotThatIsAskedForComesThoughNothingChanged) {
  open_http();
  polls(2);
  EXPECT_TRUE(control->request_snapshot(party));
  until([&] { return told<ws::PartyUpdate>().size() == 2; });
  control->close();
}

TEST_F(HttpControlPlaneTest, SendsHeartbeatsAndSignalsInOrderAndNotWithoutEnd) {
  open_http();
  EXPECT_FALSE(control->send(ws::Heartbeat{party, keys.peer_id(), 3, std::nullopt}))
      << "not connected yet";
  until([&] { return control->link_state() == LinkState::connected; });
  EXPECT_TRUE(control->send(ws::Heartbeat{party, keys.peer_id(), 3, std::nullopt}));
  std::size_t taken = 1;
  for (std::uint8_t i = 0; i < 200; ++i)
    taken += control->send(ws::SendSignal{party, peer, Bytes{i}, std::nullopt}) ? 1 : 0;
  EXPECT_EQ(taken, HttpControlPlane::kMaxOutbox);
  EXPECT_FALSE(control->send(ws::Subscribe{party, std::nullopt})) << "there are requests for that";
  until([&] { return server.seen("POST " + path() + "/signals").size() == taken - 1; });
  EXPECT_EQ(
      server.seen("POST " + path() + "/peers/" + keys.peer_id().to_string() + "/heartbeat").size(),
      1u);
  const auto sent = server.seen("POST " + path() + "/signals");
  for (std::uint8_t i = 0; i < sent.size(); ++i) {
    const auto body = protocol::parse<protocol::PostSignalRequest>(sent[i].body);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->signal_data, Bytes{i});
  }
  control->close();
}

TEST_F(HttpControlPlaneTest, AServerAwayAndBack) {
  open_http();
  polls(2);
  server.stop();
  until([&] { return links.size() == 2; });
  EXPECT_EQ(links[1], LinkState::reconnecting);
  server.start();
  until([&] { return links.size() == 3; });
  EXPECT_EQ(links[2], LinkState::connected);
  EXPECT_EQ(told<ws::PartyUpdate>().size(), 2u) << "what was missed";
  control->close();
}

TEST_F(HttpControlPlaneTest, ARefusalIsToldOnce) {
  refusal = problem(Errc::unknown_party);
  open_http();
  until([&] { return server.seen("GET " + path()).size() >= 4; });
  ASSERT_EQ(told<ws::ErrorMessage>().size(), 1u);
  EXPECT_EQ(told<ws::ErrorMessage>()[0].code, "unknown_party");
  refusal.reset();
  until([&] { return told<ws::PartyUpdate>().size() == 1; });
  control->close();
}

// ---- the choice between the two

TEST_F(HttpControlPlaneTest, TheFallbackPollsBehindAProxyAndTakesTheWebSocketWhenItWorks) {
  open_fallback();
  until([&] { return control->link_state() == LinkState::connected; });
  EXPECT_GE(server.upgrades, 3);
  until([&] { return told<ws::PartyUpdate>().size() == 1; });
  EXPECT_TRUE(control->send(ws::Heartbeat{party, keys.peer_id(), 3, std::nullopt}));
  const auto beats = "POST " + path() + "/peers/" + keys.peer_id().to_string() + "/heartbeat";
  until([&] { return server.seen(beats).size() == 1; });

  server.welcomes = true;
  until([&] { return !told<ws::Welcome>().empty(); });
  until([&] { return links.back() == LinkState::connected && links.size() >= 3; });
  EXPECT_EQ(control->link_state(), LinkState::connected);
  const auto& hello = std::get<ws::Hello>(server.heard[0]);
  ASSERT_EQ(hello.resume.size(), 1u) << "what polling brought is known";
  EXPECT_EQ(hello.resume[0].seq, 3u);
  // A poll under way may still end; none begins.
  const int under_way = signal_polls + 1;
  EXPECT_TRUE(control->send(ws::Heartbeat{party, keys.peer_id(), 3, std::nullopt}));
  until([&] { return server.heard.size() >= 2; });
  EXPECT_LE(signal_polls, under_way);
  EXPECT_EQ(server.seen(beats).size(), 1u);
  control->close();
}

TEST_F(HttpControlPlaneTest, TheFallbackDoesntPollWhereAWebSocketWorksOrTheServerIsAway) {
  server.welcomes = true;
  open_fallback();
  until([&] { return control->link_state() == LinkState::connected; });
  server.stop();
  until([&] { return std::ranges::count_if(pauses, [](auto p) { return p >= 30s; }) >= 5; });
  server.start();
  until([&] { return control->link_state() == LinkState::connected; });
  EXPECT_EQ(signal_polls, 0);
  EXPECT_TRUE(server.seen("GET " + path()).empty());
  control->close();
}

TEST_F(HttpControlPlaneTest, TheFallbackIsDisconnectedWhenNeitherWorks) {
  refusal = problem(Errc::internal_error);
  open_fallback();
  until([&] { return server.seen("GET " + path()).size() >= 3; });
  EXPECT_EQ(control->link_state(), LinkState::reconnecting);
  EXPECT_FALSE(control->send(ws::Heartbeat{party, keys.peer_id(), 3, std::nullopt}));
  refusal.reset();
  until([&] { return control->link_state() == LinkState::connected; });
  control->close();
}

}  // namespace
}  // namespace lanrage::agent::test
