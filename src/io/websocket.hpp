// The server's end of one WebSocket. All calls on the io_context's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"

namespace lanrage::io {

// RFC 6455 section 7.4 and the IANA registry.
inline constexpr std::uint16_t kCloseNormal = 1000;
inline constexpr std::uint16_t kCloseGoingAway = 1001;
inline constexpr std::uint16_t kCloseUnsupported = 1003;  // binary frames
inline constexpr std::uint16_t kCloseNoStatus = 1005;     // never sent: a close without a code
inline constexpr std::uint16_t kCloseAbnormal = 1006;     // never sent: cut or dead
inline constexpr std::uint16_t kClosePolicy = 1008;
inline constexpr std::uint16_t kCloseTooBig = 1009;

class WebSocket {
 public:
  virtual ~WebSocket() = default;

  // Queues a text frame. When it would exceed the queue's limit (and something is queued), all that
  // waits is dropped, this text too; what is sent from then on is dropped until the frame in flight
  // has gone, then on_overflow is called: send a snapshot. Nothing after close().
  virtual void send(std::shared_ptr<const std::string> text) = 0;
  // Sends what is queued, then a close frame; on_closed follows, at the latest after the close
  // timeout.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  virtual std::size_t queued_bytes() const = 0;
  virtual const Endpoint& remote() const = 0;
};

// Never called from inside a call of WebSocket's. on_closed is the last of them, comes exactly once
// and frees what the others hold.
struct WebSocketEvents {
  std::function<void(std::string text)> on_text;
  std::function<void()> on_overflow;
  // The code the peer sent, or kCloseAbnormal when the connection was cut or found dead.
  std::function<void(std::uint16_t code, std::string reason)> on_closed;
};

// Ends of WebSockets that their peers brought about.
struct WebSocketFaults {
  std::uint64_t too_big = 0;     // a message over the limit: 1009
  std::uint64_t protocol = 0;    // what RFC 6455 forbids: 1002 and 1007
  std::uint64_t dead = 0;        // silent, or not reading, for too long
  std::uint64_t slow_close = 0;  // didn't close within the time
};

// Called when the handshake is done. Keep the pointer as long as you want to send; the session
// itself lives until its connection ends.
using WebSocketOpened = std::function<WebSocketEvents(std::shared_ptr<WebSocket>)>;

}  // namespace lanrage::io
