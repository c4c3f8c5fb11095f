#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

class Registration : public ServerFixture {
 protected:
  void SetUp() override { start(); }
};

TEST_F(Registration, ADeviceProvesItsKeyAndGetsATokenForADay) {
  Device device(*this);
  const auto challenge = device.challenge();
  EXPECT_EQ(challenge.expires_at, clock.unix_time() + std::chrono::seconds(30));
  const auto answer = device.answer_challenge(challenge.nonce).as<protocol::RegisterAnswer>();
  EXPECT_EQ(answer.peer_id, device.id());
  EXPECT_EQ(answer.expires_at, clock.unix_time() + std::chrono::hours(24));
  device.authorization = answer.token.header();
  EXPECT_EQ(device.get("/relays").status, 200);
}

TEST_F(Registration, RefusesAForgedSignature) {
  Device device(*this);
  Device thief(*this);
  const auto nonce = device.challenge().nonce;
  protocol::RegisterRequest request;
  request.identity = device.keys.identity.public_key();
  request.nonce = nonce;
  request.signature = party::prove_identity(thief.keys.identity, binding(), nonce);
  EXPECT_EQ(device.post("/auth/register?peer_id=" + device.id().to_string(), request).code,
            "bad_signature");
  // For another server, as one that forwards our challenge would get it.
  request.signature = party::prove_identity(device.keys.identity, crypto::Hash{}, nonce);
  EXPECT_EQ(device.post("/auth/register?peer_id=" + device.id().to_string(), request).code,
            "bad_signature");
}

TEST_F(Registration, RefusesAPeerIdThatIsNotTheKeys) {
  Device device(*this);
  Device other(*this);
  const auto nonce = device.challenge().nonce;
  protocol::RegisterRequest request;
  request.identity = device.keys.identity.public_key();
  request.nonce = nonce;
  request.signature = party::prove_identity(device.keys.identity, binding(), nonce);
  const auto refused = device.post("/auth/register?peer_id=" + other.id().to_string(), request);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.code, "peer_id_mismatch");
  EXPECT_EQ(device.post("/auth/register", request).code, "missing_field");
  EXPECT_EQ(device.post("/auth/register?peer_id=nonsense", request).code, "invalid_field");
}

TEST_F(Registration, ANonceWorksOnceForItsIdentityAndInItsTime) {
  Device device(*this);
  const auto nonce = device.challenge().nonce;
  EXPECT_EQ(device.answer_challenge(nonce).status, 200);
  EXPECT_EQ(device.answer_challenge(nonce).code, "used_nonce");

  Device other(*this);
  EXPECT_EQ(device.answer_challenge(other.challenge().nonce).code, "malformed_nonce");
  EXPECT_EQ(device.answer_challenge(Bytes(56)).code, "malformed_nonce");
  EXPECT_EQ(device.answer_challenge(Bytes(7)).code, "malformed_nonce");

  const auto late = device.challenge().nonce;
  clock.advance(std::chrono::seconds(30));
  EXPECT_EQ(device.answer_challenge(late).code, "expired_nonce");
}

TEST_F(Registration, AUsedNonceStaysUsedOverARestart) {
  Device device(*this);
  const auto nonce = device.challenge().nonce;
  ASSERT_EQ(device.answer_challenge(nonce).status, 200);
  restart();
  Device again(*this);
  again.keys = device.keys;
  EXPECT_EQ(again.answer_challenge(nonce).code, "used_nonce");
}

TEST_F(Registration, MissingMalformedUnknownAndExpiredTokensAreToldApart) {
  Device device(*this);
  const auto code = [&](std::string header) {
    device.authorization = std::move(header);
    const auto refused = device.get("/relays");
    EXPECT_EQ(refused.status, 401);
    return refused.code;
  };
  EXPECT_EQ(code(""), "missing_token");
  EXPECT_EQ(code("Bearer short"), "malformed_token");
  EXPECT_EQ(code("Basic dXNlcjpwYXNz"), "malformed_token");
  EXPECT_EQ(code("Bearer " + std::string(43, 'A')), "unknown_token");

  device.enroll();
  const auto header = device.authorization;
  clock.advance(std::chrono::hours(24));
  EXPECT_EQ(code(header), "expired_token");
  clock.advance(std::chrono::hours(23));
  server().tick();
  EXPECT_EQ(code(header), "expired_token") << "for another day";
  clock.advance(std::chrono::hours(2));
  server().tick();
  EXPECT_EQ(code(header), "unknown_token");
}

TEST_F(Registration, ARevokedTokenIsNoLongerGood) {
  Device device(*this);
  device.enroll();
  EXPECT_EQ(device.call(io::Method::del, "/auth/token").status, 204);
  EXPECT_EQ(device.get("/relays").code, "expired_token");
}

TEST_F(Registration, TokensSurviveARestart) {
  Device device(*this);
  device.enroll();
  const auto header = device.authorization;
  restart();
  Device again(*this);
  again.authorization = header;
  EXPECT_EQ(again.get("/relays").status, 200);
}

TEST_F(Registration, AnAddressThatAsksTooOftenHasToWait) {
  Device device(*this);
  const auto body =
      protocol::to_json(protocol::ChallengeRequest{device.keys.identity.public_key()});
  Answer answer;
  int served = 0;
  while ((answer = device.call(io::Method::post, "/auth/challenge", body)).status == 200)
    ASSERT_LT(++served, 1000);
  EXPECT_EQ(served, 60);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.code, "rate_limited");
  EXPECT_TRUE(answer.headers.find("retry-after"));
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(device.call(io::Method::post, "/auth/challenge", body).status, 200);
}

}  // namespace lanrage::server::test
