// What systemd is told (sd_notify's protocol), where it asked to be told ($NOTIFY_SOCKET): ready,
// reloading, stopping; and, where it watches ($WATCHDOG_USEC), that the event loop turns.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace lanrage::server {

class ServiceManager {
 public:
  explicit ServiceManager(boost::asio::io_context& io) : timer_(io) {}

  // From here on the watchdog is fed, at half of its time.
  void ready(std::string_view status);
  void reloading();  // ready() follows
  void stopping();

 private:
  void feed(std::chrono::microseconds every);

  boost::asio::steady_timer timer_;
  bool feeding_ = false;
};

// Half of $WATCHDOG_USEC, if it is meant for this process ($WATCHDOG_PID).
std::optional<std::chrono::microseconds> watchdog_interval();

// `state` as sd_notify(3) has it, such as "READY=1"; several lines are one message.
void notify_service_manager(const std::string& state);

}  // namespace lanrage::server
