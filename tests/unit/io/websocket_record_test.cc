// A TLS record that comes in two parts: SSL_has_pending() is true while nothing can be read.
#include <array>
#include <memory>
#include <openssl/ssl.h>

#include "unit/io/websocket_fixture.hpp"

namespace lanrage::io {
namespace {

// TLS by hand, so that a test decides which bytes are on the wire.
class RawTls {
 public:
  RawTls(boost::asio::io_context& io, boost::asio::ip::tcp::socket socket)
      : io_(io),
        socket_(std::move(socket)),
        context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        ssl_(SSL_new(context_.get()), SSL_free) {
    socket_.non_blocking(true);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }
  bool handshake() {
    const bool done = SSL_do_handshake(ssl_.get()) == 1;
    pump();
    return done;
  }
  // The records, not sent yet.
  std::string seal(std::string_view text) {
    EXPECT_GT(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())), 0);
    return take_outgoing();
  }
  void send(std::string_view bytes) { boost::asio::write(socket_, boost::asio::buffer(bytes)); }
  std::string receive() {
    pump();
    std::array<char, 4096> text;
    const int got = SSL_read(ssl_.get(), text.data(), text.size());
    return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string();
  }

 private:
  std::string take_outgoing() {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &bytes);
    std::string out(bytes, static_cast<std::size_t>(size));
    BIO_reset(SSL_get_wbio(ssl_.get()));
    return out;
  }
  void pump() {
    send(take_outgoing());
    io_.restart();
    io_.poll();
    std::array<char, 4096> bytes;
    boost::system::error_code error;
    const std::size_t got = socket_.read_some(boost::asio::buffer(bytes), error);
    if (got > 0) BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(got));
  }

  boost::asio::io_context& io_;
  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

TEST_F(WebSocketTest, WaitsForTheRestOfARecord) {
  start(server_tls());
  RawTls peer(io, connect_raw());
  run_until([&] { return peer.handshake(); });
  peer.send(
      peer.seal("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n"));
  run_until([&] { return peer.receive().starts_with("HTTP/1.1 101"); });
  run_until([&] { return !sessions.empty(); });

  const std::string record = peer.seal(std::string("\x81\x82\x00\x00\x00\x00hi", 8));
  peer.send(record.substr(0, record.size() / 2));
  // However long nothing more comes, the server sleeps.
  constexpr std::size_t kMany = 1000;
  std::size_t handlers = 0;
  io.restart();
  while (handlers < kMany && io.run_one_for(std::chrono::milliseconds(20)) != 0)
    ++handlers;
  EXPECT_LT(handlers, kMany);
  EXPECT_TRUE(sessions.front().texts.empty());

  peer.send(record.substr(record.size() / 2));
  run_until([&] { return !sessions.front().texts.empty(); });
  EXPECT_EQ(sessions.front().texts.front(), "hi");
}

}  // namespace
}  // namespace lanrage::io
