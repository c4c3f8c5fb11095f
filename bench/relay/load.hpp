// The load: numbered, time-stamped messages from senders to receivers, by sendmmsg and recvmmsg.
#pragma once

#include <cstdint>
#include <optional>
#include <sys/types.h>
#include <vector>

#include "common/cpu.hpp"
#include "relay/client_ports.hpp"

namespace lanrage::bench {

inline constexpr std::size_t kMessageSize = 170;       // what clients have to say to each other
inline constexpr std::size_t kMessageHeaderSize = 16;  // as WireGuard's type 4 begins

// What a packet begins with: a relay's framing, if it has any, and the message's header.
class PacketHead {
 public:
  PacketHead() = default;
  // `framing` is at most four bytes.
  PacketHead(ByteView framing, std::uint32_t receiver_index);

  ByteView bytes() const { return {bytes_.data(), size_}; }

 private:
  ByteArray<4 + kMessageHeaderSize> bytes_{};
  std::uint8_t size_ = 0;
};

// A client's way to send to another. Self-contained, so that going through a million of them in
// order doesn't take the caches from the relay under measurement.
struct Flow {
  std::size_t sender = 0;  // client
  Endpoint to;
  PacketHead head;
};

struct LoadResult {
  double seconds = 0;
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;                // given up
  std::uint64_t arrived = 0;             // in all, outside of the measured time as well
  std::size_t delivered_size = 0;        // bytes of the last packet, with a relay's framing
  std::vector<std::uint32_t> latencies;  // ns from the sender's clock to the receiver's network
  Nanoseconds relay_cpu{0};
  Nanoseconds all_cpu{0};  // relay, senders, receivers and the kernel's softirq threads

  double per_packet(Nanoseconds time) const {
    return static_cast<double>(time.count()) / static_cast<double>(delivered);
  }
};

struct LoadShape {
  std::size_t message_size = kMessageSize;
  std::size_t burst = 1;  // packets of one flow in a row
  // A burst is given to the kernel as a whole (UDP_SEGMENT), as wireguard-go does; WireGuard in the
  // kernel sends packet by packet.
  bool segmented = false;
};

class Load {
 public:
  Load(const ClientPorts& senders, const ClientPorts& receivers, const LoadShape& shape = {})
      : senders_(senders), receivers_(receivers), shape_(shape) {}

  // As fast as they are delivered: at most `window` packets are on their way, which keeps a relay
  // busy and loses nearly none. `relay` is the process to watch, if there is one.
  LoadResult saturate(const std::vector<Flow>& flows, std::size_t window, Nanoseconds time,
                      std::optional<pid_t> relay) const;
  // So many a second, come what may.
  LoadResult at_rate(const std::vector<Flow>& flows, std::uint64_t per_second, Nanoseconds time,
                     std::optional<pid_t> relay) const;

 private:
  const ClientPorts& senders_;
  const ClientPorts& receivers_;
  LoadShape shape_;
};

}  // namespace lanrage::bench
