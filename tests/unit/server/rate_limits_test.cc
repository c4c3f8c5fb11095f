// Each rate: what it refuses, whom it leaves alone, and where it is counted.
#include <map>
#include <set>

#include "unit/server/limits_fixture.hpp"

namespace lanrage::server::test {

namespace {

using std::chrono::seconds;

class RateLimits : public CoreFixture {
 protected:
  // In the order of the rates: one after the other is taken from, and none comes back.
  static constexpr Rate kThree{0.001, 3};
};

}  // namespace

TEST_F(RateLimits, ByAddressOverBothTransportsAndIpv6ByItsNetwork) {
  limits.requests_an_address = kThree;
  start();
  Player one(*this, "2001:db8:1:2::1");
  Player same(*this, "2001:db8:1:2:ffff::2");
  Player neighbour(*this, "2001:db8:1:3::1");
  Player v4(*this, "192.0.2.1");
  EXPECT_EQ(one.get("/").status, 200);
  EXPECT_EQ(same.get("/").status, 200);
  EXPECT_EQ(one.connect(), nullptr);
  EXPECT_EQ(one.refusal.code, "missing_token");
  const auto refused_one = same.get("/health/live");
  EXPECT_EQ(refused_one.status, 429);
  EXPECT_EQ(refused_one.code, "rate_limited");
  EXPECT_TRUE(refused_one.retry_after);
  EXPECT_EQ(one.connect(), nullptr);
  EXPECT_EQ(one.refusal.status, 429);
  EXPECT_TRUE(one.refusal.retry_after);
  EXPECT_EQ(neighbour.get("/").status, 200);
  EXPECT_EQ(v4.get("/").status, 200);
  EXPECT_EQ(limited("address"), 2);
  EXPECT_EQ(refused("rate_limited"), 2);
  EXPECT_EQ(metric(R"(http_requests_total{method="GET",route="/ws",code="429"})"), 1);
  EXPECT_EQ(metric(R"(http_requests_total{method="GET",route="/ws",code="401"})"), 1);
  EXPECT_EQ(metric(R"(http_requests_total{method="",route="none",code="429"})"), 1);
}

TEST_F(RateLimits, RegistrationsByAddress) {
  limits.registrations_an_address = kThree;
  start();
  Player one(*this, "2001:db8:1:2::1");
  Player same(*this, "2001:db8:1:2::9");
  Player other(*this, "2001:db8:1:3::1");
  one.enroll();  // takes two
  EXPECT_EQ(same.challenge().status, 200);
  EXPECT_EQ(same.challenge().code, "rate_limited");
  EXPECT_EQ(one.challenge().code, "rate_limited");
  EXPECT_EQ(one.get("/relays").status, 200) << "who is registered isn't held up";
  EXPECT_EQ(other.challenge().status, 200);
  EXPECT_EQ(limited("registrations"), 2);
  EXPECT_EQ(limited("address"), 0);
}

TEST_F(RateLimits, WrongWordsByAddressOverBothTransports) {
  limits.wrong_words_an_address = kThree;
  creation.kind = protocol::CreatePolicy::word;
  start();
  Player guesser(*this);
  Player other(*this, "192.0.2.2");
  guesser.enroll();
  other.enroll();
  const auto socket = guesser.connect();
  ASSERT_TRUE(socket);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(guesser.create().code, "wrong_word") << "naming none is no guess";
  EXPECT_EQ(guesser.create("guess").code, "wrong_word");
  EXPECT_EQ(guesser.create("guesses").code, "wrong_word");
  socket->say(ws::RegisterParty{guesser.create_request("more")});
  EXPECT_EQ(socket->refusal(), "wrong_word");
  EXPECT_EQ(guesser.create(creation.word).code, "rate_limited") << "not even the right one";
  socket->say(ws::RegisterParty{guesser.create_request(creation.word)});
  EXPECT_EQ(socket->refusal(), "rate_limited");
  EXPECT_EQ(limited("words"), 2);
  EXPECT_EQ(refused("wrong_word"), 8);
  EXPECT_TRUE(core->parties().empty());
  EXPECT_EQ(other.create(creation.word).status, 200);
  clock.advance(seconds(1'000));
  EXPECT_EQ(guesser.create(creation.word).status, 200);
}

TEST_F(RateLimits, WrongEnrolmentKeysByAddress) {
  limits.wrong_keys_an_address = kThree;
  start();
  Player relay(*this);
  Player other(*this, "192.0.2.2");
  const protocol::EnrollRelayRequest request{
      RelayId{{7}}.to_string(), "eu", {*Endpoint::parse("0.0.0.0:51820")}, {}, 100, 7};
  const std::string right = "Bearer " + std::string(keys->enrolment_key.expose());
  for (int i = 0; i < 3; ++i) {
    relay.authorization = "Bearer wrong-wrong-wrong-" + std::to_string(i);
    EXPECT_EQ(relay.post("/relays", request).code, "unknown_token");
  }
  relay.authorization = right;
  EXPECT_EQ(relay.post("/relays", request).code, "rate_limited");
  EXPECT_EQ(limited("keys"), 1);
  other.authorization = right;
  EXPECT_EQ(other.post("/relays", request).status, 200);
}

TEST_F(RateLimits, ByPeerOverBothTransportsTogether) {
  limits.requests_a_peer = {1, 4};
  start();
  Player player(*this);
  Player other(*this, "192.0.2.2");
  player.enroll();
  other.enroll();
  const auto first = player.connect();  // a hello each
  const auto second = player.connect();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(player.get("/relays").status, 200);
  EXPECT_EQ(player.get("/relays").status, 200);
  const auto late = player.get("/relays");
  EXPECT_EQ(late.status, 429);
  EXPECT_TRUE(late.retry_after);
  for (const auto& socket : {first, second}) {
    socket->say(ws::Subscribe{PartyId{{1}}, "r"});
    EXPECT_EQ(socket->refusal(), "rate_limited");
    EXPECT_TRUE(std::get<ws::ErrorMessage>(socket->sent.back()).retry_after_s);
    EXPECT_FALSE(socket->closed);
  }
  EXPECT_EQ(limited("peer"), 1);
  EXPECT_EQ(limited("messages"), 2);
  EXPECT_EQ(refused("rate_limited"), 3);
  EXPECT_EQ(other.get("/relays").status, 200);
  clock.advance(seconds(1));
  first->say(ws::Subscribe{PartyId{{1}}, "r"});
  EXPECT_EQ(first->refusal(), "unknown_party");
  second->say(ws::Subscribe{PartyId{{1}}, "r"});
  EXPECT_EQ(second->refusal(), "rate_limited") << "one has come back, for all of them";
}

TEST_F(RateLimits, SignalsByPeerOverBothTransports) {
  limits.signals_a_peer = kThree;
  start();
  Player host(*this);
  Player guest(*this, "192.0.2.2");
  host.enroll();
  guest.enroll();
  ASSERT_EQ(host.create().status, 200);
  ASSERT_EQ(guest.join(host).status, 200);
  const auto socket = host.connect();
  const protocol::PostSignalRequest signal{guest.id(), {1}};
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(host.post(host.party + "/signals", signal).status, 204);
  socket->say(ws::SendSignal{host.made->id, guest.id(), {2}, "s"});
  EXPECT_TRUE(std::holds_alternative<ws::Ack>(socket->sent.back()));
  EXPECT_EQ(host.post(host.party + "/signals", signal).code, "rate_limited");
  socket->say(ws::SendSignal{host.made->id, guest.id(), {2}, "s"});
  EXPECT_EQ(socket->refusal(), "rate_limited");
  EXPECT_EQ(limited("signals"), 2);
  EXPECT_EQ(metric(R"(signals_total{fate="queued"})"), 3);
  EXPECT_EQ(guest.post(host.party + "/signals", protocol::PostSignalRequest{host.id(), {1}}).status,
            204);
}

TEST_F(RateLimits, CreationsByPeerOverBothTransports) {
  limits.creations_a_peer = kThree;
  start();
  Player host(*this);
  host.enroll();
  const auto socket = host.connect();
  EXPECT_EQ(host.create().status, 200);
  EXPECT_EQ(host.create().status, 200);
  socket->say(ws::RegisterParty{host.create_request()});
  run_store();
  EXPECT_EQ(core->parties().size(), 3u);
  EXPECT_EQ(host.create().code, "rate_limited");
  socket->say(ws::RegisterParty{host.create_request()});
  EXPECT_EQ(socket->refusal(), "rate_limited");
  EXPECT_EQ(core->parties().size(), 3u);
  EXPECT_EQ(limited("creations"), 2);
}

TEST_F(RateLimits, UpdatesByPeerOverBothTransports) {
  limits.updates_a_peer = kThree;
  start();
  Player host(*this);
  host.enroll();
  ASSERT_EQ(host.create().status, 200);
  const auto socket = host.connect();
  const auto before = host.seq();
  EXPECT_EQ(ask(host.update(1)).status, 200);
  EXPECT_EQ(ask(host.update(2)).status, 200);
  socket->say(ws::UpdatePeer{host.made->id, host.update_request(3)});
  run_store();
  EXPECT_EQ(ask(host.update(4)).code, "rate_limited");
  socket->say(ws::UpdatePeer{host.made->id, host.update_request(5)});
  EXPECT_EQ(socket->refusal(), "rate_limited");
  EXPECT_EQ(host.seq(), before + 3);
  EXPECT_EQ(limited("updates"), 2);
}

namespace {

// Counts who wants signatures checked, and leaves that to the loop.
class BusyProver final : public SignatureProver {
 public:
  bool prove(const PartyId&, const party::Action&, Done) override {
    ++asked;
    return false;
  }
  int asked = 0;
};

// Records that the host signed and nobody has sent yet.
class HandedBack : public RateLimits {
 protected:
  void begin() {
    start();
    host.emplace(*this);
    host->enroll();
    ASSERT_EQ(host->create().status, 200);
    const auto& made = *host->made;
    ledger.emplace(
        *party::Ledger::replay(made.id, std::vector{made.charter, made.roster, made.statement}));
    request = {"", ledger->length(), ledger->head(), {}, {}};
  }
  std::string hand_back(std::size_t records) {
    while (signed_.size() < records) {
      const auto nick = "host " + std::to_string(signed_.size());
      signed_.push_back(
          *party::build_statement(*ledger, host->keys.identity, nick, host->made->vip));
      EXPECT_TRUE(ledger->append(signed_.back()));
    }
    request.records.assign(signed_.begin(), signed_.begin() + static_cast<std::ptrdiff_t>(records));
    request.request_id = "r" + std::to_string(++requests_);
    return host->post(host->party + "/log", request).code;
  }

  std::optional<Player> host;
  std::optional<party::Ledger> ledger;
  protocol::HandBackRequest request;

 private:
  std::vector<Bytes> signed_;
  int requests_ = 0;
};

}  // namespace

TEST_F(HandedBack, ByPeer) {
  limits.handed_back_a_peer = kThree;
  begin();
  EXPECT_EQ(hand_back(4), "rate_limited");
  EXPECT_EQ(hand_back(3), "");
  EXPECT_EQ(hand_back(3), "") << "what is known costs nothing";
  auto parted = request;
  parted.records.back().back() ^= 1;
  parted.request_id = "parted";
  EXPECT_EQ(host->post(host->party + "/log", parted).code, "split_history");
  EXPECT_EQ(hand_back(4), "rate_limited");
  EXPECT_EQ(limited("handed_back"), 2);
  EXPECT_EQ(refused("rate_limited"), 2);
}

TEST_F(HandedBack, OfWhatIsKnownNoSignatureIsChecked) {
  BusyProver busy;
  prover = &busy;
  begin();
  ASSERT_EQ(hand_back(3), "");
  const int asked = busy.asked;
  EXPECT_GT(asked, 1) << "by the first of them";
  for (std::size_t n = 0; n < 20; ++n)
    EXPECT_EQ(hand_back(1 + n % 3), "");
  EXPECT_EQ(busy.asked, asked);
  EXPECT_EQ(hand_back(4), "");
  EXPECT_EQ(busy.asked, asked + 1);
}

// Else one member could have all others fill the log with what it signs.
TEST_F(HandedBack, ByWhoSignedThem) {
  limits.handed_back_of_a_peer = kThree;
  begin();
  EXPECT_EQ(hand_back(4), "rate_limited");
  auto forged = request;
  EXPECT_EQ(hand_back(2), "");
  forged.records.resize(3);
  forged.records[2].back() ^= 1;
  forged.request_id = "forged";
  EXPECT_EQ(host->post(host->party + "/log", forged).code, "record_refused");
  EXPECT_EQ(hand_back(3), "") << "a forged one isn't counted against whom it names";
  EXPECT_EQ(hand_back(4), "rate_limited");
}

TEST_F(RateLimits, AdmissionsTurnNewcomersAwayAndNobodyElse) {
  limits.admissions = kThree;
  start();
  Player one(*this);
  one.enroll();  // takes two
  EXPECT_TRUE(one.connect());
  EXPECT_EQ(one.connect(), nullptr);
  EXPECT_EQ(one.refusal.status, 503);
  EXPECT_EQ(one.refusal.code, "unavailable");
  EXPECT_TRUE(one.refusal.retry_after);
  Player two(*this, "192.0.2.2");
  const auto refused_two = two.challenge();
  EXPECT_EQ(refused_two.status, 503);
  EXPECT_TRUE(refused_two.retry_after);
  EXPECT_EQ(one.get("/relays").status, 200);
  EXPECT_EQ(metric("sessions_refused_total"), 2);
  EXPECT_EQ(refused("unavailable"), 2);
  EXPECT_EQ(limited("registrations"), 0);
  EXPECT_EQ(metric(R"(http_requests_total{method="GET",route="/ws",code="503"})"), 1);
  EXPECT_EQ(metric(R"(http_requests_total{method="GET",route="/ws",code="101"})"), 1);
  EXPECT_EQ(metric(R"(http_requests_total{method="POST",route="/auth/challenge",code="503"})"), 1);
}

// Thousands come back at once and do as Retry-After says: they are let in as fast as the rate
// allows, and never all in the same second again.
TEST_F(RateLimits, AStormOfNewcomersIsSpread) {
  limits.admissions = {100, 200};
  limits.registrations_an_address = {1'000, 10'000};
  limits.requests_an_address = {10'000, 100'000};
  start();
  const Player anybody(*this);
  const std::string body =
      protocol::to_json(protocol::ChallengeRequest{anybody.keys.identity.public_key()});
  std::map<int, int> due{{0, 1'000}};  // clients by the second at which they come
  std::set<int> waits;
  int admitted = 0;
  int crowd = 0;  // the most that came in one second, after the first
  int second = 0;
  for (; !due.empty(); ++second, clock.advance(seconds(1))) {
    ASSERT_LT(second, 60);
    const auto now = due.extract(second);
    if (now.empty()) continue;
    if (second > 0) crowd = std::max(crowd, now.mapped());
    for (int i = 0; i < now.mapped(); ++i) {
      const auto reply = ask(anybody.request(io::Method::post, "/auth/challenge", body));
      if (reply.status == 200) {
        ++admitted;
        continue;
      }
      ASSERT_EQ(reply.status, 503);
      ASSERT_TRUE(reply.retry_after);
      waits.insert(*reply.retry_after);
      ++due[second + *reply.retry_after];
    }
  }
  EXPECT_EQ(admitted, 1'000);
  EXPECT_GE(waits.size(), 4u);
  EXPECT_LT(crowd, 400) << "of 800 that were sent away together";
}

}  // namespace lanrage::server::test
