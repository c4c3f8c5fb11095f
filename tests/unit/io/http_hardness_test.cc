// The server against clients that mean harm: each limit holds, and counts what it stopped.
#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>

#include "io/server_connection.hpp"
#include "unit/io/loopback.hpp"

namespace lanrage::io {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr milliseconds kTiny{60};

class HttpHardness : public Loopback {
 protected:
  std::string exchange(std::string_view bytes) {
    auto socket = connect_raw();
    write_raw(socket, bytes);
    return read_raw(socket);
  }

  // After `begin`, `again` every few milliseconds, until the server hangs up.
  std::string drip(std::string begin, std::string again) {
    auto socket = connect_raw();
    write_raw(socket, begin);
    boost::asio::steady_timer timer(io);
    std::function<void(boost::system::error_code)> next = [&](boost::system::error_code error) {
      if (error) return;
      boost::system::error_code gone;
      boost::asio::write(socket, boost::asio::buffer(again), gone);
      timer.expires_after(milliseconds(2));
      timer.async_wait(next);
    };
    next({});
    auto answer = read_raw(socket);
    timer.cancel();
    io.poll();
    return answer;
  }

  static std::string post(const std::string& headers, const std::string& body) {
    return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers +
           "\r\n" + body;
  }
  std::uint64_t timed_out(TimedOut during) const { return server->counters().of(during); }
  std::uint64_t rejected(Rejected why) const { return server->counters().of(why); }
};

TEST_F(HttpHardness, ATlsHandshakeHasItsTime) {
  ServerLimits limits;
  limits.handshake_time = kTiny;
  start(server_tls(), limits);
  EXPECT_EQ(exchange(""), "");
  // A ClientHello that never ends: a record of 16 KiB, byte by byte.
  EXPECT_EQ(drip(std::string("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", 11), "x"), "");
  EXPECT_EQ(timed_out(TimedOut::handshake), 2u);
  EXPECT_EQ(server->counters().failed_handshakes, 2u);
  exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(server->counters().failed_handshakes, 3u);
  EXPECT_EQ(timed_out(TimedOut::handshake), 2u);
  EXPECT_EQ(server->counters().open, 0u);
}

TEST_F(HttpHardness, AHeaderThatTricklesInHasItsTimeAsAWhole) {
  ServerLimits limits;
  limits.header_time = kTiny;  // and idle_time a minute: each byte is well within that
  start(nullptr, limits);
  EXPECT_EQ(drip("GET /echo HTTP/1.1\r\nHost: x\r\nX: ", "y"), "");
  EXPECT_EQ(drip("G", "E"), "");
  EXPECT_EQ(drip("GET /echo HTTP/1.1\r\nHost: x\r\n", "A: b\r\n"), "");
  EXPECT_EQ(timed_out(TimedOut::header), 3u);
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpHardness, ABodyThatTricklesInHasItsTimeAsAWhole) {
  ServerLimits limits;
  limits.body_time = kTiny;
  start(nullptr, limits);
  EXPECT_EQ(drip(post("Content-Length: 65000\r\n", "{"), " "), "");
  EXPECT_EQ(drip(post("Transfer-Encoding: chunked\r\n", ""), "1\r\n \r\n"), "");
  EXPECT_EQ(drip(post("Transfer-Encoding: chunked\r\n", "1;"), "x"), "");
  EXPECT_EQ(timed_out(TimedOut::body), 3u);
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpHardness, WhoDoesNotReadItsAnswersIsCut) {
  ServerLimits limits;
  limits.answer_time = milliseconds(200);
  start(nullptr, limits);
  Tcp::socket socket(io);
  socket.open(Tcp::v4());
  socket.set_option(boost::asio::socket_base::receive_buffer_size(4096));
  socket.connect(to_asio(server->endpoint()));
  std::string many;
  for (int i = 0; i < 200; ++i)  // 60 MB of answers
    many += "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
  write_raw(socket, many);
  run_until([&] { return timed_out(TimedOut::answer) == 1; });
  run_until([&] { return server->counters().open == 0; });
  EXPECT_LT(requests.size(), 200u) << "one answer at a time is held, not all";
}

TEST_F(HttpHardness, HeaderBombsAreRefused) {
  start(nullptr);
  std::string fields;
  for (int i = 0; i < 10'000; ++i)
    fields += "A: b\r\n";
  const std::string huge(40'000, 'x');
  const std::vector<std::string> bombs{
      "GET /echo HTTP/1.1\r\nHost: x\r\nX: " + huge + "\r\n\r\n",
      "GET /echo HTTP/1.1\r\nHost: x\r\n" + huge + ": y\r\n\r\n",
      "GET /echo HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n",
      "GET /" + huge + " HTTP/1.1\r\nHost: x\r\n\r\n",
      huge,
      post("Transfer-Encoding: chunked\r\n", "1;" + huge + "\r\n \r\n0\r\n\r\n"),
      post("Transfer-Encoding: chunked\r\n", "0\r\n" + fields + "\r\n"),
  };
  for (std::size_t i = 0; i < bombs.size(); ++i)
    EXPECT_THAT(exchange(bombs[i]), StartsWith("HTTP/1.1 4")) << i;
  EXPECT_EQ(rejected(Rejected::header_size) + rejected(Rejected::malformed), bombs.size());
  EXPECT_GE(rejected(Rejected::header_size), 5u);
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpHardness, BodyBombsAreRefused) {
  start(nullptr);
  std::string chunks;
  for (int i = 0; i < 70'000; ++i)
    chunks += "1\r\n \r\n";
  for (const auto& bomb : {
           post("Content-Length: 65537\r\n", ""),
           post("Content-Length: 9223372036854775808\r\n", ""),
           post("Content-Length: 18446744073709551615\r\n", ""),
           post("Transfer-Encoding: chunked\r\n", "10001\r\n"),
           post("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFF\r\n"),
           post("Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n"),
       }) {
    const auto answer = exchange(bomb);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 413")) << bomb.substr(0, 120);
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
  }
  EXPECT_EQ(rejected(Rejected::body_size), 6u);
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpHardness, ChunksWithExtensionsAreOneBody) {
  start(nullptr);
  EXPECT_THAT(exchange(post("Connection: close\r\nTransfer-Encoding: chunked\r\n",
                            "1;a=b;c=\"d\"\r\n{\r\n1\r\n}\r\n0\r\n\r\n")),
              HasSubstr("POST {}"));
}

// What two programs in a row might split at different places: whatever stands behind must never be
// taken for a request of its own.
TEST_F(HttpHardness, NothingCanBeSmuggledBehindARequest) {
  start(nullptr);
  const std::string hidden = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string size = std::to_string(hidden.size());
  const std::vector<std::string> shapes{
      post("Content-Length: " + size + "\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked\r\nContent-Length: " + size + "\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding: gzip\r\n", hidden),
      post("Transfer-Encoding: identity\r\n", hidden),
      post("Transfer-Encoding: chunked, identity\r\n", hidden),
      post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding: xchunked\r\n", hidden),
      post("Transfer-Encoding:\r\n", hidden),
      post("Transfer-Encoding:\x0b"
           "chunked\r\n",
           "0\r\n\r\n" + hidden),
      post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + hidden),
      post("Content-Length : 0\r\n", hidden),
      post("Content-Length: 0\r\nContent-Length: " + size + "\r\n", hidden),
      post("Content-Length: 0, " + size + "\r\n", hidden),
      post("Content-Length: -1\r\n", hidden),
      post("Content-Length: +0\r\n", hidden),
      post("Content-Length: 0x0\r\n", hidden),
      post("Content-Length: 0 0\r\n", hidden),
      post("Content-Length:\r\n", hidden),
      post("Content-Length: 18446744073709551616\r\n", hidden),
      post("Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked\r\n", "-0\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked\r\n", "10000000000000000\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked\r\n", "1\r\n  \r\n0\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked\r\n", "1;\n \r\n0\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked\r\n", "0\r\nAuthorization: Bearer x\r\n\r\n" + hidden),
      post("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 5\r\n\r\n" + hidden),
      post("X: a\nY: b\r\n", hidden),
      post("X: a\rY: b\r\n", hidden),
      post(std::string("X: a\0b\r\n", 8), hidden),
      "POST /echo HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n" +
          hidden,
      "GET /echo HTTP/1.1 \r\nHost: x\r\n\r\n" + hidden,
      "GET  /echo HTTP/1.1\r\nHost: x\r\n\r\n" + hidden,
  };
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto answer = exchange(shapes[i]);  // returns once the server has closed
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 4")) << i << ": " << shapes[i];
    EXPECT_EQ(answer.find("Date: "), answer.rfind("Date: ")) << i << ": " << answer;
  }
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(rejected(Rejected::malformed) + rejected(Rejected::body_size), shapes.size());
}

TEST_F(HttpHardness, EqualLengthsAreOneLength) {
  start(nullptr);
  const auto answers = exchange(post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}") +
                                "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answers, HasSubstr("POST {}"));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].path(), "/last");
}

TEST_F(HttpHardness, ACompressedBodyIsRefused) {
  start(nullptr);
  for (const std::string coding : {"gzip", "deflate", "br", "identity"}) {
    const auto answer = exchange(post(
        "Connection: close\r\nContent-Encoding: " + coding + "\r\nContent-Length: 2\r\n", "{}"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 415"));
    EXPECT_THAT(answer, HasSubstr("\"field\":\"Content-Encoding\""));
    EXPECT_EQ(answer.find("Content-Encoding: "), std::string::npos);
  }
  EXPECT_EQ(rejected(Rejected::media_type), 4u);
  EXPECT_THAT(exchange("GET /echo HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br\r\n"
                       "Connection: close\r\n\r\n"),
              testing::Not(HasSubstr("Content-Encoding")));
}

TEST_F(HttpHardness, AConnectionServesSoManyRequests) {
  ServerLimits limits;
  limits.requests_per_connection = 3;
  start(nullptr, limits);
  std::string many;
  for (int i = 0; i < 10; ++i)
    many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto answers = exchange(many);
  EXPECT_EQ(requests.size(), 3u);
  const auto close = answers.find("Connection: close");
  ASSERT_NE(close, std::string::npos);
  EXPECT_EQ(answers.find("HTTP/1.1 200", close), std::string::npos) << "said with the last answer";
}

TEST_F(HttpHardness, APipelinedFloodIsAnsweredInOrderAndOneAtATime) {
  start(nullptr);
  std::string many;
  for (int i = 0; i < 500; ++i)
    many += "GET /later?" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  many += "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  auto socket = connect_raw();
  write_raw(socket, many);
  std::size_t most = 0;
  run_until([&] {
    most = std::max(most, kept.size());
    return requests.size() == 501;
  });
  read_raw(socket);
  EXPECT_EQ(most, 1u);
  for (std::size_t i = 0; i < 500; ++i)
    EXPECT_EQ(requests[i].target, "/later?" + std::to_string(i));
}

TEST_F(HttpHardness, CountsWhatAnswersForTheProgram) {
  ServerLimits limits;
  limits.answer_time = kTiny;
  start(nullptr, limits);
  EXPECT_THAT(exchange("GET /never HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(rejected(Rejected::unanswered), 1u);
}

TEST_F(HttpHardness, CapsConnectionsInAll) {
  ServerLimits limits;
  limits.connections = 2;
  start(nullptr, limits);
  auto first = connect_raw();
  auto second = connect_raw();
  run_until([&] { return server->counters().open == 2; });
  EXPECT_EQ(exchange("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  EXPECT_EQ(server->counters().refused_by_cap, 1u);
  EXPECT_EQ(server->counters().refused_by_address, 0u);
  EXPECT_EQ(server->counters().accepted, 2u);
}

TEST(ConnectionSlot, AnIpv6CustomerHasOneShare) {
  HttpServer::Options options;
  options.limits.connections_per_address = 2;
  auto state = std::make_shared<ServerState>(std::move(options));
  const auto take = [&](const char* address) {
    return ConnectionSlot::take(state, *IpAddress::parse(address), {});
  };
  auto first = take("2001:db8:1:2::1");
  auto second = take("2001:db8:1:2:ffff:ffff:ffff:ffff");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(take("2001:db8:1:2:3::4"));
  EXPECT_EQ(state->counters.refused_by_address, 1u);
  auto neighbour = take("2001:db8:1:3::1");
  EXPECT_TRUE(neighbour);
  // IPv4 clients of a socket for both aren't one customer.
  std::vector<std::unique_ptr<ConnectionSlot>> v4;
  for (const char* address : {"::ffff:192.0.2.1", "::ffff:192.0.2.2", "::ffff:192.0.2.3"})
    v4.push_back(take(address));
  EXPECT_TRUE(v4[0] && v4[1] && v4[2]);
  first.reset();
  EXPECT_TRUE(take("2001:db8:1:2:3::4"));
}

TEST(ConnectionSlot, OneAddressOpensConnectionsAtALimitedRate) {
  HttpServer::Options options;
  options.limits.new_connections_per_address = {2, 3};
  auto state = std::make_shared<ServerState>(std::move(options));
  const auto take = [&](const char* address, std::chrono::milliseconds at) {
    return ConnectionSlot::take(state, *IpAddress::parse(address), Instant(at));
  };
  using namespace std::chrono_literals;
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(take("192.0.2.1", 0ms));  // closed at once: it isn't the number of open ones
  EXPECT_FALSE(take("192.0.2.1", 400ms));
  EXPECT_EQ(state->counters.refused_by_rate, 1u);
  EXPECT_EQ(state->counters.refused_by_address, 0u);
  EXPECT_TRUE(take("192.0.2.2", 400ms)) << "another household";
  EXPECT_TRUE(take("192.0.2.1", 1000ms));
}

}  // namespace
}  // namespace lanrage::io
