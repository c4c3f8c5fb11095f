// What a PeerPath wants its shell to do.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/endpoint.hpp"
#include "stun/datagram.hpp"

namespace lanrage::path {

// Out of the WireGuard port, by the raw socket.
using SendDatagram = stun::SendDatagram;
// Give WireGuard this endpoint for the peer, with persistent keepalive, and make it send a packet.
struct SetEndpoint {
  Endpoint endpoint;
};
// Remove and re-add the peer in one transaction, with the same keys, allowed IPs and persistent
// keepalive (25 s); without an endpoint it waits for the other side.
// Then forget WireGuard's earlier counters and handshake time.
struct ReplacePeer {
  std::optional<Endpoint> endpoint;
};
// Make WireGuard send one authenticated packet (persistent keepalive 0 -> N, which stays N).
struct SendKeepalive {};
// Keep WireGuard from following data packets that come from this relay for this receiver index
// (ours): let them look as if they came from `as`, or drop them where that can't be. Replaces an
// earlier rule of the same peer.
struct BlockRelayed {
  Endpoint relay;
  std::uint32_t receiver_index = 0;
  Endpoint as;
};
struct UnblockRelayed {};
// Tell every relay, in place of what was told before: our data packets with these receiver indexes
// are for this peer. A session then goes on at another relay without a handshake.
struct SetRoutes {
  std::vector<std::uint32_t> receiver_indexes;
};
// Send an echo through the tunnel now; its outcome needn't be told.
struct ProbeTunnel {};
// Ask a STUN server by IPv4, at once, from a local port that was never used before, how that port
// looks from outside, and tell PeerPath::on_mapping_seen.
struct AskMapping {
  std::uint32_t number = 0;
};
// Send the peer `PeerPath::signal()`, with boot and counter filled in.
struct SendSignal {};
// Report WireGuard's status every 100 ms rather than every second.
struct WantFastPoll {
  bool fast = false;
};
// `PeerPath::status()` says something new.
struct StateChanged {};

using Action = std::variant<SendDatagram, SetEndpoint, ReplacePeer, SendKeepalive, BlockRelayed,
                            UnblockRelayed, SetRoutes, ProbeTunnel, AskMapping, SendSignal,
                            WantFastPoll, StateChanged>;
using Actions = std::vector<Action>;

}  // namespace lanrage::path
