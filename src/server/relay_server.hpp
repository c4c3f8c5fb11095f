// The relay on a UDP socket with a thread of its own. What it does with a packet is decided in
// relay/; here are only the socket, the clock and the batches.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "relay/relay.hpp"
#include "server/udp_socket.hpp"
#include "server/udp_worker.hpp"
#include "xdp/xdp_path.hpp"

namespace lanrage::server {

struct RelayServerConfig {
  Endpoint listen{IpAddress::v6({}), 51820};
  relay::RelayConfig relay;
  std::optional<xdp::Mode> xdp{};  // sessions in use are forwarded in the kernel; absent: off
};

class RelayServer {
 public:
  struct Counters {
    relay::Counters relay;  // what the kernel forwarded is among it
    UdpCounters udp;
    xdp::XdpCounters xdp;
    std::size_t clients = 0;
    std::size_t sessions = 0;
  };

  static Result<std::unique_ptr<RelayServer>> start(const RelayServerConfig& config);
  ~RelayServer() { stop(); }

  const Endpoint& endpoint() const { return socket_.local(); }
  // The packet path in the kernel; nothing when it's off or can't be, which isn't fatal.
  const xdp::XdpPath* xdp() const { return xdp_.get(); }
  const std::optional<Error>& xdp_refusal() const { return xdp_refusal_; }
  // As of the last batch or second; from any thread.
  Counters counters() const;
  // For packets that arrive from now on; from any thread.
  void set_token_key(const crypto::VerifyKey& key);
  void stop();  // idempotent

 private:
  RelayServer(UdpSocket socket, const relay::RelayConfig& config, Random& random);
  void open_xdp(xdp::Mode mode, const relay::Limits& limits);
  void on_readable(const UdpTimes& times);
  void publish();
  void adopt_token_key();

  UdpSocket socket_;
  std::unique_ptr<xdp::XdpPath> xdp_;
  std::optional<Error> xdp_refusal_;
  relay::Relay relay_;  // the thread's own, as is the batch
  UdpBatch batch_;
  mutable std::mutex counters_mutex_;
  Counters published_;
  std::mutex key_mutex_;
  std::optional<crypto::VerifyKey> next_key_;
  std::atomic<bool> has_next_key_ = false;
  std::unique_ptr<UdpWorker> worker_;
};

}  // namespace lanrage::server
