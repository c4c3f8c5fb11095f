#include "unit/io/websocket_fixture.hpp"

namespace lanrage::io {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(WebSocketTest, EchoesTextsOverTls) {
  start(server_tls());
  auto client = WebSocketClient::make(io, origin());
  EXPECT_FALSE(client->is_open());
  EXPECT_FALSE(client->send("too early"));
  ASSERT_TRUE(open(*client));
  EXPECT_EQ(authorization, "Bearer abc");
  EXPECT_TRUE(client->is_open());
  for (std::size_t size : {0u, 1u, 125u, 126u, 65'535u, 65'536u}) {
    std::string text(size, 'x');
    ASSERT_TRUE(client->send(text));
    auto got = run(client->receive());
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(*got, text);
  }
  EXPECT_EQ(server->counters().websockets, 1u);
}

TEST_F(WebSocketTest, DeliversWhatWasSentBeforeTheCloseThenTellsOfIt) {
  start(server_tls());
  auto client = WebSocketClient::make(io, origin());
  ASSERT_TRUE(open(*client));
  run_until([&] { return !sessions.empty(); });
  auto& session = sessions.front();
  session.socket->send(std::make_shared<const std::string>("last words"));
  session.socket->close(kClosePolicy, "kicked");
  session.socket->send(std::make_shared<const std::string>("never sent"));
  EXPECT_EQ(run(client->receive()).value(), "last words");
  auto end = run(client->receive());
  ASSERT_FALSE(end);
  EXPECT_TRUE(end.error().is(ClientErrc::closed));
  EXPECT_THAT(end.error().message(), HasSubstr("1008: kicked"));
  EXPECT_FALSE(client->is_open());
  EXPECT_FALSE(client->send("late"));
  run_until([&] { return session.closes == 1; });
  EXPECT_EQ(session.code, kClosePolicy);
  EXPECT_EQ(server->counters().websockets, 0u);
  run_until([&] { return server->counters().open == 0; });
}

TEST_F(WebSocketTest, KnowsACleanCloseOfTheClientAtOnce) {
  start(server_tls());
  auto client = WebSocketClient::make(io, origin());
  ASSERT_TRUE(open(*client));
  client->send("a");
  client->close(kCloseNormal, "bye");
  auto& session = sessions.front();
  run_until([&] { return session.closes == 1; });
  EXPECT_EQ(session.code, kCloseNormal);
  EXPECT_EQ(session.reason, "bye");
  EXPECT_EQ(session.texts, std::vector<std::string>{"a"});
}

TEST_F(WebSocketTest, KnowsACutConnection) {
  start(server_tls());
  auto client = WebSocketClient::make(io, origin());
  ASSERT_TRUE(open(*client));
  client.reset();
  run_until([&] { return sessions.front().closes == 1; });
  EXPECT_EQ(sessions.front().code, kCloseAbnormal);
}

TEST_F(WebSocketTest, GivesTheRefusalOfAnUpgrade) {
  start(server_tls());
  auto client = WebSocketClient::make(io, origin());
  auto refused = open(*client, "/elsewhere");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ClientErrc::upgrade_refused));
  EXPECT_THAT(refused.error().message(), HasSubstr("unknown_token"));
  ASSERT_TRUE(client->refusal());
  EXPECT_EQ(client->refusal()->status, 401);
  EXPECT_TRUE(sessions.empty());
}

TEST_F(WebSocketTest, ChecksThePin) {
  start(server_tls());
  Origin wrong = origin();
  (*wrong.policy.pin)[0] ^= 1;
  auto client = WebSocketClient::make(io, wrong);
  EXPECT_TRUE(open(*client).error().is(ClientErrc::pin_mismatch));
}

TEST_F(WebSocketTest, RefusesMessagesOverTheLimitAndBinaryOnes) {
  start(server_tls());
  auto client = WebSocketClient::make(io, origin());
  ASSERT_TRUE(open(*client));
  client->send(std::string(64 * 1024 + 1, 'x'));
  run_until([&] { return sessions.front().closes == 1; });
  EXPECT_EQ(sessions.front().code, kCloseTooBig);
  EXPECT_TRUE(sessions.front().texts.empty());
  EXPECT_THAT(run(client->receive()).error().message(), HasSubstr("1009"));

  server.reset();
  sessions.clear();
  start(nullptr);
  auto socket = upgrade_raw();
  write_raw(socket, std::string("\x82\x81\x00\x00\x00\x00x", 7));  // binary, masked with zeros
  EXPECT_THAT(read_raw(socket, "frames only"), StartsWith("\x88"));
  EXPECT_TRUE(sessions.front().texts.empty());
  server.reset();
  sessions.clear();
  start(nullptr);
  auto other = upgrade_raw();
  write_raw(other, std::string("\x81\x82\x00\x00\x00\x00\xC0\x80", 8));  // overlong UTF-8
  read_raw(other);
  run_until([&] { return sessions.front().closes == 1; });
  EXPECT_TRUE(sessions.front().texts.empty());
}

TEST_F(WebSocketTest, OverflowDropsTheQueueAndAsksForOneSnapshot) {
  ServerLimits limits;
  limits.queue_bytes = 100'000;
  start(nullptr, limits);
  auto socket = upgrade_raw();
  auto& session = sessions.front();
  // One frame larger than the kernel's buffers, so that it stays in flight until we read.
  auto big = std::make_shared<const std::string>(16 * 1024 * 1024, 'b');
  session.socket->send(big);
  auto small = std::make_shared<const std::string>(1000, 's');
  for (int i = 0; i < 1000; ++i)
    session.socket->send(small);
  EXPECT_EQ(session.socket->queued_bytes(), big->size());
  io.restart();
  io.poll();
  EXPECT_EQ(session.overflows, 0);  // nobody has read: a snapshot would only queue up
  std::string got = read_raw(socket, "snapshot");
  EXPECT_EQ(session.overflows, 1);
  EXPECT_EQ(got.find("sss"), std::string::npos);
  session.socket->send(std::make_shared<const std::string>("news"));
  EXPECT_THAT(read_raw(socket, "news"), HasSubstr("news"));
}

TEST_F(WebSocketTest, PingsAndFindsADeadPeer) {
  ServerLimits limits;
  limits.ping_every = std::chrono::milliseconds(20);
  limits.dead_after = std::chrono::milliseconds(200);
  start(nullptr, limits);
  auto socket = upgrade_raw();
  EXPECT_EQ(read_raw(socket, std::string("\x89\x00", 2)).substr(0, 2), std::string("\x89\x00", 2));
  EXPECT_EQ(sessions.front().closes, 0);
  run_until([&] { return sessions.front().closes == 1; });  // we never answered
  EXPECT_EQ(sessions.front().code, kCloseAbnormal);
  EXPECT_EQ(server->counters().open, 0u);
}

TEST_F(WebSocketTest, AClientFindsADeadServer) {
  ServerLimits quiet;
  start(nullptr, quiet);
  // Accepts the upgrade, then says nothing: pings of the client stay unanswered.
  Tcp::acceptor mute(io, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  ClientLimits limits;
  limits.ping_every = std::chrono::milliseconds(20);
  limits.dead_after = std::chrono::milliseconds(200);
  Tcp::socket near(io);
  Tcp::socket far(io);
  std::array<char, 2048> request;
  std::array<char, 2048> answer;
  mute.async_accept(near, [&](boost::system::error_code) {
    near.async_read_some(
        boost::asio::buffer(request), [&](boost::system::error_code, std::size_t size) {
          far.connect(to_asio(server->endpoint()));
          boost::asio::write(far, boost::asio::buffer(request, size));
          far.async_read_some(boost::asio::buffer(answer),
                              [&](boost::system::error_code, std::size_t got) {
                                boost::asio::write(near, boost::asio::buffer(answer, got));
                              });
        });
  });
  auto client = WebSocketClient::make(
      io, Origin{"127.0.0.1", mute.local_endpoint().port(), false, {}}, limits);
  auto opened = open(*client);
  ASSERT_TRUE(opened) << opened.error().message();
  auto end = run(client->receive());
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message(), HasSubstr("doesn't answer"));
}

TEST_F(WebSocketTest, StoppingServerClosesWithGoingAway) {
  start(server_tls());
  auto client = WebSocketClient::make(io, origin());
  ASSERT_TRUE(open(*client));
  bool stopped = false;
  server->stop(kLong, [&] { stopped = true; });
  EXPECT_THAT(run(client->receive()).error().message(), HasSubstr("1001"));
  run_until([&] { return stopped; });
  EXPECT_EQ(sessions.front().closes, 1);
}

TEST_F(WebSocketTest, NothingIsCalledAfterTheServerHasGone) {
  start(server_tls());
  auto client = WebSocketClient::make(io, origin());
  ASSERT_TRUE(open(*client));
  run_until([&] { return !sessions.empty(); });
  server.reset();
  EXPECT_TRUE(run(client->receive()).error().is(ClientErrc::closed));
  EXPECT_EQ(sessions.front().closes, 0);
  sessions.front().socket->send(std::make_shared<const std::string>("into the void"));
  EXPECT_EQ(sessions.front().socket->queued_bytes(), 0u);
}

TEST_F(WebSocketTest, ManyClientsAtOnce) {
  start(server_tls());
  std::vector<std::unique_ptr<WebSocketClient>> clients;
  int echoed = 0;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(WebSocketClient::make(io, origin()));
    auto task = [](WebSocketClient& client, int n) -> boost::asio::awaitable<bool> {
      Headers none;
      auto opened = co_await client.connect("/ws", none, kLong);
      if (!opened) co_return false;
      client.send(std::to_string(n));
      auto got = co_await client.receive();
      co_return got.has_value() && *got == std::to_string(n);
    };
    boost::asio::co_spawn(io, task(*clients.back(), i),
                          [&](std::exception_ptr, bool ok) { echoed += ok ? 1 : 0; });
  }
  run_until([&] { return echoed == 30; });
}

}  // namespace
}  // namespace lanrage::io
