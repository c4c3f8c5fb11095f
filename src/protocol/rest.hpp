// Bodies of the REST requests and their answers, by route. Each has to_json() and, by type,
// parse<T>() in messages.hpp. Fields that are std::optional may be absent, all others must be
// there.
#pragma once

#include "protocol/types.hpp"

namespace lanrage::protocol {

struct ChallengeRequest {  // POST /auth/challenge
  crypto::VerifyKey identity;
  friend bool operator==(const ChallengeRequest&, const ChallengeRequest&) = default;
};
struct ChallengeAnswer {
  Bytes nonce;
  UnixTime expires_at;
  friend bool operator==(const ChallengeAnswer&, const ChallengeAnswer&) = default;
};

struct RegisterRequest {  // POST /auth/register?peer_id=P
  crypto::VerifyKey identity;
  Bytes nonce;
  crypto::Signature signature{};  // party::prove_identity()
  friend bool operator==(const RegisterRequest&, const RegisterRequest&) = default;
};
struct RegisterAnswer {
  BearerToken token;
  PeerId peer_id;
  UnixTime expires_at;
  friend bool operator==(const RegisterAnswer&, const RegisterAnswer&) = default;
};

struct CreatePartyRequest {  // POST /parties
  std::string request_id;
  Bytes charter;
  Bytes roster;
  Bytes statement;
  std::vector<SealedBox> boxes;
  std::optional<crypto::VerifyKey> bind_key;  // asks for a relay grant
  std::optional<std::string> word;            // the server's join word
  std::optional<Hints> hints;
  friend bool operator==(const CreatePartyRequest&, const CreatePartyRequest&) = default;
};
// Answer to create and to join.
struct PartyAnswer {
  PartyId party_id;
  std::uint64_t seq = 0;
  std::string incarnation;
  Party party;
  std::optional<RelayGrant> relay;
  std::optional<std::string> public_url;  // create only: what invites should name
  friend bool operator==(const PartyAnswer&, const PartyAnswer&) = default;
};

struct OpenInviteRequest {        // POST /parties/{id}/invites/{invite}/open
  Bytes nonce;                    // chosen by the client: open_nonce()
  crypto::Signature signature{};  // party::prove_invite()
  friend bool operator==(const OpenInviteRequest&, const OpenInviteRequest&) = default;
};
struct OpenInviteAnswer {
  PartyId party_id;
  std::uint64_t seq = 0;
  std::vector<Bytes> log;
  Bytes box;      // sealed to the invite's box key
  IpAddress vip;  // suggested; taken again if somebody else was faster
  friend bool operator==(const OpenInviteAnswer&, const OpenInviteAnswer&) = default;
};
// 16 random bytes, then u64 Unix time in ms: fresh without asking the server for a challenge.
Bytes open_nonce(const ByteArray<16>& random, UnixTime now);
std::optional<UnixTime> time_of_open_nonce(ByteView nonce);

struct JoinRequest {  // POST /parties/{id}/join
  std::string request_id;
  Bytes admission;
  Bytes statement;
  std::optional<crypto::VerifyKey> bind_key;
  std::optional<Hints> hints;
  std::optional<std::uint64_t> known_records;  // the answer's log begins after so many
  friend bool operator==(const JoinRequest&, const JoinRequest&) = default;
};

struct GetPartyAnswer {  // GET /parties/{id}; ?log_from=N leaves out the log's first N records
  std::uint64_t seq = 0;
  std::string incarnation;
  Party party;
  std::optional<Bytes> box;  // with the party key, for the caller
  friend bool operator==(const GetPartyAnswer&, const GetPartyAnswer&) = default;
};
struct PeersAnswer {  // GET /parties/{id}/peers
  std::vector<Peer> peers;
  friend bool operator==(const PeersAnswer&, const PeersAnswer&) = default;
};
// GET /parties/{id}/peers/{peer} answers with a Peer alone.

struct UpdatePeerRequest {  // PATCH /parties/{id}/peers/{peer}
  std::string request_id;
  std::optional<Bytes> statement;
  std::optional<NatType> nat_type;
  std::optional<Endpoint> public_endpoint;
  friend bool operator==(const UpdatePeerRequest&, const UpdatePeerRequest&) = default;
};
struct LeaveRequest {  // DELETE /parties/{id}/peers/{peer}
  std::string request_id;
  Bytes record;  // the leave record
  friend bool operator==(const LeaveRequest&, const LeaveRequest&) = default;
};
// POST /parties/{id}/rotate; also DELETE /parties/{id}/peers/{peer} of another peer (a kick) and
// DELETE /parties/{id}/invites/{invite}, which both take a new party key.
struct RotateRequest {
  std::string request_id;
  Bytes roster;
  std::vector<SealedBox> boxes;  // one a member and one an open invite
  friend bool operator==(const RotateRequest&, const RotateRequest&) = default;
};
struct ChangeCharterRequest {  // POST /parties/{id}/charter: deputies, another host
  std::string request_id;
  Bytes charter;
  friend bool operator==(const ChangeCharterRequest&, const ChangeCharterRequest&) = default;
};
// POST /parties/{id}/log: from a member, what a server has forgotten that went back to a backup
struct HandBackRequest {
  std::string request_id;
  std::uint64_t after = 0;  // so many records the server has
  crypto::Hash head{};      // what they come to
  std::vector<Bytes> records;
  std::vector<SealedBox> boxes;
  friend bool operator==(const HandBackRequest&, const HandBackRequest&) = default;
};
struct SeqAnswer {  // what changed a party and has nothing else to say
  std::uint64_t seq = 0;
  friend bool operator==(const SeqAnswer&, const SeqAnswer&) = default;
};
struct ClosePartyRequest {  // DELETE /parties/{id}
  std::string request_id;
  friend bool operator==(const ClosePartyRequest&, const ClosePartyRequest&) = default;
};

struct HeartbeatRequest {  // POST /parties/{id}/peers/{peer}/heartbeat -> 204
  std::optional<std::uint64_t> seq;
  std::optional<crypto::Hash> digest;
  friend bool operator==(const HeartbeatRequest&, const HeartbeatRequest&) = default;
};

struct RelayTokenRequest {  // POST /parties/{id}/relay-token -> RelayGrant
  crypto::VerifyKey bind_key;
  friend bool operator==(const RelayTokenRequest&, const RelayTokenRequest&) = default;
};

struct AddInviteRequest {  // POST /parties/{id}/invites
  std::string request_id;
  Bytes record;
  Bytes box;  // sealed to the invite's box key, which the record names
  friend bool operator==(const AddInviteRequest&, const AddInviteRequest&) = default;
};
struct AddInviteAnswer {
  InviteId invite_id;
  std::uint64_t seq = 0;
  friend bool operator==(const AddInviteAnswer&, const AddInviteAnswer&) = default;
};

struct PostSignalRequest {  // POST /parties/{id}/signals -> 204
  PeerId to_peer_id;
  Bytes signal_data;
  friend bool operator==(const PostSignalRequest&, const PostSignalRequest&) = default;
};
struct QueuedSignal {
  std::uint64_t n = 0;  // counts per target; ask with ?after=N for later ones
  PeerId from_peer_id;
  Bytes signal_data;
  friend bool operator==(const QueuedSignal&, const QueuedSignal&) = default;
};
struct SignalsAnswer {  // GET /parties/{id}/signals?after=N; doesn't clear
  std::vector<QueuedSignal> signals;
  friend bool operator==(const SignalsAnswer&, const SignalsAnswer&) = default;
};

struct RelaysAnswer {  // GET /relays
  std::vector<Relay> relays;
  friend bool operator==(const RelaysAnswer&, const RelaysAnswer&) = default;
};

// POST /relays, with the enrolment key as bearer token: a relay announces itself, and again at each
// heartbeat. An unspecified address stands for the one that the request comes from.
struct EnrollRelayRequest {
  std::string relay_id;
  std::string region;
  std::vector<Endpoint> endpoints;
  std::vector<Endpoint> stun;
  std::uint64_t capacity = 0;  // clients at most
  std::uint64_t load = 0;      // clients now
  friend bool operator==(const EnrollRelayRequest&, const EnrollRelayRequest&) = default;
};
struct EnrollRelayAnswer {
  std::string relay_id;
  crypto::VerifyKey token_key;             // whose tokens to accept
  std::uint64_t heartbeat_interval_s = 0;  // "heartbeat_interval": announce again within it
  std::vector<Endpoint> endpoints;         // as players are told them
  friend bool operator==(const EnrollRelayAnswer&, const EnrollRelayAnswer&) = default;
};

struct HealthAnswer {  // GET /
  std::string status;  // "ok"
  std::string version;
  std::uint64_t parties = 0;
  std::uint64_t peers = 0;
  std::uint64_t connections = 0;  // open WebSockets
  std::uint64_t relays = 0;
  std::uint64_t uptime_s = 0;
  friend bool operator==(const HealthAnswer&, const HealthAnswer&) = default;
};
struct StatusAnswer {  // GET /health/live, /health/ready
  std::string status;  // "ok"
  friend bool operator==(const StatusAnswer&, const StatusAnswer&) = default;
};

enum class CreatePolicy { anyone, word, listed };
std::string_view name_of(CreatePolicy policy);

struct InfoAnswer {  // GET /info
  std::string version;
  std::optional<std::string> pin;  // base32, as invites carry it; absent over plain HTTP
  std::string incarnation;
  std::vector<Relay> relays;
  std::vector<Endpoint> stun;
  CreatePolicy create_policy = CreatePolicy::word;
  friend bool operator==(const InfoAnswer&, const InfoAnswer&) = default;
};

}  // namespace lanrage::protocol
