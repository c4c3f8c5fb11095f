// A UDP socket of both families for a few questions and answers, and no longer.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "stun/datagram.hpp"

namespace lanrage::agent {

class ProbeSocket : public std::enable_shared_from_this<ProbeSocket> {
 public:
  // The same port for both; IPv4 alone where there is no IPv6. Errors: JoinErrc::no_socket.
  static Result<std::shared_ptr<ProbeSocket>> open(boost::asio::io_context& io);

  std::uint16_t port() const { return port_; }
  // A failure is like a loss on the way.
  void send_all(stun::Datagrams& datagrams);

  struct Datagram {
    Endpoint from;
    ByteView bytes;  // until the next call
  };
  // Without waiting.
  std::optional<Datagram> receive();
  // Returns when something may be there, or at `deadline`.
  boost::asio::awaitable<void> wait(Instant deadline);

 private:
  using Udp = boost::asio::ip::udp;
  explicit ProbeSocket(boost::asio::io_context& io)
      : sockets_{Udp::socket(io), Udp::socket(io)}, readable_(io) {}

  std::array<Udp::socket, 2> sockets_;  // of IPv4 and of IPv6
  boost::asio::steady_timer readable_;  // cancelled when one is
  std::uint16_t port_ = 0;
  std::array<std::uint8_t, 1500> buffer_;
};

}  // namespace lanrage::agent
