#include "server/udp_socket.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace lanrage::server {
namespace {

// Game traffic comes in bursts; Linux's default of 208 KiB loses some of them.
constexpr int kBufferBytes = 4 << 20;

socklen_t to_sockaddr(const Endpoint& endpoint, bool v6_socket, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  if (!v6_socket) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr.s_addr = htonl(endpoint.address.v4_value());
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  ByteView bytes = endpoint.address.bytes();
  if (bytes.size() == 4) {
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xFF;
    std::memcpy(v6.sin6_addr.s6_addr + 12, bytes.data(), 4);
  } else {
    std::memcpy(v6.sin6_addr.s6_addr, bytes.data(), 16);
  }
  return sizeof v6;
}

IpAddress to_address(const in_addr& address) {
  return IpAddress::v4(ntohl(address.s_addr));
}
IpAddress to_address(const in6_addr& address) {
  ByteArray<16> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::v6(bytes);
}

Endpoint to_endpoint(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return {to_address(v6.sin6_addr), ntohs(v6.sin6_port)};
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  return {to_address(v4.sin_addr), ntohs(v4.sin_port)};
}

void set_option(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof value);
}

std::unexpected<Error> bind_error(int error, const Endpoint& listen, std::string_view flag) {
  std::string where = "UDP " + listen.to_string();
  std::string change = std::string(flag) + " ADDR:PORT";
  switch (error) {
    case EADDRINUSE:
      return fail(
          UdpErrc::port_taken,
          where + " is taken by another program: stop that one, or choose another with " + change,
          std::string(flag));
    case EADDRNOTAVAIL:
      return fail(UdpErrc::address_not_here,
                  where + " isn't an address of this machine: choose one that is with " + change,
                  std::string(flag));
    case EACCES:
      return fail(UdpErrc::not_permitted,
                  where + " may be opened by root only: choose a port from 1024 up with " + change,
                  std::string(flag));
    default:
      return fail(
          UdpErrc::socket_failed,
          where + " can't be opened: " + std::strerror(error) + " (set with " + change + ")",
          std::string(flag));
  }
}

IpAddress destination_of(msghdr& header) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      return to_address(info.ipi_addr);
    }
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      return to_address(info.ipi6_addr);
    }
  }
  return {};
}

// Sends from `local`; the interface is left to routing.
std::size_t put_source(const IpAddress& local, bool v6_socket, std::uint8_t* control,
                       std::size_t size) {
  if (local.is_unspecified()) return 0;
  msghdr header{};
  header.msg_control = control;
  header.msg_controllen = size;
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  sockaddr_storage address;
  to_sockaddr({local, 0}, v6_socket, address);
  if (v6_socket) {
    in6_pktinfo info{};
    info.ipi6_addr = reinterpret_cast<sockaddr_in6&>(address).sin6_addr;
    part->cmsg_level = IPPROTO_IPV6;
    part->cmsg_type = IPV6_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(part), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }
  in_pktinfo info{};
  info.ipi_spec_dst = reinterpret_cast<sockaddr_in&>(address).sin_addr;
  part->cmsg_level = IPPROTO_IP;
  part->cmsg_type = IP_PKTINFO;
  part->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(part), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

Result<UdpSocket> UdpSocket::open(const Endpoint& listen, std::string_view flag) {
  return open(listen, flag, Share::no);
}

Result<std::vector<UdpSocket>> UdpSocket::open_several(const Endpoint& listen,
                                                       std::string_view flag, std::size_t count) {
  std::vector<UdpSocket> out;
  // The first is bound alone: a second program on the port must fail, not take a part of it.
  auto first = open(listen, flag, Share::no);
  if (!first) return std::unexpected(first.error());
  if (count > 1) set_option(first->fd(), SOL_SOCKET, SO_REUSEPORT, 1);
  out.push_back(std::move(*first));
  while (out.size() < count) {
    auto next = open(out.front().local(), flag, Share::yes);
    if (!next) return std::unexpected(next.error());
    out.push_back(std::move(*next));
  }
  return out;
}

Result<UdpSocket> UdpSocket::open(const Endpoint& listen, std::string_view flag, Share share) {
  bool v6 = listen.address.is_v6();
  FileDescriptor fd(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 && errno == EAFNOSUPPORT && v6 && listen.address.is_unspecified())
    return open({IpAddress(), listen.port}, flag, share);
  if (fd.get() < 0) return bind_error(errno, listen, flag);
  if (v6) {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
  } else {
    set_option(fd.get(), IPPROTO_IP, IP_PKTINFO, 1);
  }
  // WireGuard's own packets may be fragmented; forged ICMP can't shrink a path.
  set_option(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  for (auto [forced, plain] :
       {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}}) {
    int bytes = kBufferBytes;
    if (setsockopt(fd.get(), SOL_SOCKET, forced, &bytes, sizeof bytes) != 0) {
      set_option(fd.get(), SOL_SOCKET, plain, bytes);
    }
  }

  if (share == Share::yes) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  sockaddr_storage address;
  socklen_t size = to_sockaddr(listen, v6, address);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return bind_error(errno, listen, flag);
  }
  size = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return UdpSocket(std::move(fd), {listen.address, to_endpoint(address).port});
}

struct UdpBatch::Arrays {
  static constexpr std::size_t kControlSize = 64;
  struct alignas(cmsghdr) Control {
    std::uint8_t bytes[kControlSize];
  };
  static_assert(kControlSize >= CMSG_SPACE(sizeof(in6_pktinfo)));

  std::vector<std::uint8_t> buffers = std::vector<std::uint8_t>(kDatagrams * kBufferSize);
  std::array<Received, kDatagrams> received;
  std::array<mmsghdr, kDatagrams> in{};
  std::array<iovec, kDatagrams> in_bytes{};
  std::array<sockaddr_storage, kDatagrams> in_address{};
  std::array<Control, kDatagrams> in_control{};
  std::array<mmsghdr, kDatagrams> out{};
  std::array<iovec, kDatagrams> out_bytes{};
  std::array<sockaddr_storage, kDatagrams> out_address{};
  std::array<Control, kDatagrams> out_control{};
};

UdpBatch::UdpBatch() : arrays_(std::make_unique<Arrays>()) {}
UdpBatch::~UdpBatch() = default;

std::span<const UdpBatch::Received> UdpBatch::receive(const UdpSocket& socket) {
  Arrays& a = *arrays_;
  queued_ = 0;
  for (std::size_t i = 0; i < kDatagrams; ++i) {
    a.in_bytes[i] = {a.buffers.data() + i * kBufferSize, kBufferSize};
    a.in[i].msg_hdr = {.msg_name = &a.in_address[i],
                       .msg_namelen = sizeof a.in_address[i],
                       .msg_iov = &a.in_bytes[i],
                       .msg_iovlen = 1,
                       .msg_control = a.in_control[i].bytes,
                       .msg_controllen = Arrays::kControlSize,
                       .msg_flags = 0};
  }
  int count = recvmmsg(socket.fd(), a.in.data(), kDatagrams, MSG_DONTWAIT, nullptr);
  std::size_t kept = 0;
  for (int i = 0; i < count; ++i) {
    ++counters_.received;
    if (a.in[i].msg_hdr.msg_flags & MSG_TRUNC) {
      ++counters_.oversized;
      continue;
    }
    auto* bytes = static_cast<std::uint8_t*>(a.in_bytes[i].iov_base);
    a.received[kept++] = {to_endpoint(a.in_address[i]), destination_of(a.in[i].msg_hdr),
                          MutableByteView(bytes, a.in[i].msg_len),
                          MutableByteView(bytes, kBufferSize)};
  }
  return {a.received.data(), kept};
}

void UdpBatch::queue(const UdpSocket& socket, const Endpoint& to, const IpAddress& local,
                     ByteView bytes) {
  if (to.address.is_v6() && !socket.is_v6()) {
    ++counters_.send_failures;
    return;
  }
  Arrays& a = *arrays_;
  std::size_t i = queued_++;
  a.out_bytes[i] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  socklen_t size = to_sockaddr(to, socket.is_v6(), a.out_address[i]);
  std::size_t control =
      put_source(local, socket.is_v6(), a.out_control[i].bytes, Arrays::kControlSize);
  a.out[i].msg_hdr = {.msg_name = &a.out_address[i],
                      .msg_namelen = size,
                      .msg_iov = &a.out_bytes[i],
                      .msg_iovlen = 1,
                      .msg_control = control ? a.out_control[i].bytes : nullptr,
                      .msg_controllen = control,
                      .msg_flags = 0};
}

void UdpBatch::send(const UdpSocket& socket) {
  for (std::size_t done = 0; done < queued_;) {
    int count = sendmmsg(socket.fd(), arrays_->out.data() + done,
                         static_cast<unsigned>(queued_ - done), MSG_DONTWAIT);
    if (count > 0) {
      counters_.sent += static_cast<std::uint64_t>(count);
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      ++counters_.send_failures;  // this one's fault, or no room: the rest gets its own chance
      ++done;
    }
  }
  queued_ = 0;
}

}  // namespace lanrage::server
