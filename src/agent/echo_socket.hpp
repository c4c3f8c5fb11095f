// ICMP echo through the tunnel: what a player would call the ping, measured end to end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace lanrage::agent {

enum class EchoErrc { unavailable };
constexpr std::string_view name_of(EchoErrc) {
  return "echo_unavailable";
}

class EchoSocket {
 public:
  // Bound to `interface`, so that an answer from elsewhere can't count. Needs CAP_NET_RAW.
  static Result<std::unique_ptr<EchoSocket>> open(boost::asio::io_context& io,
                                                  const std::string& interface);
  ~EchoSocket();

  static constexpr std::size_t kEchoSize = 84;  // with IP header: what `ping` sends

  // One echo request as an IP packet of `size` bytes that nobody may split; the round trip, or
  // nothing when no answer came within `timeout`.
  boost::asio::awaitable<std::optional<Duration>> echo(IpAddress to, Duration timeout,
                                                       std::size_t size = kEchoSize);

 private:
  struct Pending {
    IpAddress to;
    Instant sent;
    std::optional<Duration> rtt;
    boost::asio::steady_timer timer;
  };

  EchoSocket(boost::asio::io_context& io, int fd);
  void wait_readable();
  void read_replies();

  boost::asio::posix::stream_descriptor socket_;
  std::uint16_t id_;
  std::uint16_t next_sequence_ = 0;
  std::map<std::uint16_t, std::shared_ptr<Pending>> pending_;  // by sequence number
};

}  // namespace lanrage::agent
