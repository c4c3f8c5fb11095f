#include "agent/echo_socket.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/clock.hpp"
#include "base/bytes.hpp"
#include "crypto/keys.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kIpHeader = 20;
constexpr std::size_t kIcmpHeader = 8;

// RFC 1071.
std::uint16_t internet_checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// RFC 792: type, code, checksum, identifier, sequence number.
Bytes echo_request(std::uint16_t id, std::uint16_t sequence, std::size_t packet_size) {
  ByteWriter writer;
  writer.u8(ICMP_ECHO).u8(0).u16(0).u16(id).u16(sequence);
  auto packet = std::move(writer).take();
  packet.resize(std::max(packet_size, kIpHeader + kIcmpHeader) - kIpHeader);
  const auto sum = internet_checksum(packet);
  packet[2] = static_cast<std::uint8_t>(sum >> 8);
  packet[3] = static_cast<std::uint8_t>(sum);
  return packet;
}

}  // namespace

Result<std::unique_ptr<EchoSocket>> EchoSocket::open(asio::io_context& io,
                                                     const std::string& interface) {
  const int fd = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
  if (fd < 0)
    return fail(EchoErrc::unavailable, std::string("cannot open an ICMP socket: ") +
                                           std::strerror(errno) + "; the agent needs CAP_NET_RAW");
  std::unique_ptr<EchoSocket> out(new EchoSocket(io, fd));
  icmp_filter only_replies{~(1u << ICMP_ECHOREPLY)};
  const int never_split = IP_PMTUDISC_PROBE;
  if (::setsockopt(fd, SOL_RAW, ICMP_FILTER, &only_replies, sizeof only_replies) != 0 ||
      ::setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &never_split, sizeof never_split) != 0 ||
      ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                   static_cast<socklen_t>(interface.size())) != 0)
    return fail(EchoErrc::unavailable,
                "cannot bind an ICMP socket to " + interface + ": " + std::strerror(errno));
  out->wait_readable();
  return out;
}

EchoSocket::EchoSocket(asio::io_context& io, int fd) : socket_(io, fd) {
  crypto::SystemRandom random;
  id_ = static_cast<std::uint16_t>(random.below(0x10000));
}

EchoSocket::~EchoSocket() {
  for (auto& [sequence, pending] : pending_)
    pending->timer.cancel();
}

asio::awaitable<std::optional<Duration>> EchoSocket::echo(IpAddress to, Duration timeout,
                                                          std::size_t size) {
  const std::uint16_t sequence = next_sequence_++;
  auto pending = std::make_shared<Pending>(
      Pending{to, monotonic_now(), std::nullopt, asio::steady_timer(socket_.get_executor())});
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(to.v4_value());
  const auto packet = echo_request(id_, sequence, size);
  // An error here (no route yet, a full buffer) is a lost echo like any other.
  ::sendto(socket_.native_handle(), packet.data(), packet.size(), 0,
           reinterpret_cast<const sockaddr*>(&address), sizeof address);
  pending_[sequence] = pending;
  pending->timer.expires_after(timeout);
  boost::system::error_code cancelled;
  auto token = asio::redirect_error(asio::use_awaitable, cancelled);
  co_await pending->timer.async_wait(token);
  // `this` may be gone when the owner closed while we waited; only an expired timer touches it.
  if (!cancelled) pending_.erase(sequence);
  co_return pending->rtt;
}

void EchoSocket::wait_readable() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (error) return;
                       read_replies();
                       wait_readable();
                     });
}

void EchoSocket::read_replies() {
  std::array<std::uint8_t, 2048> buffer;
  for (;;) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const auto count = ::recvfrom(socket_.native_handle(), buffer.data(), buffer.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &size);
    if (count < 0) return;
    ByteView packet(buffer.data(), static_cast<std::size_t>(count));
    const std::size_t header = packet.empty() ? 0 : (packet[0] & 0x0fu) * 4u;
    if (packet.size() < header + 8) continue;
    ByteReader reader(packet.subspan(header + 4));
    if (reader.u16() != id_) continue;
    const auto found = pending_.find(reader.u16());
    if (found == pending_.end() || found->second->to != IpAddress::v4(ntohl(from.sin_addr.s_addr)))
      continue;
    found->second->rtt = monotonic_now() - found->second->sent;
    found->second->timer.cancel();
    pending_.erase(found);
  }
}

}  // namespace lanrage::agent
