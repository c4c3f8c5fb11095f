// Copies onto the segment what this machine's programs broadcast and multicast elsewhere: the
// kernel sends 255.255.255.255 and groups by the default route only, some games ask only for the
// broadcast address of the first network that they find, and most ask for nothing else. Decides; a
// shell watches the interfaces and sends the frames.
//
// No loops: only packets from this machine's own addresses on other interfaces are copied, what a
// copy has for a source is an address of the segment, and the shell watches no party's devices but
// for on_sent_here().
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/bucket_table.hpp"
#include "base/time.hpp"
#include "lan/packet.hpp"
#include "lan/segment.hpp"

namespace lanrage::lan {

// A frame goes to every member, by this machine's uplink.
inline constexpr Rate kFrames{.per_second = 200, .burst = 400};
// Of one pair of ports: a program gone wild leaves room for others.
inline constexpr Rate kFlowFrames{.per_second = 100, .burst = 200};
// A program that sends the same on each interface does it within this time.
inline constexpr Duration kDuplicate = std::chrono::milliseconds(200);
// For so long after a program sent on the segment by itself, it needs no copies.
inline constexpr Duration kServed = std::chrono::seconds(10);
// The kernel makes all fragments of a datagram at once.
inline constexpr Duration kFragments = std::chrono::seconds(1);
inline constexpr std::size_t kMostFlows = 256;

enum class Verdict {
  copied,
  other,      // no broadcast or multicast UDP
  not_ours,   // forwarded, or already from the segment
  quiet,      // is_quiet_group(), is_quiet_port()
  served,     // its program sends on the segment by itself
  duplicate,  // the same came by another interface just now
  too_fast,
};
std::string_view name_of(Verdict verdict);

struct Decision {
  Verdict verdict;
  std::vector<Bytes> frames{};  // Ethernet, to send on the LAN device
  IpAddress to{};               // that their packets are for
};

// This machine on interfaces that aren't a party's.
struct Elsewhere {
  std::set<IpAddress> addresses;
  std::set<IpAddress> broadcasts;  // of their IPv4 networks: 192.168.1.255
};

class Copier {
 public:
  Copier(const Segment& segment, Instant now);

  void set_elsewhere(Elsewhere elsewhere) { elsewhere_ = std::move(elsewhere); }

  // An IP packet that leaves, or seems to leave, by another interface; `interface` is its index.
  Decision on_sent(Instant now, std::uint32_t interface, ByteView bytes);
  // The same, by the LAN device itself; our own frames not among them.
  void on_sent_here(Instant now, ByteView bytes);

 private:
  // All broadcast addresses are one.
  struct Flow {
    IpAddress group;
    UdpPorts ports;
    friend auto operator<=>(const Flow& a, const Flow& b) {
      return std::tie(a.group, a.ports.source, a.ports.destination) <=>
             std::tie(b.group, b.ports.source, b.ports.destination);
    }
  };
  struct Copied {
    std::uint32_t interface;
    Instant at;
  };
  struct Series {  // the fragments of one datagram
    std::uint32_t interface;
    IpAddress source;
    IpAddress destination;
    std::uint32_t id;
    friend auto operator<=>(const Series&, const Series&) = default;
  };

  // `packet` as it comes, and where its copy goes.
  Verdict judge_first(Instant now, std::uint32_t interface, const IpPacket& packet,
                      const IpAddress& to);
  bool is_broadcast_here(const IpAddress& destination) const;
  IpAddress source_for(const IpPacket& packet) const;
  void forget(Instant now);

  Station self_;
  std::uint32_t mtu_;
  IpAddress broadcast_;
  Elsewhere elsewhere_;
  std::map<Flow, Instant> served_;  // until when
  std::map<std::uint64_t, Copied> copied_;
  std::map<Series, Instant> series_;
  TokenBucket frames_;
  BucketTable<std::uint32_t> flow_frames_;
  Instant swept_;
  std::uint32_t next_id_ = 1;
};

}  // namespace lanrage::lan
