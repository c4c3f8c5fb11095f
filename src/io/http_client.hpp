// HTTP/1.1 client of one origin: a keep-alive connection over TLS or plain, opened when needed.
// All on one io_context thread; requests made at the same time take turns.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "io/http_types.hpp"
#include "io/tls.hpp"

namespace lanrage::io {

enum class ClientErrc {
  cannot_resolve,      // no address for the host name
  server_unreachable,  // refused, no route
  timeout,
  connection_lost,        // cut before the answer was complete
  not_tls,                // something answers, but not TLS
  pin_mismatch,           // not the server that the invite names
  certificate_untrusted,  // no pin given, and no authority vouches for the certificate
  malformed_answer,
  answer_too_large,
  upgrade_refused,  // WebSocket: the server answered with a plain HTTP status
  closed,           // WebSocket: closed by either end
};
constexpr std::string_view name_of(ClientErrc code) {
  switch (code) {
    case ClientErrc::cannot_resolve:
      return "cannot_resolve";
    case ClientErrc::server_unreachable:
      return "server_unreachable";
    case ClientErrc::timeout:
      return "timeout";
    case ClientErrc::connection_lost:
      return "connection_lost";
    case ClientErrc::not_tls:
      return "not_tls";
    case ClientErrc::pin_mismatch:
      return "pin_mismatch";
    case ClientErrc::certificate_untrusted:
      return "certificate_untrusted";
    case ClientErrc::malformed_answer:
      return "malformed_answer";
    case ClientErrc::answer_too_large:
      return "answer_too_large";
    case ClientErrc::upgrade_refused:
      return "upgrade_refused";
    case ClientErrc::closed:
      return "closed";
  }
  return "unknown";
}

struct Origin {
  std::string host;  // name or address; IPv6 without brackets
  std::uint16_t port = 8667;
  bool tls = true;
  TlsPolicy policy;

  std::string to_string() const;  // "https://host:port"
  // "https://HOST[:PORT]" or "http://..."; port 8667 unless named; a path other than "/" is
  // refused.
  static std::optional<Origin> parse(std::string_view url);
};

struct ClientLimits {
  std::chrono::milliseconds connect_time{5'000};  // each of: resolve, connect, TLS handshake
  std::size_t body_bytes = 4 * 1024 * 1024;
  std::size_t header_bytes = 16 * 1024;
  // WebSocket.
  std::size_t message_bytes = 4 * 1024 * 1024;
  std::size_t queue_bytes = 1024 * 1024;  // beyond: the connection is given up
  std::chrono::milliseconds ping_every{12'000};
  std::chrono::milliseconds dead_after{30'000};
  std::chrono::milliseconds close_time{2'000};
};

class HttpClient {
 public:
  static std::unique_ptr<HttpClient> make(boost::asio::io_context& io, Origin origin,
                                          ClientLimits limits = {});
  // Ends requests under way with connection_lost.
  virtual ~HttpClient() = default;

  // Answers of any status are values. `timeout` covers everything from the request's turn on. A
  // kept connection that the server closed meanwhile is replaced unseen; a request that may have
  // arrived is repeated only if it is a GET or HEAD.
  virtual boost::asio::awaitable<Result<HttpResponse>> request(
      Method method, std::string target, Headers headers, std::string body,
      std::chrono::milliseconds timeout) = 0;
  // SHA-256 of the server certificate's SPKI as of the latest connection; zeros over plain HTTP,
  // nothing before the first.
  virtual std::optional<crypto::Hash> server_binding() const = 0;
  // Our own address and port on the latest connection.
  virtual std::optional<Endpoint> local_endpoint() const = 0;
  // The server's address on the latest connection.
  virtual std::optional<Endpoint> remote_endpoint() const = 0;
  virtual const Origin& origin() const = 0;
  // Cuts the connection; a request under way ends with connection_lost, the next connects anew.
  virtual void disconnect() = 0;
};

// One connection; make another to reconnect. Answers pings, finds a dead server within
// ClientLimits::dead_after.
class WebSocketClient {
 public:
  static std::unique_ptr<WebSocketClient> make(boost::asio::io_context& io, Origin origin,
                                               ClientLimits limits = {});
  virtual ~WebSocketClient() =
      default;  // cuts the connection; receive() under way ends with closed

  // Once. upgrade_refused carries the problem's text; refusal() has the whole answer.
  virtual boost::asio::awaitable<Result<void>> connect(std::string target, Headers headers,
                                                       std::chrono::milliseconds timeout) = 0;
  virtual const std::optional<HttpResponse>& refusal() const = 0;
  // The next text frame; one receive() at a time.
  virtual boost::asio::awaitable<Result<std::string>> receive() = 0;
  // Queues; never blocks. False when the connection is closed.
  virtual bool send(std::string text) = 0;
  // Sends what is queued, then a close frame; receive() ends with closed.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  // The network has changed: ends with closed unless the server is heard within `limit`. A
  // connect() under way is given up.
  virtual void check(std::chrono::milliseconds limit) = 0;
  virtual bool is_open() const = 0;
  virtual std::optional<Endpoint> local_endpoint() const = 0;
};

}  // namespace lanrage::io
