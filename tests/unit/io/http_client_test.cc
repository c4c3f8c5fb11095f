// Client and server over TLS: whom the client trusts, what it tells, and how it uses connections.
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include "unit/io/loopback.hpp"

namespace lanrage::io {
namespace {

using testing::HasSubstr;

class HttpClientTest : public Loopback {};

TEST_F(HttpClientTest, KeepsOneTlsConnectionForManyRequests) {
  start(server_tls());
  auto client = HttpClient::make(io, origin());
  EXPECT_FALSE(client->server_binding());
  for (int i = 0; i < 5; ++i) {
    auto answer = ask(*client, Method::post, "/echo", "{\"n\":" + std::to_string(i) + "}");
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POST {\"n\":" + std::to_string(i) + "}");
    EXPECT_EQ(answer->content_type, "application/json");
  }
  EXPECT_EQ(server->counters().accepted, 1u);
  EXPECT_EQ(client->server_binding(), server_tls()->spki());
  EXPECT_EQ(client->remote_endpoint(), server->endpoint());
  EXPECT_EQ(client->local_endpoint(), requests.back().remote);
  EXPECT_TRUE(requests.back().tls);
}

TEST_F(HttpClientTest, RefusesAServerWithAnotherKeyBeforeSendingAnything) {
  start(server_tls());
  Origin wrong = origin();
  (*wrong.policy.pin)[15] ^= 1;
  auto client = HttpClient::make(io, wrong);
  auto answer = ask(*client, Method::get, "/echo");
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(ClientErrc::pin_mismatch));
  EXPECT_THAT(answer.error().message(), HasSubstr(to_text(server_tls()->pin())));
  run_until([&] { return server->counters().open == 0; });
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpClientTest, AServersNewCertificateIsForNewConnections) {
  start(server_tls());
  auto before = HttpClient::make(io, origin());
  ASSERT_TRUE(ask(*before, Method::get, "/echo"));
  const TemporaryDirectory directory;
  const auto renewed = TlsContext::load_or_generate(directory.path()).value();
  server->set_tls(renewed);
  ASSERT_TRUE(ask(*before, Method::get, "/echo")) << "a connection that stands stays";
  EXPECT_EQ(server->counters().accepted, 1u);
  Origin now = origin();
  now.policy.pin = renewed->pin();
  auto after = HttpClient::make(io, now);
  ASSERT_TRUE(ask(*after, Method::get, "/echo"));
  EXPECT_EQ(after->server_binding(), renewed->spki());
  auto late = HttpClient::make(io, origin());
  EXPECT_TRUE(ask(*late, Method::get, "/echo").error().is(ClientErrc::pin_mismatch));
}

TEST_F(HttpClientTest, WithoutAPinWantsAnAuthority) {
  start(server_tls());
  Origin unpinned = origin();
  unpinned.policy.pin.reset();
  auto client = HttpClient::make(io, unpinned);
  auto answer = ask(*client, Method::get, "/echo");
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(ClientErrc::certificate_untrusted)) << answer.error().message();
  EXPECT_THAT(answer.error().message(), HasSubstr("pin"));
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpClientTest, TellsWhatFailed) {
  start(nullptr);
  auto plain = HttpClient::make(io, origin(true));  // TLS to a server that speaks plain HTTP
  EXPECT_TRUE(ask(*plain, Method::get, "/").error().is(ClientErrc::not_tls));

  Tcp::acceptor closed(io, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  auto port = closed.local_endpoint().port();
  closed.close();
  auto nobody = HttpClient::make(io, Origin{"127.0.0.1", port, true, {}});
  auto refused = ask(*nobody, Method::get, "/");
  EXPECT_TRUE(refused.error().is(ClientErrc::server_unreachable));
  EXPECT_THAT(refused.error().message(), HasSubstr("127.0.0.1:" + std::to_string(port)));

  auto nameless = HttpClient::make(io, Origin{"no-such-host.invalid", 8667, true, {}});
  EXPECT_TRUE(ask(*nameless, Method::get, "/").error().is(ClientErrc::cannot_resolve));

  Tcp::acceptor silent(io, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  Origin mute{"127.0.0.1", silent.local_endpoint().port(), true, {}};
  auto waiting = HttpClient::make(io, mute);
  auto late = run(waiting->request(Method::get, "/", {}, {}, std::chrono::milliseconds(30)));
  EXPECT_TRUE(late.error().is(ClientErrc::timeout));

  mute.tls = false;
  auto unanswered = HttpClient::make(io, mute);
  late = run(unanswered->request(Method::get, "/", {}, {}, std::chrono::milliseconds(30)));
  EXPECT_TRUE(late.error().is(ClientErrc::timeout));
}

TEST_F(HttpClientTest, ServesNobodyWhoDoesNotSpeakTls) {
  ServerLimits limits;
  limits.handshake_time = std::chrono::milliseconds(50);
  start(server_tls(), limits);
  auto talker = connect_raw();
  write_raw(talker, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  read_raw(talker);  // an alert at most, then the end
  auto mute = connect_raw();
  read_raw(mute);
  run_until([&] { return server->counters().open == 0; });
  EXPECT_EQ(server->counters().failed_handshakes, 2u);
  auto client = HttpClient::make(io, origin());
  EXPECT_TRUE(ask(*client, Method::get, "/echo"));
}

TEST_F(HttpClientTest, ReplacesAConnectionThatTheServerClosed) {
  ServerLimits limits;
  limits.requests_per_connection = 1;
  start(server_tls(), limits);
  auto client = HttpClient::make(io, origin());
  for (int i = 0; i < 3; ++i) {
    auto answer = ask(*client, Method::post, "/echo", "{}");
    ASSERT_TRUE(answer) << answer.error().message();
  }
  EXPECT_EQ(server->counters().accepted, 3u);

  limits.requests_per_connection = 100;
  limits.idle_time = std::chrono::milliseconds(20);
  server.reset();
  start(server_tls(), limits);
  auto other = HttpClient::make(io, origin());
  ASSERT_TRUE(ask(*other, Method::post, "/echo", "{}"));
  run_until([&] { return server->counters().open == 0; });
  auto answer = ask(*other, Method::post, "/echo", "{}");
  ASSERT_TRUE(answer) << answer.error().message();
}

TEST_F(HttpClientTest, LetsRequestsOfTheSameTimeTakeTurns) {
  start(server_tls());
  auto client = HttpClient::make(io, origin());
  int answered = 0;
  for (int i = 0; i < 10; ++i) {
    boost::asio::co_spawn(io, client->request(Method::get, "/later", {}, {}, kLong),
                          [&](std::exception_ptr, Result<HttpResponse> answer) {
                            answered += answer && answer->status == 200 ? 1 : 0;
                          });
  }
  run_until([&] { return answered == 10; });
  EXPECT_EQ(server->counters().accepted, 1u);
}

TEST_F(HttpClientTest, ManyClientsAtOnce) {
  start(server_tls());
  std::vector<std::unique_ptr<HttpClient>> clients;
  int answered = 0;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(HttpClient::make(io, origin()));
    std::string body(1000 + i, ' ');
    boost::asio::co_spawn(io, clients.back()->request(Method::post, "/echo", {}, body, kLong),
                          [&, size = body.size()](std::exception_ptr, Result<HttpResponse> answer) {
                            answered += answer && answer->body.size() == size + 5 ? 1 : 0;
                          });
  }
  run_until([&] { return answered == 40; });
  EXPECT_EQ(server->counters().open, 40u);
  clients.clear();
  run_until([&] { return server->counters().open == 0; });
}

TEST_F(HttpClientTest, LimitsTheAnswer) {
  start(server_tls());
  ClientLimits limits;
  limits.body_bytes = 299'999;
  auto client = HttpClient::make(io, origin(), limits);
  EXPECT_TRUE(ask(*client, Method::get, "/big").error().is(ClientErrc::answer_too_large));
  limits.body_bytes = 300'000;
  client = HttpClient::make(io, origin(), limits);
  EXPECT_EQ(ask(*client, Method::get, "/big")->body.size(), 300'000u);
}

TEST_F(HttpClientTest, MayGoWhileARequestIsUnderWay) {
  start(server_tls());
  auto client = HttpClient::make(io, origin());
  std::optional<Result<HttpResponse>> ended;
  boost::asio::co_spawn(
      io, client->request(Method::get, "/never", {}, {}, kLong),
      [&](std::exception_ptr, Result<HttpResponse> answer) { ended.emplace(std::move(answer)); });
  run_until([&] { return !kept.empty(); });
  client.reset();
  run_until([&] { return ended.has_value(); });
  EXPECT_TRUE(ended->error().is(ClientErrc::connection_lost));
}

// Every byte of handshake and records arrives on its own.
TEST_F(HttpClientTest, TakesTlsByteByByte) {
  start(server_tls());
  Tcp::acceptor entrance(io, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  Tcp::socket near(io);
  Tcp::socket far(io);
  std::array<std::array<char, 1>, 2> byte;
  std::function<void(Tcp::socket&, Tcp::socket&, int)> pump = [&](Tcp::socket& from,
                                                                  Tcp::socket& to, int way) {
    from.async_read_some(boost::asio::buffer(byte[way]),
                         [&, way](boost::system::error_code error, std::size_t) {
                           if (error) return;
                           boost::asio::write(to, boost::asio::buffer(byte[way]));
                           pump(from, to, way);
                         });
  };
  entrance.async_accept(near, [&](boost::system::error_code) {
    far.connect(to_asio(server->endpoint()));
    far.set_option(Tcp::no_delay(true));
    near.set_option(Tcp::no_delay(true));
    pump(near, far, 0);
    pump(far, near, 1);
  });
  Origin through = origin();
  through.port = entrance.local_endpoint().port();
  auto client = HttpClient::make(io, through);
  auto answer = ask(*client, Method::post, "/echo", "{}");
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->body, "POST {}");
  client.reset();
  boost::system::error_code ignored;
  near.close(ignored);
  far.close(ignored);
  io.poll();
}

TEST(OriginTest, ReadsUrls) {
  auto origin = Origin::parse("https://play.example:1234/");
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->host, "play.example");
  EXPECT_EQ(origin->port, 1234);
  EXPECT_TRUE(origin->tls);
  EXPECT_EQ(Origin::parse("http://10.0.0.1")->to_string(), "http://10.0.0.1:8667");
  EXPECT_EQ(Origin::parse("https://[2001:db8::1]:99")->to_string(), "https://[2001:db8::1]:99");
  for (auto bad : {"", "play.example", "ftp://x", "https://", "https://x:", "https://x:0",
                   "https://x:65536", "https://x/path", "https://x?y", "https://[::1", "https://[]",
                   "https://a b", "https://u@h", "https://[1.2.3.4]:1", "https://[::1]x"})
    EXPECT_FALSE(Origin::parse(bad)) << bad;
}

}  // namespace
}  // namespace lanrage::io
