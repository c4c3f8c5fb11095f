#include "server/service_manager.hpp"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace lanrage::server {
namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

// systemd tells by it which RELOADING belongs to which request.
std::string monotonic_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::to_string(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000);
}

}  // namespace

void notify_service_manager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (*path != '/' && *path != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (*path == '@') address.sun_path[0] = '\0';  // an abstract socket
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  (void)::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  const auto whole = number_in("WATCHDOG_USEC");
  if (!whole || *whole < 2 || *whole > 86'400'000'000) return std::nullopt;
  const auto pid = number_in("WATCHDOG_PID");
  if (pid && *pid != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  return std::chrono::microseconds(*whole / 2);
}

void ServiceManager::ready(std::string_view status) {
  notify_service_manager("READY=1\nSTATUS=" + std::string(status));
  const auto every = watchdog_interval();
  if (!every || feeding_) return;
  feeding_ = true;
  feed(*every);
}

void ServiceManager::reloading() {
  notify_service_manager("RELOADING=1\nMONOTONIC_USEC=" + monotonic_microseconds());
}

void ServiceManager::stopping() {
  notify_service_manager("STOPPING=1");
}

void ServiceManager::feed(std::chrono::microseconds every) {
  notify_service_manager("WATCHDOG=1");
  timer_.expires_after(every);
  timer_.async_wait([this, every](const boost::system::error_code& error) {
    if (!error) feed(every);
  });
}

}  // namespace lanrage::server
