// Raw requests that no agent would send: each gets its status and problem code, and changes
// nothing.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "lab_fixture.hpp"
#include "server_counts.hpp"
#include "support/https.hpp"

namespace lanrage::lab {
namespace {

using Request = HttpsClient::Request;

// The one SQLite database below the data directory.
std::filesystem::path database_of(const Server& server) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server.data_dir())) {
    std::string magic(15, '\0');
    std::ifstream(entry.path(), std::ios::binary).read(magic.data(), 15);
    if (magic == "SQLite format 3") return entry.path();
  }
  throw LabError("the server keeps no SQLite database");
}

// Time can't be moved, so the token's end is: to its own beginning, in whatever unit.
void expire_all_tokens(const Server& server) {
  sqlite3* database = nullptr;
  int result = sqlite3_open(database_of(server).c_str(), &database);
  if (result == SQLITE_OK)
    result = sqlite3_exec(database, "UPDATE auth_tokens SET expires_at = created_at", nullptr,
                          nullptr, nullptr);
  const int changed = result == SQLITE_OK ? sqlite3_changes(database) : 0;
  sqlite3_close(database);
  if (changed < 1) throw LabError("no token could be expired");
}

class ApiRefusals : public LabTest {
 protected:
  void SetUp() override {
    const HttpsReply registered = mallory_.register_at(client_);
    ASSERT_FALSE(mallory_.token().empty()) << registered.status << ' ' << registered.body;
    before_ = server_counts(server_);
  }

  void expect_refused(const Request& request, int status, const std::string& code,
                      const std::string& field = {}) {
    SCOPED_TRACE(request.method + " " + request.target + " -> " + code);
    const HttpsReply reply = client_.send(request);
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.code(), code) << reply.body;
    if (!field.empty()) EXPECT_EQ(text(reply, "field"), field) << reply.body;
    EXPECT_FALSE(text(reply, "detail").empty()) << reply.body;
    EXPECT_EQ(server_counts(server_), before_);
  }

  static std::string text(const HttpsReply& reply, const char* key) {
    const auto* object = reply.json.if_object();
    const auto* value = object == nullptr ? nullptr : object->if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  }

  Request get_party(const std::string& token) const {
    return {.target = "/parties/" + hosted_.party_id, .token = token};
  }

  Server& server_ = add_server();
  HttpsClient client_ = https_client(server_);
  Player& alice_ = add_player("alice", NatKind::open);
  Membership hosted_ = alice_.create(server_, "game night");
  ApiIdentity mallory_;
  std::map<std::string, std::int64_t> before_;
};

TEST_F(ApiRefusals, Tokens) {
  expect_refused(get_party(""), 401, "missing_token");
  expect_refused(get_party("!"), 401, "malformed_token");
  std::string unknown = mallory_.token();
  unknown[0] = unknown[0] == 'b' ? 'c' : 'b';
  expect_refused(get_party(unknown), 401, "unknown_token");
  server_.kill();
  expire_all_tokens(server_);
  server_.start();
  expect_refused(get_party(mallory_.token()), 401, "expired_token");
}

TEST_F(ApiRefusals, PeerIdsOfOthers) {
  ApiIdentity impostor;
  const HttpsReply reply = impostor.register_at(client_, hosted_.peer_id);
  EXPECT_EQ(reply.status, 403) << reply.body;
  EXPECT_EQ(reply.code(), "peer_id_mismatch") << reply.body;
  EXPECT_TRUE(impostor.token().empty());
  const std::string peers = "/parties/" + hosted_.party_id + "/peers/";
  const auto heartbeat = [&](const std::string& peer) {
    return Request{.method = "POST",
                   .target = peers + peer + "/heartbeat",
                   .token = mallory_.token(),
                   .body = "{}"};
  };
  expect_refused(heartbeat(hosted_.peer_id), 403, "peer_id_mismatch");
  expect_refused(heartbeat(mallory_.peer_id()), 404, "unknown_party");
  EXPECT_EQ(server_counts(server_), before_);
}

TEST_F(ApiRefusals, PartiesOfOthersAndNoPartiesLookTheSame) {
  expect_refused(get_party(mallory_.token()), 404, "unknown_party");
  expect_refused({.target = "/parties/" + mallory_.peer_id(), .token = mallory_.token()}, 404,
                 "unknown_party");
}

TEST_F(ApiRefusals, MalformedBodies) {
  const auto challenge = [](std::string body) {
    return Request{.method = "POST", .target = "/auth/challenge", .body = std::move(body)};
  };
  expect_refused(challenge("{\"identity\":"), 400, "malformed_json");
  expect_refused(challenge("{\"identity\": \"\xff\"}"), 400, "malformed_json");
  expect_refused(challenge("{}"), 400, "missing_field", "identity");
  expect_refused(challenge("{\"identity\": 5}"), 400, "invalid_field", "identity");
  expect_refused(challenge("{\"identity\": \"" + std::string(70'000, 'A') + "\"}"), 413,
                 "body_too_large");
  Request text = challenge("{}");
  text.content_type = "text/plain";
  expect_refused(text, 415, "unsupported_media_type");
  expect_refused({.target = "/no/such/thing"}, 404, "not_found");
}

}  // namespace
}  // namespace lanrage::lab
