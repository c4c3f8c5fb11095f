// HTTP/1.1 and WebSocket server, over TLS or plain, on one io_context thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <variant>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "io/http_types.hpp"
#include "io/server_limits.hpp"
#include "io/tls.hpp"
#include "io/websocket.hpp"

namespace lanrage::io {

enum class ServerErrc { address_in_use, cannot_listen };
constexpr std::string_view name_of(ServerErrc code) {
  return code == ServerErrc::address_in_use ? "address_in_use" : "cannot_listen";
}

// Answers one request, once, now or later, on the io_context's thread. Destroyed unused, it answers
// 500. An answer for a connection that has gone is dropped.
class Responder {
 public:
  // Where answers go; a test may have its own.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void answer(HttpResponse response) = 0;
  };
  explicit Responder(std::shared_ptr<Sink> sink);
  Responder(Responder&& other) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  void send(HttpResponse response);

 private:
  std::shared_ptr<Sink> sink_;
};

struct ServerEvents {
  std::function<void(HttpRequest, Responder)> on_request;
  // For requests with Upgrade: websocket. Accept by the callback to run once it is open, or refuse.
  std::function<std::variant<WebSocketOpened, HttpResponse>(const HttpRequest&)> on_upgrade;
};

// What a connection was doing when its time was over.
enum class TimedOut : std::uint8_t { handshake, header, body, idle, answer };
inline constexpr std::size_t kTimeouts = 5;
// Why a request came to no route.
enum class Rejected : std::uint8_t { header_size, body_size, malformed, media_type, unanswered };
inline constexpr std::size_t kRejections = 5;

struct ServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused_by_cap = 0;      // of all connections
  std::uint64_t refused_by_address = 0;  // the cap of one address
  std::uint64_t refused_by_rate = 0;     // too many new ones from one address
  std::uint64_t failed_handshakes = 0;
  std::uint64_t requests = 0;
  std::array<std::uint64_t, kTimeouts> timeouts{};
  std::array<std::uint64_t, kRejections> rejected{};
  std::uint64_t open = 0;
  std::uint64_t websockets = 0;  // open now
  WebSocketFaults websocket_faults;

  std::uint64_t& of(TimedOut what) { return timeouts[static_cast<std::size_t>(what)]; }
  std::uint64_t of(TimedOut what) const { return timeouts[static_cast<std::size_t>(what)]; }
  std::uint64_t& of(Rejected why) { return rejected[static_cast<std::size_t>(why)]; }
  std::uint64_t of(Rejected why) const { return rejected[static_cast<std::size_t>(why)]; }
};

class HttpServer {
 public:
  struct Options {
    Endpoint listen;                  // port 0: any free one; see endpoint()
    std::shared_ptr<TlsContext> tls;  // null: plain HTTP
    ServerLimits limits;
  };
  // Listens at once. An address in use is an error that names address and port.
  static Result<std::unique_ptr<HttpServer>> start(boost::asio::io_context& io, Options options,
                                                   ServerEvents events);
  // Cuts every connection; no callback follows. Must go before the io_context does.
  virtual ~HttpServer() = default;

  virtual Endpoint endpoint() const = 0;
  virtual const ServerCounters& counters() const = 0;
  // What connections show that begin from now on; those that stand keep theirs. Only for a server
  // that was started with TLS.
  virtual void set_tls(std::shared_ptr<TlsContext> tls) = 0;
  // No new connections; WebSockets are closed with 1001, requests under way are answered. `done`
  // is called when the last connection has ended, at the latest after `grace`.
  virtual void stop(std::chrono::milliseconds grace, std::function<void()> done) = 0;
};

}  // namespace lanrage::io
