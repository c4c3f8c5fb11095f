// Enrolling, listing and removing relays over HTTP.
#include "relay/token.hpp"
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

class RelayRoutes : public ServerFixture {
 protected:
  void SetUp() override {
    config.services.relay_id = RelayId{{200}}.to_string();
    start();
    relay.emplace(*this);
    show_key();
    player.emplace(*this);
    player->enroll();
  }
  void show_key() {
    relay->authorization = "Bearer " + std::string(config.keys.enrolment_key.expose());
  }
  static protocol::EnrollRelayRequest request(std::uint8_t n, const std::string& region = "eu") {
    return {RelayId{{n}}.to_string(), region, {*Endpoint::parse("0.0.0.0:51820")}, {}, 100, 7};
  }
  std::vector<protocol::Relay> listed(const std::string& path = "/relays") {
    return player->get(path).as<protocol::RelaysAnswer>().relays;
  }

  std::optional<Device> relay;
  std::optional<Device> player;
};

TEST_F(RelayRoutes, ARelayEnrollsIsListedEverywhereAndLeaves) {
  const auto answer = relay->post("/relays", request(1)).as<protocol::EnrollRelayAnswer>();
  EXPECT_EQ(answer.relay_id, request(1).relay_id);
  EXPECT_EQ(answer.token_key, config.keys.relay_key.public_key());
  EXPECT_EQ(answer.heartbeat_interval_s, 30u);
  const std::vector endpoints{*Endpoint::parse("127.0.0.1:51820")};
  EXPECT_EQ(answer.endpoints, endpoints);

  const protocol::Relay expected{request(1).relay_id, "eu", endpoints, {}, 100, 7};
  ASSERT_EQ(listed().size(), 2u);
  EXPECT_EQ(listed()[0].id, config.services.relay_id);
  EXPECT_EQ(listed()[1], expected);
  EXPECT_EQ(listed("/relays/eu"), std::vector{expected});
  EXPECT_EQ(listed("/relays/default").size(), 1u);
  EXPECT_TRUE(listed("/relays/mars").empty());
  EXPECT_EQ(player->get("/info").as<protocol::InfoAnswer>().relays.back(), expected);
  EXPECT_EQ(player->get("/").as<protocol::HealthAnswer>().relays, 2u);
  auto party = player->create_request("create-1");
  party.bind_key = crypto::SigningKey::generate(random).public_key();
  const auto created = player->post("/parties", party).as<protocol::PartyAnswer>();
  ASSERT_TRUE(created.relay);
  EXPECT_EQ(created.relay->relays.back(), expected);

  const std::string path = "/relays/" + request(1).relay_id;
  EXPECT_EQ(relay->call(io::Method::del, path).status, 204);
  EXPECT_EQ(listed().size(), 1u);
  EXPECT_EQ(relay->call(io::Method::del, path).code, "not_found");
}

TEST_F(RelayRoutes, OnlyTheKeyOpensTheRegistry) {
  const auto body = protocol::to_json(request(1));
  const auto attempt = [&](const std::string& authorization) {
    relay->authorization = authorization;
    const auto answer = relay->call(io::Method::post, "/relays", body);
    EXPECT_EQ(answer.status, 401);
    return answer.code;
  };
  EXPECT_EQ(attempt(""), "missing_token");
  EXPECT_EQ(attempt("Bearer short"), "malformed_token");
  EXPECT_EQ(attempt(player->authorization), "unknown_token") << "a player's token is none";
  testing::internal::CaptureStderr();
  EXPECT_EQ(attempt("Bearer wrong-wrong-wrong-wrong"), "unknown_token");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("what=denied route=/relays reason=unknown_token"), std::string::npos) << log;
  EXPECT_EQ(log.find("wrong-wrong"), std::string::npos) << log;
  EXPECT_EQ(relay->call(io::Method::del, "/relays/" + config.services.relay_id).status, 401);
  EXPECT_EQ(listed().size(), 1u);
  // Nor is the key a player's token.
  show_key();
  EXPECT_EQ(relay->get("/relays").code, "unknown_token");
  EXPECT_NE(metrics.text().find("refused_total{reason=\"unknown_token\"}"), std::string::npos);
}

TEST_F(RelayRoutes, WrongKeysAreSlowedDown) {
  relay->authorization = "Bearer wrong-wrong-wrong-wrong";
  for (int guess = 0; guess < 10; ++guess)
    EXPECT_EQ(relay->post("/relays", request(1)).status, 401);
  const auto refused = relay->post("/relays", request(1));
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.headers.find("retry-after"));
}

TEST_F(RelayRoutes, BadRequestsNameTheField) {
  auto bad = request(1);
  bad.region = "EU";
  const auto refused = relay->post("/relays", bad);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(protocol::read_problem(400, refused.body).field, "region");
  EXPECT_EQ(relay->call(io::Method::post, "/relays", R"({"relay_id":1})").code, "invalid_field");
  EXPECT_EQ(relay->call(io::Method::post, "/relays", "{}").code, "missing_field");
  EXPECT_EQ(relay->call(io::Method::post, "/relays", "{", "text/plain").code,
            "unsupported_media_type");
  bad = request(1);
  bad.endpoints.assign(17, *Endpoint::parse("192.0.2.1:1"));
  EXPECT_EQ(relay->post("/relays", bad).code, "invalid_field");
  EXPECT_EQ(relay->post("/relays", request(200)).code, "forbidden") << "the server's own";
  EXPECT_EQ(relay->call(io::Method::put, "/relays", "{}").status, 405);
}

TEST_F(RelayRoutes, SilentRelaysAreForgottenAndOthersSurviveARestart) {
  ASSERT_EQ(relay->post("/relays", request(1)).status, 200);
  restart();
  player.emplace(*this);
  player->enroll();
  EXPECT_EQ(listed().size(), 2u);
  relay.emplace(*this);
  show_key();
  ASSERT_EQ(relay->post("/relays", request(1)).status, 200) << "the key is the same";
  clock.advance(config.limits.relay_silent - std::chrono::milliseconds(1));
  server().tick();
  EXPECT_EQ(listed().size(), 2u);
  clock.advance(config.limits.cleanup_interval);
  server().tick();
  EXPECT_EQ(listed().size(), 1u);
}

}  // namespace lanrage::server::test
