// Each cap: the code that it answers with, that nothing changed, and where it is counted.
#include "unit/server/limits_fixture.hpp"

namespace lanrage::server::test {

namespace {

class Caps : public CoreFixture {
 protected:
  // A host with a party, and a guest that isn't in it.
  void begin_party() {
    start();
    host.emplace(*this);
    guest.emplace(*this, "192.0.2.2");
    host->enroll();
    guest->enroll();
    ASSERT_EQ(host->create().status, 200);
  }
  std::size_t parties() const { return core->parties().size(); }

  std::optional<Player> host, guest;
};

}  // namespace

TEST_F(Caps, Parties) {
  limits.parties = 1;
  begin_party();
  const auto full = guest->create();
  EXPECT_EQ(full.code, "limit_reached");
  EXPECT_EQ(parties(), 1u);
  const auto socket = guest->connect();
  socket->say(ws::RegisterParty{guest->create_request()});
  EXPECT_EQ(socket->refusal(), "limit_reached");
  EXPECT_EQ(parties(), 1u);
  EXPECT_EQ(refused("limit_reached"), 2);
}

TEST_F(Caps, PartiesAHost) {
  limits.parties_a_host = 1;
  begin_party();
  const auto first = host->party;
  EXPECT_EQ(host->create().code, "limit_reached");
  EXPECT_EQ(parties(), 1u);
  EXPECT_EQ(refused("limit_reached"), 1);
  EXPECT_EQ(guest->create().status, 200) << "others aren't kept out";
  const auto close = protocol::to_json(protocol::ClosePartyRequest{"close"});
  ASSERT_EQ(host->call(io::Method::del, first, close).status, 200);
  EXPECT_EQ(host->create().status, 200);
}

TEST_F(Caps, PeersOfAParty) {
  limits.party.peers = 2;
  begin_party();
  ASSERT_EQ(guest->join(*host).status, 200);
  const auto before = host->seq();
  Player third(*this, "192.0.2.3");
  third.enroll();
  EXPECT_EQ(third.join(*host).code, "party_full");
  EXPECT_EQ(host->seq(), before);
  EXPECT_EQ(refused("party_full"), 1);
}

TEST_F(Caps, OpenInvites) {
  limits.party.open_invites = 1;  // the party begins with one
  begin_party();
  const auto invite = party::build_invite(random, host->membership->ledger, host->membership->key,
                                          host->made->root, {}, clock.unix_time());
  ASSERT_TRUE(invite);
  const auto before = host->seq();
  const protocol::AddInviteRequest request{"i", invite->record, invite->box.box};
  EXPECT_EQ(host->post(host->party + "/invites", request).code, "too_many_invites");
  EXPECT_EQ(host->seq(), before);
  EXPECT_EQ(refused("too_many_invites"), 1);
}

TEST_F(Caps, RecordsOfALog) {
  limits.party.log_records = 4;  // three stand in it, a join brings two
  begin_party();
  const auto before = host->seq();
  EXPECT_EQ(guest->join(*host).code, "log_full");
  EXPECT_EQ(host->seq(), before);
  EXPECT_EQ(refused("log_full"), 1);
  EXPECT_EQ(ask(host->update(1)).status, 200) << "what isn't kept in the log goes on";
}

TEST_F(Caps, BytesOfALog) {
  Player measure(*this);
  const auto request = measure.create_request();
  limits.party.log_bytes =
      request.charter.size() + request.roster.size() + request.statement.size() + 100;
  begin_party();
  const auto before = host->seq();
  EXPECT_EQ(guest->join(*host).code, "log_full");
  EXPECT_EQ(host->seq(), before);
  EXPECT_EQ(refused("log_full"), 1);
}

TEST_F(Caps, CommandsWaitingForOneParty) {
  limits.commands_waiting = 2;
  begin_party();
  const auto before = host->seq();
  std::vector<std::shared_ptr<Answering>> answers;
  for (std::uint16_t port = 1; port <= 5; ++port)
    answers.push_back(begin(host->update(port)));
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(answers[i]->got.has_value(), i >= 3) << "one is written, two wait";
  for (std::size_t i = 3; i < 5; ++i) {
    EXPECT_EQ(answers[i]->reply().status, 503);
    EXPECT_EQ(answers[i]->reply().code, "unavailable");
    EXPECT_TRUE(answers[i]->reply().retry_after);
  }
  EXPECT_EQ(guest->create().status, 200) << "others' parties go on";
  run_store();
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(answers[i]->reply().status, 200);
  EXPECT_EQ(host->seq(), before + 3);
  EXPECT_EQ(refused("unavailable"), 2);
}

TEST_F(Caps, SignalsThatWait) {
  limits.signals_waiting = 2;
  limits.signals_waiting_in_all = 3;
  begin_party();
  Player third(*this, "192.0.2.3");
  third.enroll();
  ASSERT_EQ(guest->join(*host).status, 200);
  ASSERT_EQ(third.join(*host).status, 200);
  const auto send = [&](const Player& to, std::uint8_t n) {
    return host->post(host->party + "/signals", protocol::PostSignalRequest{to.id(), {n}});
  };
  for (std::uint8_t n = 1; n <= 3; ++n)
    EXPECT_EQ(send(*guest, n).status, 204);
  EXPECT_EQ(metric(R"(signals_total{fate="displaced"})"), 1);
  const auto waiting = guest->get(host->party + "/signals").as<protocol::SignalsAnswer>().signals;
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].signal_data, Bytes{2});

  EXPECT_EQ(send(third, 1).status, 204);
  const auto full = send(third, 2);
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.code, "unavailable");
  EXPECT_TRUE(full.retry_after);
  EXPECT_EQ(metric(R"(signals_total{fate="refused"})"), 1);
  EXPECT_EQ(refused("unavailable"), 1);
  EXPECT_EQ(third.get(host->party + "/signals").as<protocol::SignalsAnswer>().signals.size(), 1u);

  clock.advance(limits.signal_lifetime);
  core->tick();
  EXPECT_EQ(metric(R"(cleanup_removed_total{what="signals"})"), 3);
  EXPECT_EQ(send(third, 3).status, 204);
}

TEST_F(Caps, PartiesASession) {
  limits.parties_a_session = 1;
  begin_party();
  const auto first = host->made->id;
  ASSERT_EQ(host->create().status, 200);
  const auto socket = host->connect();
  socket->say(ws::Subscribe{first, {}});
  EXPECT_TRUE(std::holds_alternative<ws::CaughtUp>(socket->sent.back()));
  socket->say(ws::Subscribe{host->made->id, "second"});
  EXPECT_EQ(socket->refusal(), "limit_reached");
  socket->say(ws::Subscribe{first, {}});
  EXPECT_TRUE(std::holds_alternative<ws::CaughtUp>(socket->sent.back())) << "it still serves one";
  EXPECT_EQ(refused("limit_reached"), 1);
}

TEST_F(Caps, SessionsAPeer) {
  limits.sessions_a_peer = 2;
  begin_party();
  std::vector<std::shared_ptr<FakeSocket>> sockets;
  for (int i = 0; i < 3; ++i)
    sockets.push_back(host->connect());
  EXPECT_EQ(sockets[0]->closed, io::kClosePolicy) << "the oldest goes";
  EXPECT_EQ(sockets[0]->refusal(), "limit_reached");
  EXPECT_FALSE(sockets[1]->closed);
  EXPECT_FALSE(sockets[2]->closed);
  EXPECT_EQ(refused("limit_reached"), 1);
  EXPECT_FALSE(guest->connect()->closed);
}

TEST_F(Caps, TimeForHello) {
  limits.hello_time = std::chrono::seconds(10);
  begin_party();
  const auto mute = host->connect(false);
  const auto polite = host->connect();
  clock.advance(std::chrono::seconds(10));
  core->tick();
  EXPECT_FALSE(mute->closed);
  clock.advance(std::chrono::seconds(1));
  core->tick();
  EXPECT_EQ(mute->closed, io::kClosePolicy);
  EXPECT_EQ(mute->refusal(), "request_timeout");
  EXPECT_FALSE(polite->closed);
  EXPECT_EQ(refused("request_timeout"), 1);
}

TEST_F(Caps, Relays) {
  limits.relays = 1;
  start();
  Player relay(*this);
  relay.authorization = "Bearer " + std::string(keys->enrolment_key.expose());
  protocol::EnrollRelayRequest request{
      RelayId{{7}}.to_string(), "eu", {*Endpoint::parse("0.0.0.0:51820")}, {}, 100, 7};
  EXPECT_EQ(relay.post("/relays", request).status, 200);
  request.relay_id = RelayId{{8}}.to_string();
  EXPECT_EQ(relay.post("/relays", request).code, "limit_reached");
  EXPECT_EQ(core->relays().size(), 1u);
  EXPECT_EQ(refused("limit_reached"), 1);
}

// ---- JSON that means harm

TEST_F(Caps, JsonBombsOverBothTransports) {
  begin_party();
  const auto before = host->seq();
  const auto socket = host->connect();
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  const auto with = [](const std::string& value) {
    return R"({"type":"subscribe","request_id":)" + value + "}";
  };
  double count = 0;
  for (const auto& bomb : {
           with(nested(17)),
           with(nested(32'000)),
           std::string(65'000, '['),
           std::string(65'000, '{'),
           std::string(R"({"request_id":"a","request_id":"b"})"),
           with(R"({"a":1,"a":1})"),
           with("\"\xff\""),
           with("\"\xed\xa0\x80\""),
           with("\"\xc0\xaf\""),
           with(R"("\ud800")"),
           with("1e999999") + "x",
           with(std::string(60'000, '1')) + "]",
           std::string("\0", 1),
           std::string(),
       }) {
    socket->sent.clear();
    socket->say_text(bomb);
    EXPECT_EQ(socket->refusal(), "malformed_json") << bomb.substr(0, 80);
    EXPECT_EQ(socket->sent.size(), 1u);
    EXPECT_EQ(refused("malformed_json"), ++count);
    if (bomb.empty()) continue;
    const auto answer = host->call(io::Method::post, "/parties", bomb);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code, "malformed_json") << bomb.substr(0, 80);
    EXPECT_EQ(refused("malformed_json"), ++count);
  }
  EXPECT_FALSE(socket->closed);
  EXPECT_EQ(host->seq(), before);
  EXPECT_EQ(parties(), 1u);
}

TEST_F(Caps, RoomOnTheDisk) {
  begin_party();
  const auto look = [&] {
    clock.advance(std::chrono::seconds(1));
    core->tick();
    return host->get("/health/ready").status;
  };
  EXPECT_EQ(look(), 200);
  store().fail_next(1, store::InjectedFailure::refused);
  EXPECT_EQ(guest->join(*host).status, 503);
  EXPECT_EQ(host->get(host->party).status, 200) << "readers go on";
  EXPECT_EQ(look(), 503);
  EXPECT_EQ(look(), 503);
  EXPECT_EQ(guest->join(*host).status, 200);
  EXPECT_EQ(look(), 200);
  const auto log = log_text();
  const auto told = log.find("event=changes_refused");
  ASSERT_NE(told, std::string::npos) << log;
  EXPECT_NE(log.find("the disk is full", told), std::string::npos) << log;
  EXPECT_EQ(log.find("event=changes_refused", told + 1), std::string::npos) << "said once";
  EXPECT_NE(log.find("event=changes_taken_again", told), std::string::npos) << log;
}

TEST_F(Caps, OversizedFieldsOverBothTransports) {
  begin_party();
  auto request = guest->create_request();
  request.request_id = std::string(60'000, 'r');
  const auto long_id = guest->post("/parties", request);
  EXPECT_EQ(long_id.code, "invalid_field");
  EXPECT_LT(long_id.body.size(), 2'000u) << "what is wrong isn't sent back whole";
  const auto socket = guest->connect();
  socket->say(ws::RegisterParty{request});
  EXPECT_EQ(socket->refusal(), "invalid_field");
  request.request_id = "r";
  request.boxes.assign(protocol::kMaxBoxes + 1, request.boxes.front());
  EXPECT_EQ(guest->post("/parties", request).code, "invalid_field");
  request.boxes.resize(1);
  request.boxes[0].box.resize(protocol::kMaxBoxSize + 1);
  EXPECT_EQ(guest->post("/parties", request).code, "invalid_field");
  EXPECT_EQ(refused("invalid_field"), 4);
  EXPECT_EQ(parties(), 1u);
}

}  // namespace lanrage::server::test
