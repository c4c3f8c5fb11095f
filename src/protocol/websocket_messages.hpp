// Messages of the WebSocket /ws: JSON text frames with `type` first. The comment behind each
// struct is its `type` where the name doesn't say it.
#pragma once

#include <variant>

#include "protocol/rest.hpp"

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
struct Subscribe {  // answered by party_update and caught_up
  PartyId party_id;
  std::optional<std::string> request_id;
  friend bool operator==(const Subscribe&, const Subscribe&) = default;
};
// The commands, with the fields of their REST bodies beside party_id; answered by ack or error.
// Who creates or joins is subscribed by it.
struct RegisterParty {  // register_party: POST /parties
  CreatePartyRequest request;
  friend bool operator==(const RegisterParty&, const RegisterParty&) = default;
};
struct JoinParty {  // join_party
  PartyId party_id;
  JoinRequest request;
  friend bool operator==(const JoinParty&, const JoinParty&) = default;
};
struct LeaveParty {  // leave_party
  PartyId party_id;
  LeaveRequest request;
  friend bool operator==(const LeaveParty&, const LeaveParty&) = default;
};
struct UpdatePeer {  // update_peer: of the caller itself
  PartyId party_id;
  UpdatePeerRequest request;
  friend bool operator==(const UpdatePeer&, const UpdatePeer&) = default;
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

using ClientMessage = std::variant<Hello, Auth, Subscribe, RegisterParty, JoinParty, LeaveParty,
                                   UpdatePeer, Heartbeat, SendSignal, RelayTokenRequest>;

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
  std::optional<Bytes> box;  // with the party key, for the receiver
  friend bool operator==(const PartyUpdate&, const PartyUpdate&) = default;
};
struct PeerJoined {
  PartyId party_id;
  std::uint64_t seq = 0;
  Peer peer;
  std::vector<Bytes> records;
  friend bool operator==(const PeerJoined&, const PeerJoined&) = default;
};
struct PeerUpdated {  // a patch: what is absent stays as it was
  PartyId party_id;
  std::uint64_t seq = 0;
  PeerId peer_id;
  std::optional<std::string> nick;
  std::optional<IpAddress> vip;
  std::optional<NatType> nat_type;
  std::optional<Endpoint> public_endpoint;
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
struct KeyRotated {  // a new roster: kicks, revoked invites
  PartyId party_id;
  std::uint64_t seq = 0;
  std::uint64_t key_epoch = 0;
  std::vector<PeerId> removed;  // members that the roster no longer names
  std::vector<Bytes> records;
  std::optional<Bytes> box;  // with the new party key, for the receiver
  friend bool operator==(const KeyRotated&, const KeyRotated&) = default;
};
// To the one whose subscription it ends, and to the others where the server's operator did it; a
// kick by host or deputy tells the others by key_rotated.
struct Kicked {
  PartyId party_id;
  std::uint64_t seq = 0;
  PeerId peer_id;
  std::string reason;  // "kicked", or "barred": by the server's operator, no record says so
  std::vector<Bytes> records;
  std::optional<std::vector<Bytes>> log;  // whole, to the removal: to whom it happened while away
  friend bool operator==(const Kicked&, const Kicked&) = default;
};
struct HostChanged {  // a new charter with another host
  PartyId party_id;
  std::uint64_t seq = 0;
  PeerId host_id;
  std::vector<Bytes> records;
  friend bool operator==(const HostChanged&, const HostChanged&) = default;
};
struct CharterChanged {  // a new charter with the same host: other deputies
  PartyId party_id;
  std::uint64_t seq = 0;
  std::vector<Bytes> records;
  friend bool operator==(const CharterChanged&, const CharterChanged&) = default;
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
    std::variant<Welcome, PartyUpdate, PeerJoined, PeerUpdated, PeerLeft, InviteAdded, KeyRotated,
                 Kicked, HostChanged, CharterChanged, Presence, Signal, PartyClosed, CaughtUp, Ack,
                 ErrorMessage, RelayToken>;

}  // namespace lanrage::protocol::ws
