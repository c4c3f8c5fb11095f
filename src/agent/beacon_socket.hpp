// UDP sockets for beacons, one a family. Everything stays on the link: multicast has a TTL of 1,
// and what goes to one address is sent without a router. All on one io_context thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "agent/lan_interfaces.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace lanrage::agent {

enum class BeaconErrc { no_socket };
constexpr std::string_view name_of(BeaconErrc) {
  return "no_socket";
}

class BeaconSocket : public std::enable_shared_from_this<BeaconSocket> {
 public:
  using Peer = boost::asio::ip::udp::endpoint;  // with the scope that a link-local address needs
  using Receiver = std::function<void(const Peer& from, ByteView datagram)>;

  // Hears what is sent to the groups (`port`: kBeaconPort; shared with other agents on this
  // machine), or with port 0 only what is sent to itself. One family is enough; no_socket when
  // neither works.
  static Result<std::shared_ptr<BeaconSocket>> open(boost::asio::io_context& io, std::uint16_t port,
                                                    Receiver receiver);

  // Takes part on these from now on; again whenever they may have changed.
  void join(const std::vector<LanInterface>& interfaces);
  // To the group of a family on one interface, at kBeaconPort.
  void send_to_group(const LanInterface& interface, bool v6, ByteView datagram);
  void send(const Peer& to, ByteView datagram);
  void close();  // the receiver isn't called any more

 private:
  using Socket = boost::asio::ip::udp::socket;
  struct Family {
    explicit Family(boost::asio::io_context& io) : socket(io) {}
    Socket socket;
    Peer from;
    ByteArray<2048> buffer{};
  };

  BeaconSocket(boost::asio::io_context& io, Receiver receiver);
  void receive(Family& family);

  Family v4_;
  Family v6_;
  Receiver receiver_;
};

IpAddress address_of(const BeaconSocket::Peer& peer);

}  // namespace lanrage::agent
