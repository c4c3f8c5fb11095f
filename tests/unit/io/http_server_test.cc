// The server against clients that speak bytes: what arrives split, slow, oversized or isn't HTTP.
#include <gmock/gmock.h>

#include "unit/io/loopback.hpp"

namespace lanrage::io {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HttpServerTest : public Loopback {
 protected:
  // One request on a connection of its own; the answer up to the server's close.
  std::string exchange(std::string_view bytes) {
    auto socket = connect_raw();
    write_raw(socket, bytes);
    return read_raw(socket);
  }
};

TEST_F(HttpServerTest, AnswersOneRequestAfterTheOtherOnOneConnection) {
  start(nullptr);
  auto socket = connect_raw();
  write_raw(socket, "GET /echo?a=b%20c HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(read_raw(socket, "GET "), StartsWith("HTTP/1.1 200 OK\r\n"));
  write_raw(socket,
            "POST /later HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\n"
            "Content-Length: 2\r\n\r\n{}");
  EXPECT_THAT(read_raw(socket, "POST {}"), HasSubstr("Content-Length: 7"));
  EXPECT_EQ(server->counters().accepted, 1u);
  EXPECT_EQ(server->counters().requests, 2u);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].path(), "/echo");
  EXPECT_EQ(requests[0].query("a"), "b c");
  EXPECT_EQ(requests[0].local, server->endpoint());
  EXPECT_EQ(requests[0].remote.address, IpAddress::v4(0x7F000001));
  EXPECT_FALSE(requests[0].tls);
}

TEST_F(HttpServerTest, TakesARequestSplitAtAnyByte) {
  start(nullptr);
  std::string bytes =
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\n{}";
  for (std::size_t split = 1; split < bytes.size(); ++split) {
    auto socket = connect_raw();
    write_raw(socket, bytes.substr(0, split));
    io.restart();
    io.poll();
    write_raw(socket, bytes.substr(split));
    ASSERT_THAT(read_raw(socket), HasSubstr("POST {}")) << split;
  }
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  start(nullptr);
  std::string answers = exchange(
      "GET /later HTTP/1.1\r\nHost: x\r\n\r\nHEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n"
      "DELETE /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_LT(answers.find("GET "), answers.find("DELETE "));
  EXPECT_EQ(answers.find("HEAD "), std::string::npos);   // a HEAD's answer has no body
  EXPECT_THAT(answers, HasSubstr("Content-Length: 5"));  // but the length of the one it would have
}

TEST_F(HttpServerTest, RefusesABodyOverTheLimit) {
  start(nullptr);
  std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  std::string exact(64 * 1024, ' ');
  EXPECT_THAT(exchange(head + "Connection: close\r\nContent-Length: 65536\r\n\r\n" + exact),
              StartsWith("HTTP/1.1 200"));
  // The whole of it is sent, yet the answer arrives: it isn't lost to a reset.
  std::string huge(600'000, ' ');
  std::string announced = exchange(head + "Content-Length: 600000\r\n\r\n" + huge);
  EXPECT_THAT(announced, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(announced, HasSubstr("\"code\":\"body_too_large\""));
  EXPECT_THAT(announced, HasSubstr("application/problem+json"));
  EXPECT_TRUE(closed_cleanly);
  std::string chunk = "10001\r\n" + std::string(0x10001, ' ') + "\r\n";
  EXPECT_THAT(exchange(head + "Transfer-Encoding: chunked\r\n\r\n" + chunk),
              StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(requests.size(), 1u);
}

TEST_F(HttpServerTest, RefusesAHeaderOverTheLimit) {
  start(nullptr);
  std::string answer =
      exchange("GET /echo HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(answer, HasSubstr("headers_too_large"));
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
  start(nullptr);
  for (std::string bytes :
       {"\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"}) {
    auto socket = connect_raw();
    write_raw(socket, bytes);
    std::string answer = read_raw(socket, "malformed_request");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400")) << bytes;
  }
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpServerTest, RefusesBodiesOfAnotherType) {
  start(nullptr);
  for (std::string type :
       {"Content-Type: text/plain\r\n", "", "Content-Type: application/jsonx\r\n"}) {
    for (std::string method : {"POST", "PATCH", "DELETE"}) {
      std::string answer = exchange(method + " /echo HTTP/1.1\r\nHost: x\r\n" + type +
                                    "Connection: close\r\nContent-Length: 2\r\n\r\n{}");
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 415")) << type;
      EXPECT_THAT(answer, HasSubstr("\"field\":\"Content-Type\""));
    }
  }
  EXPECT_TRUE(requests.empty());
  EXPECT_THAT(exchange("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, CutsSlowHeadersAndSlowBodiesAndIdleConnections) {
  ServerLimits limits;
  limits.header_time = limits.body_time = limits.idle_time = std::chrono::milliseconds(50);
  start(nullptr, limits);
  EXPECT_EQ(exchange(""), "");
  EXPECT_EQ(exchange("GET /echo HTTP/1.1\r\nHos"), "");
  EXPECT_EQ(exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Content-Length: 2\r\n\r\n{"),
            "");
  EXPECT_THAT(exchange("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server->counters().of(TimedOut::idle), 2u);
  EXPECT_EQ(server->counters().of(TimedOut::header), 1u);
  EXPECT_EQ(server->counters().of(TimedOut::body), 1u);
  EXPECT_EQ(server->counters().open, 0u);
}

TEST_F(HttpServerTest, AnswersForAProgramThatDoesNot) {
  ServerLimits limits;
  limits.answer_time = std::chrono::milliseconds(50);
  start(nullptr, limits);
  auto socket = connect_raw();
  write_raw(socket, "GET /drop HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(read_raw(socket, "internal_error"), StartsWith("HTTP/1.1 500"));
  write_raw(socket, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(read_raw(socket, "unavailable"), StartsWith("HTTP/1.1 503"));
  kept.back().send(HttpResponse::json(200, "late"));  // must not become the next request's answer
  write_raw(socket, "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string answer = read_raw(socket);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204"));
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);  // RFC 9110 section 8.6
}

TEST_F(HttpServerTest, SurvivesAClientThatGoesBeforeTheAnswer) {
  start(nullptr);
  auto socket = connect_raw();
  write_raw(socket, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  run_until([&] { return !kept.empty(); });
  socket.set_option(boost::asio::socket_base::linger(true, 0));
  socket.close();  // a reset
  kept.back().send(HttpResponse::json(200, std::string(1'000'000, 'x')));
  run_until([&] { return server->counters().open == 0; });
}

TEST_F(HttpServerTest, AsksForTheBodyOfA100ContinueRequest) {
  start(nullptr);
  auto socket = connect_raw();
  write_raw(socket,
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(read_raw(socket, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  write_raw(socket, "{}");
  EXPECT_THAT(read_raw(socket, "POST {}"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, CapsConnectionsOfOneAddress) {
  ServerLimits limits;
  limits.connections_per_address = 2;
  start(nullptr, limits);
  auto first = connect_raw();
  auto second = connect_raw();
  run_until([&] { return server->counters().open == 2; });
  EXPECT_EQ(exchange("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  EXPECT_EQ(server->counters().refused_by_address, 1u);
  first.close();
  run_until([&] { return server->counters().open == 1; });
  EXPECT_THAT(exchange("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, NamesThePortThatIsTaken) {
  start(nullptr);
  auto again = HttpServer::start(io, {server->endpoint(), nullptr, {}}, {});
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(ServerErrc::address_in_use));
  EXPECT_THAT(again.error().message(), HasSubstr(server->endpoint().to_string()));
}

TEST_F(HttpServerTest, StopsAfterAnsweringWhatIsUnderWay) {
  start(nullptr);
  auto idle = connect_raw();
  auto busy = connect_raw();
  write_raw(busy, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  run_until([&] { return !kept.empty() && server->counters().open == 2; });
  bool stopped = false;
  server->stop(kLong, [&] { stopped = true; });
  EXPECT_EQ(read_raw(idle), "");
  EXPECT_FALSE(stopped);
  kept.back().send(HttpResponse::json(200, "bye"));
  std::string answer = read_raw(busy);
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_THAT(answer, HasSubstr("bye"));
  busy.close();
  run_until([&] { return stopped; });
  Tcp::socket late(io);
  boost::system::error_code error;
  late.connect(to_asio(server->endpoint()), error);
  EXPECT_TRUE(error);
}

TEST_F(HttpServerTest, StopsAtOnceDuringAHandshake) {
  start(server_tls());
  auto silent = connect_raw();
  run_until([&] { return server->counters().open == 1; });
  bool stopped = false;
  server->stop(kLong, [&] { stopped = true; });
  EXPECT_EQ(read_raw(silent), "");
  run_until([&] { return stopped; });
}

TEST_F(HttpServerTest, StopCutsWhatOutlastsTheGrace) {
  start(nullptr);
  auto busy = connect_raw();
  write_raw(busy, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  run_until([&] { return !kept.empty(); });
  bool stopped = false;
  server->stop(std::chrono::milliseconds(20), [&] { stopped = true; });
  run_until([&] { return stopped; });
}

TEST_F(HttpServerTest, MayGoWhileRequestsAreUnderWay) {
  start(nullptr);
  auto busy = connect_raw();
  write_raw(busy, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  run_until([&] { return !kept.empty(); });
  server.reset();
  EXPECT_EQ(read_raw(busy), "");
  kept.back().send(HttpResponse::json(200, "nobody hears"));
}

}  // namespace
}  // namespace lanrage::io
