#include "relay/client_ports.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace lanrage::bench {
namespace {

constexpr int kBufferBytes = 16 << 20;

[[noreturn]] void fail_with_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void set(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) fail_with_errno("setsockopt");
}

int open_socket(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail_with_errno("socket");
  set(fd, SOL_SOCKET, SO_RCVBUFFORCE, kBufferBytes);
  set(fd, SOL_SOCKET, SO_SNDBUFFORCE, kBufferBytes);
  set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  set(fd, IPPROTO_IP, IP_PKTINFO, 1);
  const sockaddr_in address = to_sockaddr({{}, port});
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail_with_errno("bind");
  return fd;
}

std::uint32_t destination_of(msghdr& header) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_PKTINFO) continue;
    in_pktinfo info;
    std::memcpy(&info, CMSG_DATA(part), sizeof info);
    return ntohl(info.ipi_addr.s_addr);
  }
  return 0;
}

}  // namespace

sockaddr_in to_sockaddr(const Endpoint& endpoint) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(endpoint.port);
  out.sin_addr.s_addr = htonl(endpoint.address.v4_value());
  return out;
}

SourceControl source_control(const IpAddress& source) {
  SourceControl out{};
  msghdr header{};
  header.msg_control = out.bytes;
  header.msg_controllen = sizeof out.bytes;
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = IPPROTO_IP;
  part->cmsg_type = IP_PKTINFO;
  part->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo info{};
  info.ipi_spec_dst.s_addr = htonl(source.v4_value());
  std::memcpy(CMSG_DATA(part), &info, sizeof info);
  return out;
}

ClientPorts::ClientPorts(const lab::NetNamespace& place, const IpAddress& prefix,
                         std::uint16_t first_port)
    : prefix_(prefix.v4_value()), first_port_(first_port) {
  place.inside([this] {
    for (std::size_t i = 0; i < kSockets; ++i)
      sockets_.push_back(open_socket(static_cast<std::uint16_t>(first_port_ + i)));
  });
}

ClientPorts::~ClientPorts() {
  for (const int fd : sockets_)
    ::close(fd);
}

Endpoint ClientPorts::endpoint(std::size_t client) const {
  return {IpAddress::v4(prefix_ + 1 + static_cast<std::uint32_t>(client)),
          static_cast<std::uint16_t>(first_port_ + socket_of(client))};
}

void ClientPorts::send(std::size_t client, const Endpoint& to, ByteView bytes) const {
  sockaddr_in address = to_sockaddr(to);
  SourceControl control = source_control(endpoint(client).address);
  iovec content{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_name = &address;
  header.msg_namelen = sizeof address;
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  // Whoever asks for something asks again when there is no answer.
  if (::sendmsg(fd(socket_of(client)), &header, 0) < 0 && errno != EAGAIN && errno != ENOBUFS)
    fail_with_errno("sendmsg");
}

void ClientPorts::receive(const Sink& sink) const {
  std::array<std::uint8_t, 2048> buffer;
  std::array<std::uint8_t, 256> control;
  for (const int fd : sockets_) {
    while (true) {
      sockaddr_in from{};
      iovec content{buffer.data(), buffer.size()};
      msghdr header{};
      header.msg_name = &from;
      header.msg_namelen = sizeof from;
      header.msg_iov = &content;
      header.msg_iovlen = 1;
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      const auto size = ::recvmsg(fd, &header, 0);
      if (size < 0) break;
      const std::uint32_t client = destination_of(header) - prefix_ - 1;
      if (client >= kMostClients) continue;
      sink(client, {IpAddress::v4(ntohl(from.sin_addr.s_addr)), ntohs(from.sin_port)},
           ByteView(buffer.data(), static_cast<std::size_t>(size)));
    }
  }
}

void wait_for_packets(const ClientPorts& one, const ClientPorts& other, int milliseconds) {
  std::array<pollfd, 2 * ClientPorts::kSockets> polled{};
  for (std::size_t i = 0; i < ClientPorts::kSockets; ++i) {
    polled[2 * i] = {one.fd(i), POLLIN, 0};
    polled[2 * i + 1] = {other.fd(i), POLLIN, 0};
  }
  ::poll(polled.data(), polled.size(), milliseconds);
}

}  // namespace lanrage::bench
