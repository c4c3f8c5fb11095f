// The relay on UDP, a socket and a thread for each shard of it. What it does with a packet is
// decided in relay/; here are only the sockets, the clock, the batches and the threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "relay/relay.hpp"
#include "server/relay_thread.hpp"
#include "server/relay_trains.hpp"
#include "server/shard_inbox.hpp"
#include "server/udp_batch.hpp"
#include "xdp/xdp_path.hpp"

namespace lanrage::server {

struct RelayServerConfig {
  Endpoint listen{IpAddress::v6({}), 51820};
  relay::RelayConfig relay;
  std::optional<xdp::Mode> xdp{};  // sessions in use are forwarded in the kernel; absent: off
  std::size_t threads = 1;
  RelayTrains trains{};
  // Which of them the sockets may use. Generic XDP comes behind the joining: it would forward a
  // train as one packet, too large for any device.
  RelayTrains usable_trains() const {
    return {.receive = trains.receive && xdp != xdp::Mode::generic, .send = trains.send};
  }
};

// Processors that this process may use.
std::size_t usable_processors();

class RelayServer {
 public:
  struct Counters {
    relay::Counters relay;  // what the kernel forwarded is among it
    UdpCounters udp;
    xdp::XdpCounters xdp;
    std::uint64_t passed = 0;  // packets that one thread gave to another
    std::size_t clients = 0;
    std::size_t sessions = 0;
    RelayLatency latency;             // of packets that the kernel's program didn't forward
    std::vector<double> cpu_seconds;  // of each thread
  };

  // All of it at one moment (give or take what its threads are apart).
  struct Look {
    Counters counters;
    std::vector<relay::ClientTraffic> clients;
    Instant at;
  };

  static Result<std::unique_ptr<RelayServer>> start(const RelayServerConfig& config);
  ~RelayServer() { stop(); }

  const Endpoint& endpoint() const { return threads_.front()->endpoint(); }
  std::size_t threads() const { return threads_.size(); }
  // The packet path in the kernel; nothing when it's off or can't be, which isn't fatal.
  const xdp::XdpPath* xdp() const { return xdp_.get(); }
  const std::optional<Error>& xdp_refusal() const { return xdp_refusal_; }
  // As of the last batch or second; from any thread.
  Counters counters() const;
  // From any thread; `done` runs on a thread of the relay's, and never once that has stopped. The
  // threads interrupt their work for it, some tens of microseconds for each thousand
  // clients.
  void look(std::move_only_function<void(Look)> done);
  // For packets that arrive from now on; from any thread.
  void set_token_key(const crypto::VerifyKey& key) { threads_.front()->set_token_key(key); }
  void stop();  // idempotent

 private:
  RelayServer() = default;
  void open_xdp(xdp::Mode mode, const relay::Limits& limits);

  std::unique_ptr<xdp::XdpPath> xdp_;
  std::optional<Error> xdp_refusal_;
  std::vector<std::unique_ptr<ShardInbox>> inboxes_;
  std::vector<std::unique_ptr<RelayThread>> threads_;
};

}  // namespace lanrage::server
