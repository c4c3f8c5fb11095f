#include "agent/beacon_socket.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/beacon.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

// True when the option was set; where one isn't, the socket still does what it can.
template <class T>
bool set(udp::socket& socket, int level, int option, const T& value) {
  return ::setsockopt(socket.native_handle(), level, option, &value, sizeof value) == 0;
}

void open_family(udp::socket& socket, const udp& protocol, std::uint16_t port, error_code& error) {
  socket.open(protocol, error);
  if (error) return;
  const bool v6 = protocol == udp::v6();
  if (v6) socket.set_option(asio::ip::v6_only(true), error);
  if (!error && port != 0) socket.set_option(udp::socket::reuse_address(true), error);
  if (!error) socket.bind({protocol, port}, error);
  if (!error) socket.non_blocking(true, error);
  const int yes = 1;
  const int no = 0;
  const int one_hop = 1;
  bool link_only = set(socket, SOL_SOCKET, SO_DONTROUTE, yes);
  if (v6) {
    link_only = link_only && set(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, one_hop);
    set(socket, IPPROTO_IPV6, IPV6_MULTICAST_ALL, no);
  } else {
    link_only = link_only && set(socket, IPPROTO_IP, IP_MULTICAST_TTL, one_hop);
    set(socket, IPPROTO_IP, IP_MULTICAST_ALL, no);  // only what this socket itself joined
  }
  if (!error && !link_only) error = error_code(errno, boost::system::system_category());
  error_code ignored;
  if (error) socket.close(ignored);
}

ip_mreqn membership(const LanInterface& interface) {
  ip_mreqn out{};
  const auto group = asio::ip::make_address_v4(kBeaconGroup4).to_bytes();
  std::memcpy(&out.imr_multiaddr, group.data(), group.size());
  out.imr_ifindex = static_cast<int>(interface.index);
  return out;
}

}  // namespace

IpAddress address_of(const BeaconSocket::Peer& peer) {
  if (peer.address().is_v4()) return IpAddress::v4(peer.address().to_v4().to_bytes());
  return IpAddress::v6(peer.address().to_v6().to_bytes());
}

BeaconSocket::BeaconSocket(asio::io_context& io, Receiver receiver)
    : v4_(io), v6_(io), receiver_(std::move(receiver)) {}

Result<std::shared_ptr<BeaconSocket>> BeaconSocket::open(asio::io_context& io, std::uint16_t port,
                                                         Receiver receiver) {
  std::shared_ptr<BeaconSocket> self(new BeaconSocket(io, std::move(receiver)));
  error_code no_v4;
  open_family(self->v4_.socket, udp::v4(), port, no_v4);
  error_code no_v6;
  open_family(self->v6_.socket, udp::v6(), port, no_v6);
  if (no_v4 && no_v6)
    return fail(BeaconErrc::no_socket, "cannot open UDP port " + std::to_string(port) +
                                           " for beacons: " + no_v4.message());
  if (!no_v4) self->receive(self->v4_);
  if (!no_v6) self->receive(self->v6_);
  return self;
}

void BeaconSocket::join(const std::vector<LanInterface>& interfaces) {
  for (const auto& interface : interfaces) {
    // Joined already, or an interface without that family: nothing to do either way.
    if (v4_.socket.is_open()) set(v4_.socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, membership(interface));
    if (!v6_.socket.is_open()) continue;
    ipv6_mreq request{};
    const auto group = asio::ip::make_address_v6(kBeaconGroup6).to_bytes();
    std::memcpy(&request.ipv6mr_multiaddr, group.data(), group.size());
    request.ipv6mr_interface = interface.index;
    set(v6_.socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
  }
}

void BeaconSocket::send_to_group(const LanInterface& interface, bool v6, ByteView datagram) {
  if (!v6) {
    if (!v4_.socket.is_open()) return;
    if (set(v4_.socket, IPPROTO_IP, IP_MULTICAST_IF, membership(interface)))
      send({asio::ip::make_address_v4(kBeaconGroup4), kBeaconPort}, datagram);
    return;
  }
  auto group = asio::ip::make_address_v6(kBeaconGroup6);
  group.scope_id(interface.index);
  send({group, kBeaconPort}, datagram);
}

void BeaconSocket::send(const Peer& to, ByteView datagram) {
  auto& socket = to.address().is_v4() ? v4_.socket : v6_.socket;
  error_code lost;  // like any datagram that gets lost
  if (socket.is_open()) socket.send_to(asio::buffer(datagram.data(), datagram.size()), to, 0, lost);
}

void BeaconSocket::close() {
  receiver_ = {};
  error_code ignored;
  v4_.socket.close(ignored);
  v6_.socket.close(ignored);
}

void BeaconSocket::receive(Family& family) {
  family.socket.async_receive_from(
      asio::buffer(family.buffer), family.from,
      [self = shared_from_this(), &family](const error_code& error, std::size_t size) {
        if (error == asio::error::operation_aborted || !family.socket.is_open()) return;
        const auto heard = self->receiver_;
        if (!error && heard) heard(family.from, ByteView(family.buffer).first(size));
        if (family.socket.is_open()) self->receive(family);
      });
}

}  // namespace lanrage::agent
