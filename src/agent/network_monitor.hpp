// Tells the agent's parties when this machine has come to another network, or has slept. One an
// agent, on its loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "agent/network_place.hpp"
#include "agent/sleep_watch.hpp"
#include "io/log.hpp"
#include "io/network_watch.hpp"

namespace lanrage::agent {

class NetworkMonitor {
 public:
  struct Listener {
    // Addresses or routes are others now; perhaps there are none at all.
    std::function<void()> on_addresses;
    // There is a network, and it is another one or was asleep with us: nothing that was measured
    // before holds any more. Comes after on_addresses.
    std::function<void()> on_moved;
  };
  // A listener hears while this lives; it mustn't outlive its monitor.
  class Subscription {
   public:
    Subscription(NetworkMonitor& monitor, std::uint64_t id) : monitor_(monitor), id_(id) {}
    ~Subscription() { monitor_.listeners_.erase(id_); }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    NetworkMonitor& monitor_;
    std::uint64_t id_;
  };
  // How it sees the machine.
  struct Machine {
    std::function<NetworkPlace()> place;
    std::function<SleepWatch::Clocks()> clocks;
  };
  static Machine this_machine();

  // Where the kernel can't be listened to, it looks every two seconds. `log` outlives it.
  NetworkMonitor(boost::asio::io_context& io, io::Log& log, Machine machine = this_machine());

  std::unique_ptr<Subscription> subscribe(Listener listener);
  // Looks for itself every now and then, and when the kernel says that something has changed.
  void look_now();

 private:
  void on_hint();  // something may have changed
  void tick();
  void look(bool slept);
  void tell(const std::function<void()> Listener::* what);

  io::Log& log_;
  Machine machine_;
  NetworkPlace place_;
  SleepWatch sleep_;
  std::map<std::uint64_t, Listener> listeners_;
  std::uint64_t next_id_ = 0;
  boost::asio::steady_timer hint_timer_;
  boost::asio::steady_timer tick_timer_;
  bool hinted_ = false;
  int ticks_ = 0;  // since the last look
  std::unique_ptr<io::NetworkWatch> watch_;
};

}  // namespace lanrage::agent
