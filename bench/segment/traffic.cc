#include "segment/traffic.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include "io/unique_fd.hpp"
#include "support/process.hpp"

namespace lanrage::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint16_t kPort = 27'015;
constexpr int kPatience = 10'000;  // ms

[[noreturn]] void give_up(const char* what) {
  throw lab::LabError(std::string(what) + ": " + std::strerror(errno));
}

io::UniqueFd socket_in(const lab::NetNamespace& netns, int type) {
  io::UniqueFd out(netns.inside([&] { return ::socket(AF_INET, type | SOCK_CLOEXEC, 0); }));
  if (!out) give_up("socket");
  return out;
}

sockaddr_in to_sockaddr(const IpAddress& address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(kPort);
  out.sin_addr.s_addr = htonl(address.v4_value());
  return out;
}

void bind_to(const io::UniqueFd& fd, const IpAddress& address) {
  const auto local = to_sockaddr(address);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
    give_up("bind");
}

void connect_to(const io::UniqueFd& fd, const IpAddress& address) {
  const auto remote = to_sockaddr(address);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&remote), sizeof remote) != 0)
    give_up("connect");
}

}  // namespace

double tcp_mbit_s(const lab::NetNamespace& from, const lab::NetNamespace& to,
                  const IpAddress& address, std::chrono::milliseconds time) {
  const auto listener = socket_in(to, SOCK_STREAM);
  bind_to(listener, address);
  if (::listen(listener.get(), 1) != 0) give_up("listen");
  const auto sender = socket_in(from, SOCK_STREAM);
  connect_to(sender, address);
  const io::UniqueFd receiver(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!receiver) give_up("accept");
  std::thread sending([&] {
    const std::vector<char> block(1 << 18);
    while (::send(sender.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  std::vector<char> buffer(1 << 18);
  const auto begin = Clock::now();
  double bytes = 0;
  while (Clock::now() - begin < time) {
    const auto got = ::recv(receiver.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    bytes += static_cast<double>(got);
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  ::shutdown(receiver.get(), SHUT_RDWR);
  ::shutdown(sender.get(), SHUT_RDWR);
  sending.join();
  return bytes * 8 / took.count() / 1e6;
}

std::vector<double> round_trips_us(const lab::NetNamespace& from, const lab::NetNamespace& to,
                                   const IpAddress& address, int count, std::size_t size) {
  const auto server = socket_in(to, SOCK_DGRAM);
  bind_to(server, address);
  const auto client = socket_in(from, SOCK_DGRAM);
  connect_to(client, address);
  std::atomic<bool> stopping = false;
  std::thread answering([&] {
    std::vector<char> buffer(2048);
    while (!stopping) {
      pollfd wait{.fd = server.get(), .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 100) <= 0) continue;
      sockaddr_in who{};
      socklen_t who_size = sizeof who;
      const auto got = ::recvfrom(server.get(), buffer.data(), buffer.size(), 0,
                                  reinterpret_cast<sockaddr*>(&who), &who_size);
      if (got > 0)
        ::sendto(server.get(), buffer.data(), static_cast<std::size_t>(got), 0,
                 reinterpret_cast<const sockaddr*>(&who), who_size);
    }
  });
  std::vector<double> out;
  std::vector<char> buffer(size);
  for (int i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    pollfd wait{.fd = client.get(), .events = POLLIN, .revents = 0};
    if (::send(client.get(), buffer.data(), size, 0) < 0 || ::poll(&wait, 1, kPatience) <= 0 ||
        ::recv(client.get(), buffer.data(), size, 0) < 0)
      continue;
    out.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  stopping = true;
  answering.join();
  return out;
}

}  // namespace lanrage::bench
