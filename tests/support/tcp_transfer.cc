#include "support/tcp_transfer.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "crypto/hash.hpp"
#include "support/process.hpp"

namespace lanrage::lab {
namespace {

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

int tcp_socket(const NetNamespace& netns) {
  return netns.inside(
      [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
}

bool wait_for(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
  pollfd entry{fd, events, 0};
  return left > 0 && ::poll(&entry, 1, static_cast<int>(left)) > 0;
}

// Returns what went wrong, or an empty string.
std::string send_all(int fd, const sockaddr_in& to, const Bytes& data, Clock::time_point deadline) {
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 &&
      errno != EINPROGRESS)
    return std::string("connect: ") + std::strerror(errno);
  for (std::size_t sent = 0; sent < data.size();) {
    if (!wait_for(fd, POLLOUT, deadline)) return "the sender met its deadline";
    const auto n = ::send(fd, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      return std::string("send: ") + std::strerror(errno);
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
  ::shutdown(fd, SHUT_WR);
  return {};
}

std::string receive_all(int listener, Bytes& data, Clock::time_point deadline) {
  if (!wait_for(listener, POLLIN, deadline)) return "no connection arrived";
  const Socket connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  Bytes buffer(65'536);
  while (wait_for(connection.fd(), POLLIN, deadline)) {
    const auto n = ::recv(connection.fd(), buffer.data(), buffer.size(), 0);
    if (n == 0) return {};
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      return std::string("recv: ") + std::strerror(errno);
    if (n > 0) data.insert(data.end(), buffer.begin(), buffer.begin() + n);
  }
  return "the receiver met its deadline";
}

}  // namespace

TransferReport tcp_transfer(const NetNamespace& from, const NetNamespace& to,
                            const IpAddress& to_address, std::size_t size, Millis limit) {
  const auto begin = Clock::now();
  const auto deadline = begin + patient(limit);
  std::mt19937_64 generator(size);
  Bytes data(size);
  for (auto& byte : data)
    byte = static_cast<std::uint8_t>(generator());

  const Socket listener(tcp_socket(to));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(to_address.v4_value());
  socklen_t length = sizeof(address);
  if (::bind(listener.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener.fd(), 1) != 0 ||
      ::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw LabError("can't listen on " + to_address.to_string() + " in " + to.name());

  Bytes arrived;
  std::string receive_problem;
  std::thread receiver([&] { receive_problem = receive_all(listener.fd(), arrived, deadline); });
  const Socket sender(tcp_socket(from));
  const std::string send_problem = send_all(sender.fd(), address, data, deadline);
  receiver.join();

  TransferReport report;
  report.received = arrived.size();
  report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  report.problem = !send_problem.empty() ? send_problem : receive_problem;
  report.intact = report.problem.empty() && crypto::sha256(arrived) == crypto::sha256(data);
  if (report.problem.empty() && !report.intact) report.problem = "the hashes differ";
  return report;
}

}  // namespace lanrage::lab
