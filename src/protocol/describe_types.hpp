// The JSON fields of types.hpp. Private to protocol/.
#pragma once

#include "protocol/field_codec.hpp"

namespace lanrage::protocol {

inline constexpr Limit kRecord{.size = kMaxRecordSize};
inline constexpr Limit kBox{.size = kMaxBoxSize};
inline constexpr Limit kRequestId{.size = 64};
inline constexpr Limit kShortText{.size = 64};
inline constexpr Limit kMessageText{.size = 1024, .may_be_empty = true};
// Sent to clients only, inside kMaxAnswerSize.
inline constexpr Limit kRecordLog{.size = kMaxRecordSize, .count = 65'536};
inline constexpr Limit kPeerList{.count = 1024};

template <class Io>
void describe(Io& io, Hints& m) {
  io("nat_type", m.nat_type);
  io("public_endpoint", m.public_endpoint);
}

template <class Io>
void describe(Io& io, SealedBox& m) {
  io("recipient", m.recipient);
  io("box", m.box, kBox);
}

template <class Io>
void describe(Io& io, Peer& m) {
  io("peer_id", m.peer_id);
  io("identity", m.identity);
  io("nick", m.nick);
  io("vip", m.vip);
  io("wireguard_key", m.wireguard_key);
  io("box_key", m.box_key);
  io("joined_seq", m.joined_seq);
  io("online", m.online);
  io("last_seen", m.last_seen);
  io("nat_type", m.nat_type);
  io("public_endpoint", m.public_endpoint);
}

template <class Io>
void describe(Io& io, Party& m) {
  io("id", m.id);
  io("name", m.name);
  io("prefix", m.prefix);
  io("host_id", m.host_id);
  io("key_epoch", m.key_epoch);
  io("seq", m.seq);
  io("created_at", m.created_at);
  io.defaulted("log_from", m.log_from);
  io("log", m.log, kRecordLog);
  io("peers", m.peers, kPeerList);
  io("digest", m.digest);
}

template <class Io>
void describe(Io& io, Relay& m) {
  io("id", m.id, kShortText);
  io("region", m.region, kShortText);
  io("endpoints", m.endpoints);
  io("stun", m.stun);
  io.defaulted("capacity", m.capacity);
  io.defaulted("load", m.load);
}

template <class Io>
void describe(Io& io, RelayGrant& m) {
  io("token", m.token, {.size = kMaxTokenSize});
  io("expires_at", m.expires_at);
  io("relays", m.relays);
}

}  // namespace lanrage::protocol
