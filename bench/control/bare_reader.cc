#include "control/bare_reader.hpp"

#include <array>
#include <cerrno>
#include <list>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include "control/connection.hpp"
#include "io/tls.hpp"
#include "protocol/messages.hpp"

namespace lanrage::bench {
namespace {

std::string server_frame(std::string_view payload) {
  std::string out{static_cast<char>(0x81), 126};
  out += static_cast<char>(payload.size() >> 8);
  out += static_cast<char>(payload.size() & 0xFF);
  return out.append(payload);
}

std::string pong(std::span<const unsigned char> payload) {
  std::string out{static_cast<char>(0x8A), static_cast<char>(payload.size())};
  return out.append(reinterpret_cast<const char*>(payload.data()), payload.size());
}

// RFC 6455 section 4.2.2.
std::string accept_key(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 32> encoded;
  const int size = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(size)};
}

class Reader final : public Pollable {
 public:
  Reader(EventLoop& loop, SSL_CTX* context, int fd, const std::string& greeting)
      : loop_(loop), ssl_(SSL_new(context)), fd_(fd), greeting_(greeting) {
    SSL_set_fd(ssl_.get(), fd);
    SSL_set_accept_state(ssl_.get());
    loop_.add(fd, this, EPOLLIN);
  }
  ~Reader() override { close(); }
  bool has_ended() const { return fd_ < 0; }

  void on_ready(std::uint32_t) override {
    if (fd_ < 0) return;
    static std::array<unsigned char, 16384> space;
    do {
      ERR_clear_error();
      std::size_t got = 0;
      const int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &got);
      if (result != 1) {
        if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) close();
        return;
      }
      if (upgraded_)
        frames({space.data(), got});
      else
        upgrade({reinterpret_cast<const char*>(space.data()), got});
    } while (fd_ >= 0 && SSL_has_pending(ssl_.get()) != 0);
  }

 private:
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  void write(std::string_view bytes) {
    std::size_t sent = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) != 1) close();
  }

  // The load sends a request as one record, and so it does with a frame.
  void upgrade(std::string_view request) {
    constexpr std::string_view kName = "Sec-WebSocket-Key: ";
    const auto at = request.find(kName);
    if (at == std::string_view::npos) return close();
    write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        accept_key(request.substr(at + kName.size(), 24)) + "\r\n\r\n");
    upgraded_ = true;
  }

  void frames(std::span<unsigned char> bytes) {
    while (bytes.size() >= 6) {
      const unsigned opcode = bytes[0] & 0x0Fu;
      std::size_t header = 6;
      std::size_t size = bytes[1] & 0x7Fu;
      if (size == 126) {
        header = 8;
        size = static_cast<std::size_t>(bytes[2]) << 8 | bytes[3];
      }
      if (bytes.size() < header + size) return close();
      const auto mask = bytes.subspan(header - 4, 4);
      const auto payload = bytes.subspan(header, size);
      for (std::size_t i = 0; i < size; ++i)
        payload[i] ^= mask[i % 4];
      if (opcode == static_cast<unsigned>(Opcode::ping))
        write(pong(payload));
      else if (!greeted_)
        write(greeting_);
      greeted_ = true;
      bytes = bytes.subspan(header + size);
    }
  }

  EventLoop& loop_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  int fd_;
  const std::string& greeting_;
  bool upgraded_ = false;
  bool greeted_ = false;
};

class Listener final : public Pollable {
 public:
  Listener(EventLoop& loop, SSL_CTX* context) : loop_(loop), context_(context) {
    namespace ws = protocol::ws;
    greeting_ = server_frame(ws::to_json(ws::Welcome{"1", {}, 30, {}, "bare"})) +
                server_frame(ws::to_json(ws::CaughtUp{PartyId{}, 12, {}}));
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const sockaddr_in any = loopback(1, 0);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
        ::listen(fd_, SOMAXCONN) != 0)
      throw std::system_error(errno, std::generic_category(), "bare reader");
    loop_.add(fd_, this, EPOLLIN);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() override { ::close(fd_); }

  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

  void on_ready(std::uint32_t) override {
    for (;;) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      readers_.emplace_back(loop_, context_, fd, greeting_);
    }
  }

 private:
  EventLoop& loop_;
  SSL_CTX* context_;
  int fd_;
  std::string greeting_;
  std::list<Reader> readers_;
};

[[noreturn]] void serve(const std::filesystem::path& folder, int ready) {
  const auto tls = io::TlsContext::load_or_generate(folder);
  if (!tls) ::_exit(1);
  EventLoop loop;
  const Listener listener(loop, (*tls)->native());
  const std::string line = std::to_string(listener.port()) + "\n";
  if (::write(ready, line.data(), line.size()) < 0) ::_exit(1);
  for (;;)
    loop.turn(std::chrono::milliseconds(-1));
}

}  // namespace

BareReader::BareReader()
    : process_(std::make_unique<Child>([this](int ready) { serve(folder_.path(), ready); })),
      port_(static_cast<std::uint16_t>(std::stoi(process_->first_line()))) {}

}  // namespace lanrage::bench
