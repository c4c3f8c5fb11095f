#include "agent/pauses.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

class TimerPauses final : public Pauses, public std::enable_shared_from_this<TimerPauses> {
 public:
  explicit TimerPauses(asio::io_context& io) : io_(io) {}

  asio::awaitable<void> pause(std::chrono::milliseconds time) override {
    const auto self = shared_from_this();
    if (ended_) co_return;
    asio::steady_timer timer(io_, time);
    const Entry entry(timers_, timer);
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await timer.async_wait(token);
  }

  void skip() override {
    for (auto* timer : timers_)
      timer->cancel();
  }

  void end() override {
    ended_ = true;
    skip();
  }

 private:
  using Timers = std::set<asio::steady_timer*>;
  // Also when the coroutine is destroyed while it waits.
  class Entry {
   public:
    Entry(Timers& timers, asio::steady_timer& timer) : timers_(timers), timer_(&timer) {
      timers_.insert(timer_);
    }
    ~Entry() { timers_.erase(timer_); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    Timers& timers_;
    asio::steady_timer* timer_;
  };

  asio::io_context& io_;
  Timers timers_;
  bool ended_ = false;
};

}  // namespace

std::shared_ptr<Pauses> Pauses::make(asio::io_context& io) {
  return std::make_shared<TimerPauses>(io);
}

}  // namespace lanrage::agent
