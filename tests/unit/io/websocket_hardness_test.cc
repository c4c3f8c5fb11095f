// WebSockets against peers that mean harm: each limit holds, and counts what it stopped.
#include "io/websocket_frames.hpp"
#include "unit/io/websocket_fixture.hpp"

namespace lanrage::io {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

std::string frame(FrameType type, std::string payload, bool last = true) {
  const std::array<unsigned char, 4> mask{1, 2, 3, 4};
  const auto header = frame_header(type, payload.size(), mask);
  for (std::size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<char>(static_cast<unsigned char>(payload[i]) ^ mask[i % 4]);
  std::string bytes(header.bytes.begin(), header.bytes.begin() + header.size);
  if (!last) bytes[0] = static_cast<char>(bytes[0] & 0x7F);
  return bytes + payload;
}
// A server's close frame with this code.
std::string close_of(std::uint16_t code) {
  return close_payload({code, {}});
}

class WebSocketHardness : public WebSocketTest {
 protected:
  const WebSocketFaults& faults() const { return server->counters().websocket_faults; }
  // Sends and reads to the end; what came.
  std::string exchange(Tcp::socket& socket, const std::string& bytes) {
    write_raw(socket, bytes);
    return read_raw(socket);
  }
  // Writes without waiting for the server, which runs on this thread.
  void write_while_running(Tcp::socket& socket, const std::string& bytes) {
    bool written = false;
    boost::asio::async_write(
        socket, boost::asio::buffer(bytes),
        [&](boost::system::error_code error, std::size_t) { written = !error; });
    run_until([&] { return written; });
  }
  Tcp::socket upgrade_with_small_buffer() {
    auto socket = upgrade_raw();
    socket.set_option(boost::asio::socket_base::receive_buffer_size(4096));
    return socket;
  }
  WebSocketTest::Session& session() { return sessions.front(); }
};

TEST_F(WebSocketHardness, AMessageTooBigInOneFrameIsRefusedBeforeItComes) {
  start(nullptr);
  auto socket = upgrade_raw();
  const std::string huge("\x81\xFF\x00\x00\x01\x00\x00\x00\x00\x00\x01\x02\x03\x04", 14);
  EXPECT_THAT(exchange(socket, huge), HasSubstr(close_of(kCloseTooBig)));
  run_until([&] { return session().closes == 1; });
  EXPECT_TRUE(session().texts.empty());
  EXPECT_EQ(faults().too_big, 1u);
}

TEST_F(WebSocketHardness, AMessageTooBigInThousandsOfFramesIsRefused) {
  ServerLimits limits;
  limits.message_bytes = 10'000;
  start(nullptr, limits);
  auto socket = upgrade_raw();
  std::string bytes = frame(FrameType::text, "0123456789", false);
  for (int i = 0; i < 2'000; ++i)
    bytes += frame(FrameType::continuation, "0123456789", false);
  EXPECT_THAT(exchange(socket, bytes), HasSubstr(close_of(kCloseTooBig)));
  EXPECT_TRUE(session().texts.empty());
  EXPECT_EQ(faults().too_big, 1u);
}

TEST_F(WebSocketHardness, ThousandsOfEmptyFramesAreOneMessage) {
  start(nullptr);
  auto socket = upgrade_raw();
  std::string bytes = frame(FrameType::text, "a", false);
  for (int i = 0; i < 10'000; ++i)
    bytes += frame(FrameType::continuation, "", false);
  write_raw(socket, bytes + frame(FrameType::continuation, "b"));
  EXPECT_THAT(read_raw(socket, "ab"), HasSubstr("ab"));
  EXPECT_EQ(session().texts, std::vector<std::string>{"ab"});
}

TEST_F(WebSocketHardness, PingsOfAPeerThatDoesNotReadFillNoMemory) {
  start(nullptr);
  auto socket = upgrade_raw();
  // What the sockets hold is soon full; then the server may keep one pong, not all.
  constexpr std::size_t kPings = 150'000;
  const std::string ping = frame(FrameType::ping, std::string(125, 'p'));
  std::string bytes;
  for (std::size_t i = 0; i < kPings; ++i)
    bytes += ping;
  bytes += frame(FrameType::ping, "the last") + frame(FrameType::text, "end");
  write_while_running(socket, bytes);
  run_until([&] { return !session().texts.empty(); });
  const auto got = read_raw(socket, "end");
  EXPECT_THAT(got, HasSubstr("the last"));
  EXPECT_LT(got.size(), kPings * 127 / 2);
}

TEST_F(WebSocketHardness, WhatTheStandardForbidsEndsTheConnection) {
  start(nullptr);
  const auto changed = [](std::size_t at, unsigned char bits) {
    std::string bytes = frame(FrameType::text, "x");
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ bits);
    return bytes;
  };
  std::uint64_t count = 0;
  for (const auto& bytes : {
           std::string("\x81\x01x", 3),  // no mask
           changed(0, 0x40),
           changed(0, 0x20),
           changed(0, 0x10),
           changed(0, 0x02),
           frame(FrameType::ping, "", false),
           frame(FrameType::ping, std::string(126, 'x')),
           frame(FrameType::continuation, "x"),
           frame(FrameType::close, "\x03"),
       }) {
    sessions.clear();
    auto socket = upgrade_raw();
    EXPECT_THAT(exchange(socket, bytes), HasSubstr(close_of(1002))) << count;
    EXPECT_EQ(faults().protocol, ++count);
    EXPECT_TRUE(session().texts.empty());
    run_until([&] { return session().closes == 1; });
  }
  sessions.clear();
  auto socket = upgrade_raw();
  EXPECT_THAT(exchange(socket, frame(FrameType::text, "\xc0\x80")), HasSubstr(close_of(1007)));
  EXPECT_EQ(faults().protocol, ++count);
  run_until([&] { return session().closes == 1; });
}

TEST_F(WebSocketHardness, CompressionIsOfferedAndNeverAccepted) {
  start(nullptr);
  auto socket = connect_raw();
  write_raw(socket,
            "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n");
  const auto answer = read_raw(socket, "\r\n\r\n");
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 101"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("Sec-WebSocket-Extensions")));
  run_until([&] { return !sessions.empty(); });
  std::string compressed = frame(FrameType::text, "x");
  compressed[0] = static_cast<char>(compressed[0] | 0x40);
  EXPECT_THAT(exchange(socket, compressed), HasSubstr(close_of(1002)));
}

TEST_F(WebSocketHardness, NothingIsHeardAfterAClose) {
  start(nullptr);
  auto socket = upgrade_raw();
  const auto text = frame(FrameType::text, "late");
  exchange(socket, frame(FrameType::close, close_of(1000)) + text + text);
  run_until([&] { return session().closes == 1; });
  EXPECT_TRUE(session().texts.empty());
  EXPECT_EQ(session().code, kCloseNormal);
}

TEST_F(WebSocketHardness, WhoDoesNotAnswerACloseIsCut) {
  ServerLimits limits;
  limits.close_time = milliseconds(60);
  start(nullptr, limits);
  auto socket = upgrade_raw();
  session().socket->close(kClosePolicy, "enough");
  write_raw(socket, frame(FrameType::text, "I go on"));
  EXPECT_THAT(read_raw(socket), HasSubstr(close_of(kClosePolicy)));
  run_until([&] { return session().closes == 1; });
  EXPECT_TRUE(session().texts.empty());
  EXPECT_EQ(faults().slow_close, 1u);
  EXPECT_EQ(faults().dead, 0u);
}

TEST_F(WebSocketHardness, WhoSendsTooMuchGetsNoMoreThanTheCloseTime) {
  ServerLimits limits;
  limits.message_bytes = 100;
  limits.close_time = milliseconds(60);
  start(nullptr, limits);
  auto socket = upgrade_raw();
  write_raw(socket, frame(FrameType::text, std::string(200, 'x')));  // and stays
  run_until([&] { return session().closes == 1; });
  EXPECT_EQ(session().code, kCloseTooBig);
  EXPECT_EQ(server->counters().open, 0u);
}

TEST_F(WebSocketHardness, BinaryIsRefused) {
  start(nullptr);
  auto socket = upgrade_raw();
  write_raw(socket, frame(FrameType::binary, "x"));
  EXPECT_THAT(read_raw(socket, close_of(kCloseUnsupported)),
              HasSubstr(close_of(kCloseUnsupported)));
  write_raw(socket, frame(FrameType::close, close_of(kCloseUnsupported)));
  run_until([&] { return session().closes == 1; });
  EXPECT_TRUE(session().texts.empty());
}

TEST_F(WebSocketHardness, ASilentPeerIsCounted) {
  ServerLimits limits;
  limits.ping_every = milliseconds(20);
  limits.dead_after = milliseconds(100);
  start(nullptr, limits);
  auto socket = upgrade_raw();
  run_until([&] { return session().closes == 1; });
  EXPECT_EQ(faults().dead, 1u);
}

TEST_F(WebSocketHardness, APeerThatTalksButNeverReadsIsFoundDead) {
  ServerLimits limits;
  limits.dead_after = milliseconds(300);
  start(nullptr, limits);
  auto socket = upgrade_with_small_buffer();
  session().socket->send(std::make_shared<const std::string>(16 * 1024 * 1024, 'b'));
  boost::asio::steady_timer timer(io);
  std::function<void(boost::system::error_code)> talk = [&](boost::system::error_code error) {
    if (error) return;
    boost::system::error_code gone;
    boost::asio::write(socket, boost::asio::buffer(frame(FrameType::pong, "")), gone);
    timer.expires_after(milliseconds(10));
    timer.async_wait(talk);
  };
  talk({});
  run_until([&] { return session().closes == 1; });
  timer.cancel();
  io.poll();
  EXPECT_EQ(session().code, kCloseAbnormal);
  EXPECT_EQ(faults().dead, 1u);
}

TEST_F(WebSocketHardness, APeerThatAnswersPingsStays) {
  ServerLimits limits;
  limits.ping_every = milliseconds(60);
  limits.dead_after = milliseconds(600);
  start(nullptr, limits);
  auto socket = upgrade_raw();
  const std::string ping("\x89\x00", 2);
  for (int i = 0; i < 15; ++i) {
    ASSERT_THAT(read_raw(socket, ping), HasSubstr(ping));
    write_raw(socket, frame(FrameType::pong, ""));
  }
  EXPECT_EQ(session().closes, 0);
}

TEST(ServerLimits, FindADeadPeerWithin35Seconds) {
  const ServerLimits limits;
  EXPECT_LE(limits.dead_after, std::chrono::seconds(35));
  EXPECT_GE(limits.dead_after, 2 * limits.ping_every) << "one lost ping is no death";
}

}  // namespace
}  // namespace lanrage::io
