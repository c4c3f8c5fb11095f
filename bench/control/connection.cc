#include "control/connection.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <openssl/err.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include "io/tls.hpp"

namespace lanrage::bench {
namespace {

[[noreturn]] void fail_with_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

std::unique_ptr<SSL_CTX, FreeSsl> client_context() {
  std::unique_ptr<SSL_CTX, FreeSsl> context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7F000000u + host);
  address.sin_port = htons(port);
  return address;
}

TlsConnection::TlsConnection(EventLoop& loop, SSL_CTX* context, const sockaddr_in& from,
                             const sockaddr_in& to)
    : loop_(loop), ssl_(SSL_new(context)) {
  if (!ssl_) throw std::bad_alloc();
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail_with_errno("socket");
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
  ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0)
    fail_with_errno("bind");
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS)
    fail_with_errno("connect");
  SSL_set_fd(ssl_.get(), fd_);
  SSL_set_connect_state(ssl_.get());
  wanted_ = EPOLLOUT;
  loop_.add(fd_, this, wanted_);
}

TlsConnection::~TlsConnection() {
  drop();
}

void TlsConnection::drop() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::ended;
}

void TlsConnection::end() {
  if (state_ == State::ended) return;
  drop();
  on_end();
}

void TlsConnection::want(std::uint32_t events) {
  if (events == wanted_) return;
  wanted_ = events;
  loop_.change(fd_, this, events);
}

crypto::Hash TlsConnection::server_key() const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(ssl_.get()), X509_free);
  if (!certificate) throw std::runtime_error("no certificate before the handshake");
  return io::spki_hash(certificate.get());
}

void TlsConnection::on_ready(std::uint32_t events) {
  if (state_ == State::ended) return;
  if (state_ == State::connecting) state_ = State::handshake;
  if (state_ == State::handshake) return handshake();
  if ((events & EPOLLOUT) != 0) write();
  if (state_ == State::open && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read();
}

void TlsConnection::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) return want(EPOLLIN);
    if (error == SSL_ERROR_WANT_WRITE) return want(EPOLLOUT);
    return end();
  }
  state_ = State::open;
  want(EPOLLIN);
  on_open();
  if (state_ == State::open) write();
}

void TlsConnection::read() {
  // One for all connections: only one of them is ever being read.
  static std::array<char, 16384> space;
  do {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &got);
    if (result != 1) {
      if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) end();
      return;
    }
    on_bytes({space.data(), got});
  } while (state_ == State::open && SSL_has_pending(ssl_.get()) != 0);
}

void TlsConnection::send(std::string_view bytes) {
  if (state_ == State::ended) return;
  if (state_ == State::open && out_.empty()) {
    ERR_clear_error();
    std::size_t sent = 0;
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) == 1) return;
  }
  // OpenSSL wants the same bytes again, and may find more behind them.
  out_.append(bytes);
  if (state_ == State::open) want(EPOLLIN | EPOLLOUT);
}

void TlsConnection::write() {
  while (!out_.empty()) {
    ERR_clear_error();
    std::size_t sent = 0;
    const int result = SSL_write_ex(ssl_.get(), out_.data(), out_.size(), &sent);
    if (result != 1) {
      if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_WRITE) return end();
      return want(EPOLLIN | EPOLLOUT);
    }
    out_.erase(0, sent);
  }
  want(EPOLLIN);
}

std::string rest_request(std::string_view method, std::string_view target,
                         std::string_view authorization, std::string_view body) {
  std::string out;
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  if (!authorization.empty()) out.append("Authorization: ").append(authorization).append("\r\n");
  if (!body.empty()) out += "Content-Type: application/json\r\n";
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return out.append(body);
}

void RestConnection::on_bytes(std::string_view bytes) {
  in_.append(bytes);
  const auto header_end = in_.find("\r\n\r\n");
  if (header_end == std::string::npos) return;
  const std::string_view header(in_.data(), header_end);
  int status = 0;
  std::from_chars(header.data() + 9, header.data() + 12, status);
  std::size_t length = 0;
  constexpr std::string_view kLength = "Content-Length: ";
  if (const auto at = header.find(kLength); at != std::string_view::npos)
    std::from_chars(header.data() + at + kLength.size(), header.data() + header.size(), length);
  if (in_.size() < header_end + 4 + length) return;
  const std::string whole = std::exchange(in_, {});
  on_response(status, std::string_view(whole).substr(header_end + 4, length));
}

std::string websocket_frame(Opcode opcode, std::string_view payload) {
  // Not zero, so that the server has something to unmask; nobody in between needs protection.
  constexpr std::array<unsigned char, 4> kMask{0x37, 0xfa, 0x21, 0x3d};
  std::string out;
  out += static_cast<char>(0x80 | static_cast<unsigned>(opcode));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(payload.size() >> 8 & 0xFF);
    out += static_cast<char>(payload.size() & 0xFF);
  }
  out.append(reinterpret_cast<const char*>(kMask.data()), kMask.size());
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ kMask[i % 4]);
  return out;
}

WebSocketConnection::WebSocketConnection(EventLoop& loop, SSL_CTX* context, const sockaddr_in& from,
                                         const sockaddr_in& to, std::string authorization)
    : TlsConnection(loop, context, from, to), authorization_(std::move(authorization)) {}

void WebSocketConnection::on_open() {
  std::string request = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: " + authorization_;
  request +=
      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: bGFucmFnZSBiZW5jaCE9PQ==\r\n\r\n";
  send(request);
}

void WebSocketConnection::on_bytes(std::string_view bytes) {
  if (!in_.empty() || !upgraded_) {
    in_.append(bytes);
    bytes = in_;
  }
  std::size_t used = 0;
  if (!upgraded_) {
    const auto header_end = bytes.find("\r\n\r\n");
    if (header_end == std::string_view::npos) return;
    if (!bytes.starts_with("HTTP/1.1 101"))
      throw std::runtime_error("the WebSocket was refused: " + std::string(bytes));
    upgraded_ = true;
    used = header_end + 4;
    on_upgraded();
  }
  used += take_frames(bytes.substr(used));
  if (in_.empty())
    in_.assign(bytes.substr(used));
  else
    in_.erase(0, used);
  if (in_.empty()) in_.shrink_to_fit();
}

std::size_t WebSocketConnection::take_frames(std::string_view bytes) {
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
  while (bytes.size() >= at + 2) {
    std::size_t header = 2;
    std::size_t size = byte(1);
    if (size >= 126) {
      header = size == 126 ? 4 : 10;
      if (bytes.size() < at + header) break;
      size = 0;
      for (std::size_t i = 2; i < header; ++i)
        size = size << 8 | byte(i);
    }
    if (bytes.size() < at + header + size) break;
    const auto opcode = static_cast<Opcode>(byte(0) & 0x0F);
    const auto payload = bytes.substr(at + header, size);
    at += header + size;
    if (opcode == Opcode::text) on_text(payload);
    if (opcode == Opcode::pong) on_pong(payload);
    if (opcode == Opcode::ping) send(websocket_frame(Opcode::pong, payload));
    if (has_ended()) break;
  }
  return at;
}

}  // namespace lanrage::bench
