// Messages of the WebSocket /ws: JSON text frames with `type` first. The comment behind each
// struct is its `type` where the name doesn't say it.
#pragma once

#include <variant>

#include "protocol/types.hpp"

namespace lanrage::protocol::ws {

struct Resume {
  PartyId party_id;
  std::string incarnation;
  std::uint64_t seq = 0;
  friend bool operator==(const Resume&, const Resume&) = default;
};

// ---- from the client ----

struct Hello {
  int version = kVersion;
  std::string client;  // program and version
  std::vector<std::string> features;
  std::vector<Resume> resume;  // may be absent: none
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct Auth {  // a new token on the open connection
  BearerToken token;
  friend bool operator==(const Auth&, const Auth&) = default;
};
struct RegisterParty {  // register_party: subscribe, answered by party_update and caught_up
  PartyId party_id;
  std::optional<std::string> request_id;
  friend bool operator==(const RegisterParty&, const RegisterParty&) = default;
};
struct Heartbeat {
  PartyId party_id;
  PeerId peer_id;
  std::uint64_t seq = 0;
  std::optional<crypto::Hash> digest;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
struct SendSignal {  // signal
  PartyId party_id;
  PeerId to_peer_id;
  Bytes signal_data;
  std::optional<std::string> request_id;
  friend bool operator==(const SendSignal&, const SendSignal&) = default;
};
struct RelayTokenRequest {  // relay_token
  PartyId party_id;
  crypto::VerifyKey bind_key;
  std::string request_id;
  friend bool operator==(const RelayTokenRequest&, const RelayTokenRequest&) = default;
};

using ClientMessage =
    std::variant<Hello, Auth, RegisterParty, Heartbeat, SendSignal, RelayTokenRequest>;

// ---- from the server ----

struct Welcome {
  std::string session;
  UnixTime server_time;
  std::uint64_t heartbeat_interval_s = 0;  // "heartbeat_interval"
  std::vector<std::string> features;
  std::string incarnation;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct PartyUpdate {  // party_update: a whole snapshot, replaces what the client had
  Party party;
  std::string incarnation;
  friend bool operator==(const PartyUpdate&, const PartyUpdate&) = default;
};
struct PeerJoined {
  PartyId party_id;
  std::uint64_t seq = 0;
  Peer peer;
  std::vector<Bytes> records;
  friend bool operator==(const PeerJoined&, const PeerJoined&) = default;
};
struct PeerUpdated {  // the whole peer as it is now
  PartyId party_id;
  std::uint64_t seq = 0;
  Peer peer;
  std::vector<Bytes> records;
  friend bool operator==(const PeerUpdated&, const PeerUpdated&) = default;
};
struct PeerLeft {
  PartyId party_id;
  std::uint64_t seq = 0;
  PeerId peer_id;
  std::string reason;
  std::vector<Bytes> records;
  friend bool operator==(const PeerLeft&, const PeerLeft&) = default;
};
struct InviteAdded {
  PartyId party_id;
  std::uint64_t seq = 0;
  InviteId invite_id;
  std::vector<Bytes> records;
  friend bool operator==(const InviteAdded&, const InviteAdded&) = default;
};
struct Presence {
  PartyId party_id;
  PeerId peer_id;
  bool online = false;
  UnixTime last_seen;
  friend bool operator==(const Presence&, const Presence&) = default;
};
struct Signal {
  PartyId party_id;
  PeerId from_peer_id;
  Bytes signal_data;
  friend bool operator==(const Signal&, const Signal&) = default;
};
struct PartyClosed {
  PartyId party_id;
  std::uint64_t seq = 0;
  std::string reason;
  friend bool operator==(const PartyClosed&, const PartyClosed&) = default;
};
struct CaughtUp {
  PartyId party_id;
  std::uint64_t seq = 0;
  crypto::Hash digest{};
  friend bool operator==(const CaughtUp&, const CaughtUp&) = default;
};
struct Ack {
  std::string request_id;
  std::optional<std::uint64_t> seq;
  friend bool operator==(const Ack&, const Ack&) = default;
};
struct ErrorMessage {  // error
  std::string code;
  std::string message;
  std::optional<std::string> field;
  std::optional<std::string> request_id;
  std::optional<PartyId> party_id;
  std::optional<std::uint64_t> retry_after_s;  // "retry_after"
  friend bool operator==(const ErrorMessage&, const ErrorMessage&) = default;
};
struct RelayToken {
  PartyId party_id;
  std::string request_id;
  RelayGrant grant;
  friend bool operator==(const RelayToken&, const RelayToken&) = default;
};

using ServerMessage =
    std::variant<Welcome, PartyUpdate, PeerJoined, PeerUpdated, PeerLeft, InviteAdded, Presence,
                 Signal, PartyClosed, CaughtUp, Ack, ErrorMessage, RelayToken>;

}  // namespace lanrage::protocol::ws
