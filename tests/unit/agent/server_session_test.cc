// Single requests: what is repeated, when, and with what.
#include "agent/remote_control_plane.hpp"
#include "agent/server_control_plane.hpp"
#include "unit/agent/control_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using ServerSessionTest = ControlPlaneTest;
using protocol::Errc;

const io::HttpResponse kOk = io::HttpResponse::json(200, R"({"seq":7})");

TEST_F(ServerSessionTest, RegistersOnceForManyRequests) {
  server.on("GET /x", "{}");
  const auto shared = session();
  int answers = 0;
  for (int i = 0; i < 5; ++i)
    boost::asio::co_spawn(
        io, [shared] { return shared->call(io::Method::get, "/x"); },
        [&](const std::exception_ptr&, const Result<std::string>& answer) {
          answers += answer ? 1 : 0;
        });
  until([&] { return answers == 5; });
  EXPECT_EQ(server.seen("POST /auth/register").size(), 1u);
  EXPECT_EQ(server.seen("GET /x").back().authorization, "Bearer token-number-1001");
}

TEST_F(ServerSessionTest, AFailedRegistrationIsTheAnswerOfAllWhoWaited) {
  server.on("POST /auth/challenge", {problem(Errc::unavailable)});
  const auto shared = session();
  int failures = 0;
  for (int i = 0; i < 3; ++i)
    boost::asio::co_spawn(
        io, [shared] { return shared->token(); },
        [&](const std::exception_ptr&, const Result<protocol::BearerToken>& token) {
          failures += !token && token.error().is(Errc::unavailable) ? 1 : 0;
        });
  until([&] { return failures == 3; });
  EXPECT_EQ(server.seen("POST /auth/challenge").size(), 4u) << "the attempts of one";
  // Who comes later tries again.
  EXPECT_FALSE(run(shared->token()));
  EXPECT_EQ(server.seen("POST /auth/challenge").size(), 8u);
}

TEST_F(ServerSessionTest, WaitsAsLongAsTheServerAsksAndSaysTheSameAgain) {
  server.on("POST /parties", {problem(Errc::unavailable, 3), problem(Errc::rate_limited, 5), kOk});
  const auto answer = run(session()->call(io::Method::post, "/parties", R"({"request_id":"r1"})"));
  ASSERT_TRUE(answer) << answer.error().message();
  ASSERT_EQ(pauses.size(), 2u);
  EXPECT_GT(pauses[0], 3s);
  EXPECT_LE(pauses[0], 3s + 500ms);
  EXPECT_GT(pauses[1], 5s);
  const auto seen = server.seen("POST /parties");
  ASSERT_EQ(seen.size(), 3u);
  for (const auto& one : seen)
    EXPECT_EQ(one.body, R"({"request_id":"r1"})");
}

TEST_F(ServerSessionTest, ALongWaitIsThePlayersToDecide) {
  server.on("POST /parties", {problem(Errc::rate_limited, 11)});
  const auto answer = run(session()->call(io::Method::post, "/parties", "{}"));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(Errc::rate_limited));
  EXPECT_TRUE(pauses.empty());
}

TEST_F(ServerSessionTest, GivesUpAfterFourAttemptsWithWhatWasSaid) {
  io::HttpResponse page;
  page.status = 502;
  page.body = "<html>bad gateway</html>";
  server.on("GET /x", {page});
  const auto answer = run(session()->call(io::Method::get, "/x"));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(Errc::unexpected_answer)) << answer.error().code();
  EXPECT_EQ(server.seen("GET /x").size(), 4u);
  ASSERT_EQ(pauses.size(), 3u);
  EXPECT_GE(pauses[2], 1000ms);
  EXPECT_LE(pauses[2], 2s);
}

TEST_F(ServerSessionTest, NoAttemptBeginsAfterTheBudget) {
  server.on("GET /x", {problem(Errc::unavailable)});
  RetryRules rules;
  rules.budget = 0ms;
  EXPECT_FALSE(run(session(server.port(), rules)->call(io::Method::get, "/x")));
  EXPECT_EQ(server.seen("GET /x").size(), 1u);
}

TEST_F(ServerSessionTest, WhatIsWrongStaysWrong) {
  server.on("POST /parties", {problem(Errc::wrong_word), kOk});
  const auto answer = run(session()->call(io::Method::post, "/parties", "{}"));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(Errc::wrong_word));
  EXPECT_EQ(server.seen("POST /parties").size(), 1u);
}

TEST_F(ServerSessionTest, ACommandCutInItsAnswerIsRepeatedWithItsRequestId) {
  server.on("POST /parties/" + party.to_string() + "/join", {kOk});
  server.on("DELETE /parties/" + party.to_string() + "/peers/" + keys.peer_id().to_string(), {kOk});
  CuttingProxy proxy(io, server.port());
  proxy.cut(R"("seq")", 2);
  const auto control = std::make_shared<RemoteControlPlane>(session(proxy.port()));
  const auto left = run(control->leave(party, {"the-request", Bytes{1, 2, 3}}));
  ASSERT_TRUE(left) << left.error().message();
  EXPECT_EQ(left->seq, 7u);
  const auto seen =
      server.seen("DELETE /parties/" + party.to_string() + "/peers/" + keys.peer_id().to_string());
  ASSERT_EQ(seen.size(), 3u);
  for (const auto& one : seen) {
    EXPECT_EQ(one.body, seen[0].body);
    EXPECT_NE(one.body.find("the-request"), std::string::npos);
  }
}

// Each command as ControlPlane has it: the second attempt is the first one's copy.
TEST_F(ServerSessionTest, EveryCommandKeepsItsBodyOverARetry) {
  const auto control = std::make_shared<RemoteControlPlane>(session());
  const auto self = "/parties/" + party.to_string() + "/peers/" + keys.peer_id().to_string();
  const auto twice = [&](const std::string& line, auto call) {
    server.on(line, {problem(Errc::unavailable), problem(Errc::wrong_word)});
    run(call());
    const auto seen = server.seen(line);
    ASSERT_EQ(seen.size(), 2u) << line;
    EXPECT_EQ(seen[0].body, seen[1].body) << line;
    EXPECT_NE(seen[0].body.find("\"request_id\":\"r\""), std::string::npos) << line;
  };
  twice("POST /parties", [&] {
    protocol::CreatePartyRequest request;
    request.request_id = "r";
    return control->create_party(request);
  });
  twice("POST /parties/" + party.to_string() + "/join", [&] {
    protocol::JoinRequest request;
    request.request_id = "r";
    return control->join(party, request);
  });
  twice("PATCH " + self, [&] {
    protocol::UpdatePeerRequest request;
    request.request_id = "r";
    return control->update(party, request);
  });
  twice("POST /parties/" + party.to_string() + "/invites",
        [&] { return control->add_invite(party, {"r", Bytes{1}, Bytes{2}}); });
  twice("DELETE " + self, [&] { return control->leave(party, {"r", Bytes{1}}); });
}

TEST_F(ServerSessionTest, AnExpiredTokenIsReplacedOnce) {
  server.on("GET /x", {problem(Errc::expired_token), io::HttpResponse::json(200, "{}")});
  const auto shared = session();
  EXPECT_TRUE(run(shared->call(io::Method::get, "/x")));
  const auto seen = server.seen("GET /x");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].authorization, "Bearer token-number-1001");
  EXPECT_EQ(seen[1].authorization, "Bearer token-number-1002");

  server.on("GET /y", {problem(Errc::unknown_token)});
  const auto refused = run(shared->call(io::Method::get, "/y"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::unknown_token));
  EXPECT_EQ(server.seen("GET /y").size(), 2u);
}

TEST_F(ServerSessionTest, ARegistrationWhoseAnswerWasLostBeginsWithANewChallenge) {
  server.on("GET /x", "{}");
  CuttingProxy proxy(io, server.port());
  proxy.cut(R"("token")", 1);
  EXPECT_TRUE(run(session(proxy.port())->call(io::Method::get, "/x")));
  EXPECT_EQ(server.seen("POST /auth/challenge").size(), 2u);
  EXPECT_EQ(server.seen("POST /auth/register").size(), 2u);
}

TEST_F(ServerSessionTest, AUsedNonceIsNoReasonToGiveUp) {
  int registrations = 0;
  server.on("POST /auth/register", [&](const auto&) {
    if (++registrations == 1) return problem(Errc::used_nonce);
    protocol::RegisterAnswer answer;
    answer.token.text = "a-token-of-the-test";
    answer.expires_at = UnixTime(std::chrono::hours(1'000'000));
    return io::HttpResponse::json(200, protocol::to_json(answer));
  });
  EXPECT_TRUE(run(session()->token()));
  EXPECT_EQ(server.seen("POST /auth/challenge").size(), 2u);
}

TEST_F(ServerSessionTest, AServerThatWasAwayIsFoundAgain) {
  server.on("GET /x", "{}");
  const auto shared = session();
  EXPECT_TRUE(run(shared->call(io::Method::get, "/x")));
  server.stop();
  const auto away = run(shared->call(io::Method::get, "/x"));
  ASSERT_FALSE(away);
  EXPECT_TRUE(away.error().is(io::ClientErrc::server_unreachable)) << away.error().code();
  EXPECT_EQ(pauses.size(), 3u);
  server.start();
  EXPECT_TRUE(run(shared->call(io::Method::get, "/x")));
}

TEST_F(ServerSessionTest, ClosingEndsAPause) {
  server.on("GET /x", {problem(Errc::unavailable, 9)});
  const auto origin = io::Origin::parse("http://127.0.0.1:" + std::to_string(server.port()));
  const auto shared = std::make_shared<ServerSession>(io, *origin, keys, log);
  std::optional<Result<std::string>> answer;
  boost::asio::co_spawn(
      io, [shared] { return shared->call(io::Method::get, "/x"); },
      [&](const std::exception_ptr&, Result<std::string> value) { answer = std::move(value); });
  until([&] { return server.seen("GET /x").size() == 1; });
  until([&] {
    shared->close();
    return answer.has_value();
  });
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(server.seen("GET /x").size(), 1u);
}

}  // namespace
}  // namespace lanrage::agent::test
