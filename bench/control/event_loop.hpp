// epoll, and nothing that costs: the machine that is measured also makes the load.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace lanrage::bench {

using SteadyClock = std::chrono::steady_clock;

class Pollable {
 public:
  virtual ~Pollable() = default;
  // May close itself or others, but destroy nobody: the same turn may still name them.
  virtual void on_ready(std::uint32_t events) = 0;
};

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void add(int fd, Pollable* who, std::uint32_t events);
  void change(int fd, Pollable* who, std::uint32_t events);
  // One turn: waits up to `wait` for something to happen.
  void turn(std::chrono::milliseconds wait);
  // Turns until `done`; throws std::runtime_error naming `what` when `limit` has passed.
  void run(const char* what, std::chrono::seconds limit, const std::function<bool()>& done);

 private:
  int epoll_;
};

}  // namespace lanrage::bench
