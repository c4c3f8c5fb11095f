// Client ends of TLS connections: as little as HTTP/1.1 and RFC 6455 need when both ends are ours.
#pragma once

#include <memory>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <string>
#include <string_view>

#include "control/event_loop.hpp"
#include "crypto/hash.hpp"

namespace lanrage::bench {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// Accepts any certificate: whom we talk to, we started ourselves.
std::unique_ptr<SSL_CTX, FreeSsl> client_context();

// Every address of 127.0.0.0/8 is ours, so that a server's limits by address don't bind.
sockaddr_in loopback(std::uint32_t host, std::uint16_t port);

class TlsConnection : public Pollable {
 public:
  TlsConnection(EventLoop& loop, SSL_CTX* context, const sockaddr_in& from, const sockaddr_in& to);
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;
  ~TlsConnection() override;

  // One call is one TLS record, if it is small. Before the handshake is done it waits.
  void send(std::string_view bytes);
  // Without a word to the peer: what a program that dies does.
  void drop();
  bool is_open() const { return state_ == State::open; }
  bool has_ended() const { return state_ == State::ended; }
  // SHA-256 of the server's public key info.
  crypto::Hash server_key() const;

  void on_ready(std::uint32_t events) final;

 protected:
  virtual void on_open() = 0;
  virtual void on_bytes(std::string_view bytes) = 0;
  virtual void on_end() = 0;  // not after drop()

 private:
  enum class State { connecting, handshake, open, ended };
  void handshake();
  void read();
  void write();
  void want(std::uint32_t events);
  void end();

  EventLoop& loop_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  int fd_ = -1;
  State state_ = State::connecting;
  std::uint32_t wanted_ = 0;
  std::string out_;
};

// One request at a time.
class RestConnection : public TlsConnection {
 public:
  using TlsConnection::TlsConnection;

 protected:
  virtual void on_response(int status, std::string_view body) = 0;

 private:
  void on_bytes(std::string_view bytes) final;

  std::string in_;
};

std::string rest_request(std::string_view method, std::string_view target,
                         std::string_view authorization, std::string_view body);

enum class Opcode : std::uint8_t { text = 1, close = 8, ping = 9, pong = 10 };
// A client's frame, masked.
std::string websocket_frame(Opcode opcode, std::string_view payload);

class WebSocketConnection : public TlsConnection {
 public:
  WebSocketConnection(EventLoop& loop, SSL_CTX* context, const sockaddr_in& from,
                      const sockaddr_in& to, std::string authorization);

 protected:
  virtual void on_upgraded() = 0;
  virtual void on_text(std::string_view text) = 0;
  virtual void on_pong(std::string_view) {}

 private:
  void on_open() final;
  void on_bytes(std::string_view bytes) final;
  // How much of `bytes` was whole frames.
  std::size_t take_frames(std::string_view bytes);

  std::string authorization_;
  bool upgraded_ = false;
  std::string in_;
};

}  // namespace lanrage::bench
