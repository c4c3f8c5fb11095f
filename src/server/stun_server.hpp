// STUN on two ports of one address, so that clients learn how their NAT maps and filters.
#pragma once

#include <array>
#include <memory>
#include <mutex>

#include "relay/pacer.hpp"
#include "server/udp_batch.hpp"
#include "server/udp_worker.hpp"

namespace lanrage::server {

struct StunServerConfig {
  Endpoint listen{IpAddress::v6({}),
                  3478};  // the second port is the next one (or any, when this is 0)
  relay::Rate requests_an_address{50, 200};  // answered, by IPv4 address or IPv6 /64
};

class StunServer {
 public:
  struct Counters {
    UdpCounters udp;
    std::uint64_t answered = 0;
    std::uint64_t rate_limited = 0;
    std::uint64_t ignored = 0;  // no Binding request
  };

  static Result<std::unique_ptr<StunServer>> start(const StunServerConfig& config);
  ~StunServer() { stop(); }

  const Endpoint& primary() const { return sockets_[0].local(); }
  const Endpoint& alternate() const { return sockets_[1].local(); }
  // As of the last batch; from any thread.
  Counters counters() const;
  void stop();  // idempotent

 private:
  StunServer(UdpSocket primary, UdpSocket alternate, const relay::Rate& rate, std::uint64_t seed);
  void on_readable(std::size_t at, const UdpTimes& times);

  std::array<UdpSocket, 2> sockets_;
  relay::AddressPacer pacer_;  // the thread's own, as are batch and counters
  UdpBatch batch_;
  UdpBatch other_port_;  // answers that leave from the other socket
  Counters counters_;
  mutable std::mutex counters_mutex_;
  Counters published_;
  std::unique_ptr<UdpWorker> worker_;
};

}  // namespace lanrage::server
