// The socket by which members' agents talk to each other inside the tunnel: UDP between their
// tunnel addresses (trust/tunnel_address.hpp), one port at both ends. A firewall that lets in
// answers only is passed once both have sent. All on one io_context thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"

namespace lanrage::agent {

enum class MemberChannelErrc { unavailable };
constexpr std::string_view name_of(MemberChannelErrc) {
  return "member_channel_unavailable";
}

class MemberChannel : public std::enable_shared_from_this<MemberChannel> {
 public:
  // Below 1024: no user's program on a member's machine can speak in its agent's name.
  static constexpr std::uint16_t kPort = 867;

  using Receiver = std::function<void(const IpAddress& from, ByteView datagram)>;

  // On the interface only. unavailable: without IPv6, or the right to the port
  // (CAP_NET_BIND_SERVICE).
  static Result<std::shared_ptr<MemberChannel>> open(boost::asio::io_context& io,
                                                     const std::string& interface,
                                                     const IpAddress& own, Receiver receiver);

  // Lost, like any datagram, when it can't be sent.
  void send(const IpAddress& to, ByteView datagram);
  void close();  // the receiver isn't called any more

 private:
  MemberChannel(boost::asio::io_context& io, Receiver receiver)
      : socket_(io), receiver_(std::move(receiver)) {}
  void receive();

  boost::asio::ip::udp::socket socket_;
  boost::asio::ip::udp::endpoint from_;
  ByteArray<2048> buffer_{};
  Receiver receiver_;
};

}  // namespace lanrage::agent
