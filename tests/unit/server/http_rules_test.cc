#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

class HttpRules : public ServerFixture {
 protected:
  void SetUp() override {
    start();
    device.emplace(*this);
    device->enroll();
  }
  Answer post_text(const std::string& target, const std::string& body,
                   const std::string& type = "application/json") {
    return device->call(io::Method::post, target, body, type);
  }

  std::optional<Device> device;
};

TEST_F(HttpRules, HealthAndInfoNeedNoToken) {
  device->authorization.clear();
  const auto health = device->get("/").as<protocol::HealthAnswer>();
  EXPECT_EQ(health.status, "ok");
  EXPECT_EQ(health.version, "test");
  EXPECT_EQ(health.relays, 1u);
  EXPECT_EQ(device->get("/health/live").status, 200);
  EXPECT_EQ(device->get("/health/ready").status, 200);
  const auto info = device->get("/info").as<protocol::InfoAnswer>();
  EXPECT_EQ(info.pin, io::to_text(io::pin_of(binding())));
  EXPECT_EQ(
      info.stun,
      (std::vector{*Endpoint::parse("203.0.113.10:3478"), *Endpoint::parse("203.0.113.10:3479"),
                   *Endpoint::parse("127.0.0.1:3478"), *Endpoint::parse("127.0.0.1:3479")}));
}

TEST_F(HttpRules, CountsPartiesAndPeers) {
  ASSERT_EQ(device->create().status, 200);
  const auto health = device->get("/").as<protocol::HealthAnswer>();
  EXPECT_EQ(health.parties, 1u);
  EXPECT_EQ(health.peers, 1u);
}

TEST_F(HttpRules, NamesWhatIsWrongWithABody) {
  const auto malformed = post_text("/parties", "{\"request_id\":");
  EXPECT_EQ(malformed.status, 400);
  EXPECT_EQ(malformed.code, "malformed_json");
  EXPECT_EQ(malformed.headers.find("content-type"), "application/problem+json");
  EXPECT_EQ(post_text("/parties", "[]").status, 400);

  const auto missing = post_text("/parties", "{}");
  EXPECT_EQ(missing.code, "missing_field");
  const auto wrong = post_text("/parties", R"({"request_id":7})");
  EXPECT_EQ(wrong.code, "invalid_field");
  EXPECT_EQ(protocol::read_problem(400, wrong.body).field, "request_id");
  EXPECT_EQ(post_text("/parties", R"({"request_id":"r","charter":"%%"})").code, "invalid_field");
  EXPECT_EQ(post_text("/parties", "{\"request_id\":\"\xff\"}").code, "malformed_json");
}

TEST_F(HttpRules, RefusesOtherTypesAndOversizedBodies) {
  const auto other = post_text("/parties", "a=b", "application/x-www-form-urlencoded");
  EXPECT_EQ(other.status, 415);
  EXPECT_EQ(other.code, "unsupported_media_type");
  EXPECT_EQ(post_text("/parties", "{}", "text/plain").status, 415);
  EXPECT_EQ(post_text("/parties", "{}", "Application/JSON; charset=utf-8").code, "missing_field");

  const auto large = post_text("/parties", std::string(64 * 1024 + 1, ' '));
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(large.code, "body_too_large");
}

TEST_F(HttpRules, TellsUnknownPathsFromWrongMethods) {
  EXPECT_EQ(device->get("/nothing").code, "not_found");
  EXPECT_EQ(device->get("/parties/x/y/z/w").code, "not_found");
  const auto method = device->call(io::Method::put, "/info");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.code, "method_not_allowed");
  EXPECT_EQ(method.headers.find("allow"), "GET");
  EXPECT_EQ(device->call(io::Method::put, "/parties/x").headers.find("allow"), "GET, DELETE");
  EXPECT_EQ(device->get("/parties/not-an-id").code, "invalid_field");
}

TEST_F(HttpRules, APeerThatAsksTooOftenHasToWait) {
  config.limits.requests_a_peer = {1, 3};
  restart();
  Device fast(*this);
  fast.enroll();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(fast.get("/relays").status, 200);
  const auto refused = fast.get("/relays");
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.headers.find("retry-after"));
  Device other(*this);
  other.enroll();
  EXPECT_EQ(other.get("/relays").status, 200) << "others aren't held up";
}

TEST_F(HttpRules, AnAddressThatAsksTooOftenHasToWait) {
  config.limits.requests_an_address = {1, 3};
  restart();
  Device fast(*this);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(fast.get("/").status, 200);
  EXPECT_EQ(fast.get("/").code, "rate_limited");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(fast.get("/").status, 200);
}

}  // namespace lanrage::server::test
