// What members' agents tell each other inside the tunnel (docs/protocol/gossip.md). WireGuard says
// who sent a message; records, boxes and keys are verified by themselves all the same.
//
//   u8 version = 1 | u8 type | fields, big-endian
//   1 state: key key | u64 heard length | hash heard head | key heard key |
//            u8 count (1-20) | count * (u64 length | hash head), longest first
//   2 want:  u64 length | hash head | u32 offset
//   3 part:  u64 index | u32 record size | u32 offset | bytes (1-1,200)
//   4 box:   key key | bytes (kPartyBoxSize)
//   5 root:  bytes (party::kRootBoxSize)
//   6 kept:  hash charter
// A key is its KeyId: u32 epoch | commitment(8).
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "trust/key_ring.hpp"
#include "trust/verified_log.hpp"

namespace lanrage::trust {

enum class GossipErrc { malformed };
constexpr std::string_view name_of(GossipErrc) {
  return "malformed_gossip";
}

inline constexpr std::size_t kMaxHeads = 20;       // 2^18 records: more than a log may have
inline constexpr std::size_t kMaxPart = 1'200;     // bytes of a record in one message
inline constexpr std::size_t kMaxMessage = 1'300;  // whole, below the tunnel's MTU

// What the sender has and what it knows that the receiver has.
struct StateMessage {
  KeyId key;        // its newest
  HeadAt heard;     // the receiver's log as its last state said; length 0, zero head: none came
  KeyId heard_key;  // likewise
  // Its log whole, then ever farther back: one of them is common to both histories.
  std::vector<HeadAt> heads;
  friend bool operator==(const StateMessage&, const StateMessage&) = default;
};
// "Send me what follows this, from byte `offset` of the next record."
struct WantMessage {
  HeadAt after;
  std::uint32_t offset = 0;
  friend bool operator==(const WantMessage&, const WantMessage&) = default;
};
struct PartMessage {
  std::uint64_t index = 0;  // of the record, from 0
  std::uint32_t size = 0;   // of the whole record
  std::uint32_t offset = 0;
  Bytes bytes;
  friend bool operator==(const PartMessage&, const PartMessage&) = default;
};
// The party key, sealed to the receiver: it lacks this one.
struct BoxMessage {
  KeyId key;
  Bytes box;
  friend bool operator==(const BoxMessage&, const BoxMessage&) = default;
};
// The root key, sealed to the receiver: as the next host, or as the host already.
struct RootMessage {
  Bytes box;
  friend bool operator==(const RootMessage&, const RootMessage&) = default;
};
// "The root key is on my disk, and I go by this charter."
struct RootKeptMessage {
  crypto::Hash charter{};
  friend bool operator==(const RootKeptMessage&, const RootKeptMessage&) = default;
};
using GossipMessage =
    std::variant<StateMessage, WantMessage, PartMessage, BoxMessage, RootMessage, RootKeptMessage>;

Bytes encode(const GossipMessage& message);
// Accepts exactly what encode() writes.
Result<GossipMessage> decode_gossip(ByteView datagram);

}  // namespace lanrage::trust
