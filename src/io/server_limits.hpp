// What an HTTP and WebSocket server grants each connection.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/token_bucket.hpp"

namespace lanrage::io {

struct ServerLimits {
  std::size_t body_bytes = 64 * 1024;                // beyond: 413
  std::size_t header_bytes = 16 * 1024;              // beyond: 431
  std::chrono::milliseconds handshake_time{10'000};  // TLS
  std::chrono::milliseconds header_time{10'000};     // from a request's first byte
  std::chrono::milliseconds body_time{20'000};       // from its header's end
  std::chrono::milliseconds answer_time{30'000};     // for the program to answer, and to write it
  std::chrono::milliseconds idle_time{60'000};       // keep-alive between requests
  std::size_t requests_per_connection = 10'000;
  std::size_t connections = 4096;
  std::size_t connections_per_address = 128;  // IPv6: by /64
  // A TLS handshake is the dearest thing that a stranger can ask for.
  Rate new_connections_per_address{20, 400};
  // WebSocket.
  std::size_t message_bytes = 64 * 1024;         // received; beyond: closed with 1009
  std::size_t queue_bytes = 256 * 1024;          // waiting to be sent; see WebSocket::send
  std::chrono::milliseconds ping_every{12'000};  // minus up to a quarter of jitter
  std::chrono::milliseconds dead_after{30'000};  // nothing received, or a frame stuck in sending
  std::chrono::milliseconds close_time{3'000};
};

}  // namespace lanrage::io
