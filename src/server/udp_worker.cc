#include "server/udp_worker.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/clock.hpp"

namespace lanrage::server {
namespace {

UdpTimes times() {
  using namespace std::chrono;
  return {io::monotonic_now(), time_point_cast<milliseconds>(system_clock::now())};
}

}  // namespace

Result<std::unique_ptr<UdpWorker>> UdpWorker::start(std::vector<const UdpSocket*> sockets,
                                                    Callbacks callbacks, int nudge_fd) {
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC));
  if (wake.get() < 0) {
    return fail(UdpErrc::socket_failed, std::string("no eventfd: ") + std::strerror(errno));
  }
  return std::unique_ptr<UdpWorker>(
      new UdpWorker(std::move(wake), std::move(sockets), std::move(callbacks), nudge_fd));
}

UdpWorker::UdpWorker(FileDescriptor wake, std::vector<const UdpSocket*> sockets,
                     Callbacks callbacks, int nudge_fd)
    : wake_(std::move(wake)),
      sockets_(std::move(sockets)),
      callbacks_(std::move(callbacks)),
      nudge_fd_(nudge_fd) {
  // A thread inherits its mask: SIGTERM must reach whoever waits for it.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

UdpWorker::~UdpWorker() {
  std::uint64_t one = 1;
  while (write(wake_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void UdpWorker::run() {
  // poll passes over a negative descriptor.
  std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}, {nudge_fd_, POLLIN, 0}};
  for (const UdpSocket* socket : sockets_)
    polled.push_back({socket->fd(), POLLIN, 0});
  Instant next_second = times().now;
  while (true) {
    poll(polled.data(), polled.size(), 1000);
    if (polled[0].revents) return;
    UdpTimes current = times();
    if (polled[1].revents) callbacks_.nudged(current);
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents) callbacks_.readable(i - 2, current);
    }
    if (current.now >= next_second) {
      callbacks_.every_second(current);
      next_second = current.now + std::chrono::seconds(1);
    }
  }
}

}  // namespace lanrage::server
