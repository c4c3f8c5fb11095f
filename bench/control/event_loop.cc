#include "control/event_loop.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <system_error>
#include <unistd.h>

namespace lanrage::bench {

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

EventLoop::~EventLoop() {
  ::close(epoll_);
}

void EventLoop::add(int fd, Pollable* who, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = who;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void EventLoop::change(int fd, Pollable* who, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = who;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void EventLoop::turn(std::chrono::milliseconds wait) {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(wait.count()));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
  }
}

void EventLoop::run(const char* what, std::chrono::seconds limit,
                    const std::function<bool()>& done) {
  const auto deadline = SteadyClock::now() + limit;
  while (!done()) {
    if (SteadyClock::now() > deadline)
      throw std::runtime_error(std::string(what) + ": not done after " +
                               std::to_string(limit.count()) + " s");
    turn(std::chrono::milliseconds(1));
  }
}

}  // namespace lanrage::bench
