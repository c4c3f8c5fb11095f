// What a server logs, at its most talkative, while everything happens that it knows of.
#include "base/encoding.hpp"
#include "unit/server/limits_fixture.hpp"

namespace lanrage::server::test {

namespace {

class LogSecrets : public CoreFixture {
 protected:
  void hide(const std::string& what, ByteView bytes) {
    hidden.push_back({what, to_hex(bytes)});
    hidden.push_back({what, to_base32(bytes)});
    // Without its last characters, which depend on padding and alphabet.
    const std::string base64 = to_base64(bytes);
    hidden.push_back({what, base64.substr(0, base64.size() - 4)});
    hidden.push_back({what, std::string(bytes.begin(), bytes.end())});
  }
  void hide(const std::string& what, std::string_view text) {
    hidden.push_back({what, std::string(text)});
  }
  void hide(const Player& player) {
    hide("token", std::string_view(player.authorization).substr(7));
    hide("identity key", player.keys.identity.seed().expose());
    hide("box key", player.keys.box.bytes().expose());
    hide("WireGuard key", player.keys.wireguard.bytes().expose());
    if (player.made) {
      hide("root key", player.made->root.seed().expose());
      hide("party key", player.made->key.key().expose());
      hide("invite", player.made->invite.expose());
    }
  }

  std::vector<std::pair<std::string, std::string>> hidden;
};

}  // namespace

TEST_F(LogSecrets, NoTokenKeyOrSecretIsLogged) {
  creation.kind = protocol::CreatePolicy::word;
  limits.requests_a_peer = {1, 30};
  start();
  Player host(*this);
  Player guest(*this, "2001:db8::1");
  host.enroll();
  guest.enroll();
  ASSERT_EQ(host.create("a-wrong-word").code, "wrong_word");
  ASSERT_EQ(host.create(creation.word).status, 200);
  ASSERT_EQ(guest.join(host).status, 200);
  const auto socket = guest.connect();
  socket->say(ws::Subscribe{host.made->id, "sub"});
  socket->say(ws::Auth{*protocol::BearerToken::from_header(guest.authorization)});
  socket->say(ws::Auth{*protocol::BearerToken::from_header(host.authorization)});  // another's
  EXPECT_TRUE(socket->closed);
  const Bytes payload(40, 0x5A);
  ASSERT_EQ(
      host.post(host.party + "/signals", protocol::PostSignalRequest{guest.id(), payload}).status,
      204);
  ASSERT_EQ(ask(host.update(1)).status, 200);
  const crypto::SigningKey bind = crypto::SigningKey::generate(random);
  host.post(host.party + "/relay-token", protocol::RelayTokenRequest{bind.public_key()});

  // Denials and faults, with what was wrong in them.
  Player thief(*this, "192.0.2.66");
  thief.authorization = "Bearer a-made-up-token-of-somebody";
  EXPECT_EQ(thief.get("/relays").code, "unknown_token");
  EXPECT_EQ(thief.connect(), nullptr);
  EXPECT_EQ(thief.call(io::Method::post, "/relays", "{}").code, "unknown_token");
  EXPECT_EQ(thief.get("/" + thief.authorization).code, "not_found");
  thief.call(io::Method::post, "/auth/register?peer_id=" + thief.id().to_string(), "{}");
  Player relay(*this);
  relay.authorization = "Bearer " + std::string(keys->enrolment_key.expose());
  const protocol::EnrollRelayRequest request{
      RelayId{{7}}.to_string(), "eu", {*Endpoint::parse("0.0.0.0:51820")}, {}, 100, 7};
  ASSERT_EQ(relay.post("/relays", request).status, 200);
  while (host.get("/relays").status == 200) {
  }
  clock.advance(std::chrono::hours(25));
  core->tick();
  EXPECT_EQ(host.get("/relays").code, "expired_token");
  core->stop();
  core->flush();
  run_store();

  hide(host);
  hide(guest);
  hide("wrong word", "a-wrong-word");
  hide("made-up token", "a-made-up-token");
  hide("join word", creation.word);
  hide("enrolment key", keys->enrolment_key.expose());
  hide("relay key", keys->relay_key.seed().expose());
  hide("nonce secret", keys->nonce_secret.expose());
  hide("signal", payload);
  const std::string log = log_text();
  EXPECT_NE(log.find("level=debug event=party_event"), std::string::npos) << log;
  EXPECT_NE(log.find("what=denied"), std::string::npos) << log;
  EXPECT_NE(log.find("reason=expired_token"), std::string::npos) << log;
  for (const auto& [what, text] : hidden) {
    ASSERT_GE(text.size(), 6u) << what;
    EXPECT_EQ(log.find(text), std::string::npos) << what << " in\n" << log;
  }
}

}  // namespace lanrage::server::test
