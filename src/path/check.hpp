// Connectivity checks: STUN Bindings between two peers, from WireGuard port to WireGuard port.
//
// USERNAME is "<to>:<from>", each the base32 of the first 5 bytes of a peer id; MESSAGE-INTEGRITY-
// SHA256 of request and response is keyed with the password that the receiver of the request gave
// its peer in a signal; PATH-STATE tells how the sender's WireGuard reaches the receiver now.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "stun/message.hpp"

namespace lanrage::path {

using CheckPassword = ByteArray<16>;

enum class PathState : std::uint8_t { none = 0, relay = 1, direct = 2 };

// The first bytes of a peer id: enough to find the peer among a party's 64; the integrity attribute
// then proves it.
struct PeerHint {
  ByteArray<5> bytes{};
  static PeerHint of(const PeerId& peer);
  bool matches(const PeerId& peer) const { return of(peer) == *this; }
  friend bool operator==(const PeerHint&, const PeerHint&) = default;
};

struct CheckNames {
  PeerHint to;
  PeerHint from;
};
// Nothing when the message isn't a Binding request with a USERNAME of our form.
std::optional<CheckNames> check_names(const stun::MessageView& message);
// Who sent a check, for finding the PeerPath to give it to.
std::optional<PeerHint> check_source(const stun::MessageView& message);

// Requests carry a Binding's transaction id; `password` is the peer's.
Bytes make_check(const stun::TransactionId& id, const PeerId& to, const PeerId& from,
                 PathState state, const CheckPassword& password);
// True for a request to `self` from `peer` under `own_password`.
bool is_authentic_check(const stun::MessageView& request, const PeerId& self, const PeerId& peer,
                        const CheckPassword& own_password);
Bytes make_check_response(const stun::MessageView& request, const Endpoint& source, PathState state,
                          const CheckPassword& own_password);

struct CheckResponse {
  Endpoint mapped;  // where the peer saw our check come from
  PathState state = PathState::none;
};
// Nothing unless a success response under `password` (the peer's) with XOR-MAPPED-ADDRESS.
std::optional<CheckResponse> read_check_response(const stun::MessageView& response,
                                                 const CheckPassword& password);
PathState path_state(const stun::MessageView& message);

}  // namespace lanrage::path
