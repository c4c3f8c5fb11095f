#include "protocol/rest.hpp"

#include "protocol/describe_requests.hpp"
#include "protocol/messages.hpp"

namespace lanrage::protocol {

std::string_view name_of(CreatePolicy policy) {
  switch (policy) {
    case CreatePolicy::anyone:
      return "anyone";
    case CreatePolicy::word:
      return "word";
    case CreatePolicy::listed:
      return "listed";
  }
  return "listed";
}

Bytes open_nonce(const ByteArray<16>& random, UnixTime now) {
  return ByteWriter()
      .raw(random)
      .u64(static_cast<std::uint64_t>(now.time_since_epoch().count()))
      .bytes();
}

std::optional<UnixTime> time_of_open_nonce(ByteView nonce) {
  ByteReader reader(nonce);
  reader.take(16);
  std::uint64_t millis = reader.u64();
  // Calendar arithmetic on it must not overflow: the year 5138 is far enough.
  if (!reader.at_end() || millis > 100'000'000'000'000) return std::nullopt;
  return UnixTime(std::chrono::milliseconds(millis));
}

template <class Io>
void describe(Io& io, ChallengeRequest& m) {
  io("identity", m.identity);
}
template <class Io>
void describe(Io& io, ChallengeAnswer& m) {
  io("nonce", m.nonce, {.size = kMaxNonceSize});
  io("expires_at", m.expires_at);
}
template <class Io>
void describe(Io& io, RegisterRequest& m) {
  io("identity", m.identity);
  io("nonce", m.nonce, {.size = kMaxNonceSize});
  io("signature", m.signature);
}
template <class Io>
void describe(Io& io, RegisterAnswer& m) {
  io("token", m.token);
  io("peer_id", m.peer_id);
  io("expires_at", m.expires_at);
}
template <class Io>
void describe(Io& io, PartyAnswer& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("incarnation", m.incarnation, kShortText);
  io("party", m.party);
  io("relay", m.relay);
  io("public_url", m.public_url);
}
template <class Io>
void describe(Io& io, OpenInviteRequest& m) {
  io("nonce", m.nonce, {.size = 24});
  io("signature", m.signature);
}
template <class Io>
void describe(Io& io, OpenInviteAnswer& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("log", m.log, kRecordLog);
  io("box", m.box, kBox);
  io("vip", m.vip);
}
template <class Io>
void describe(Io& io, GetPartyAnswer& m) {
  io("seq", m.seq);
  io("incarnation", m.incarnation, kShortText);
  io("party", m.party);
  io("box", m.box, kBox);
}
template <class Io>
void describe(Io& io, PeersAnswer& m) {
  io("peers", m.peers, kPeerList);
}
template <class Io>
void describe(Io& io, RotateRequest& m) {
  io("request_id", m.request_id, kRequestId);
  io("roster", m.roster, kRecord);
  io("boxes", m.boxes, {.count = kMaxBoxes});
}
template <class Io>
void describe(Io& io, ChangeCharterRequest& m) {
  io("request_id", m.request_id, kRequestId);
  io("charter", m.charter, kRecord);
}
template <class Io>
void describe(Io& io, HandBackRequest& m) {
  io("request_id", m.request_id, kRequestId);
  io("after", m.after);
  io("head", m.head);
  io("records", m.records, {.size = kMaxRecordSize, .count = kMaxHandedBack});
  io("boxes", m.boxes, {.count = kMaxBoxes});
}
template <class Io>
void describe(Io& io, SeqAnswer& m) {
  io("seq", m.seq);
}
template <class Io>
void describe(Io& io, ClosePartyRequest& m) {
  io("request_id", m.request_id, kRequestId);
}
template <class Io>
void describe(Io& io, HeartbeatRequest& m) {
  io("seq", m.seq);
  io("digest", m.digest);
}
template <class Io>
void describe(Io& io, RelayTokenRequest& m) {
  io("bind_key", m.bind_key);
}
template <class Io>
void describe(Io& io, AddInviteRequest& m) {
  io("request_id", m.request_id, kRequestId);
  io("record", m.record, kRecord);
  io("box", m.box, kBox);
}
template <class Io>
void describe(Io& io, AddInviteAnswer& m) {
  io("invite_id", m.invite_id);
  io("seq", m.seq);
}
template <class Io>
void describe(Io& io, PostSignalRequest& m) {
  io("to_peer_id", m.to_peer_id);
  io("signal_data", m.signal_data, {.size = kMaxSignalSize});
}
template <class Io>
void describe(Io& io, QueuedSignal& m) {
  io("n", m.n);
  io("from_peer_id", m.from_peer_id);
  io("signal_data", m.signal_data, {.size = kMaxSignalSize});
}
template <class Io>
void describe(Io& io, SignalsAnswer& m) {
  io("signals", m.signals, {.count = 1024});
}
template <class Io>
void describe(Io& io, RelaysAnswer& m) {
  io("relays", m.relays);
}
template <class Io>
void describe(Io& io, EnrollRelayRequest& m) {
  io("relay_id", m.relay_id, kShortText);
  io("region", m.region, {.size = kMaxRegionSize});
  io("endpoints", m.endpoints, {.count = kMaxRelayEndpoints});
  io.defaulted("stun", m.stun, {.count = kMaxRelayEndpoints});
  io.defaulted("capacity", m.capacity);
  io.defaulted("load", m.load);
}
template <class Io>
void describe(Io& io, EnrollRelayAnswer& m) {
  io("relay_id", m.relay_id, kShortText);
  io("token_key", m.token_key);
  io("heartbeat_interval", m.heartbeat_interval_s);
  io("endpoints", m.endpoints, {.count = kMaxRelayEndpoints});
}
template <class Io>
void describe(Io& io, HealthAnswer& m) {
  io("status", m.status, kShortText);
  io("version", m.version, kShortText);
  io("parties", m.parties);
  io("peers", m.peers);
  io("connections", m.connections);
  io("relays", m.relays);
  io("uptime_s", m.uptime_s);
}
template <class Io>
void describe(Io& io, StatusAnswer& m) {
  io("status", m.status, kShortText);
}
template <class Io>
void describe(Io& io, InfoAnswer& m) {
  io("version", m.version, kShortText);
  io("pin", m.pin, kShortText);
  io("incarnation", m.incarnation, kShortText);
  io("relays", m.relays);
  io("stun", m.stun);
  io("create_policy", m.create_policy);
}

template <class Message>
Result<Message> parse(std::string_view json) {
  return parse_described<Message>(json);
}
template <class Message>
std::string to_json(const Message& message) {
  return write_described(message);
}

#define LANRAGE_BODY(Message)                                \
  template Result<Message> parse<Message>(std::string_view); \
  template std::string to_json<Message>(const Message&)
LANRAGE_BODY(Peer);
LANRAGE_BODY(Party);
LANRAGE_BODY(Relay);
LANRAGE_BODY(RelayGrant);
LANRAGE_BODY(ChallengeRequest);
LANRAGE_BODY(ChallengeAnswer);
LANRAGE_BODY(RegisterRequest);
LANRAGE_BODY(RegisterAnswer);
LANRAGE_BODY(CreatePartyRequest);
LANRAGE_BODY(PartyAnswer);
LANRAGE_BODY(OpenInviteRequest);
LANRAGE_BODY(OpenInviteAnswer);
LANRAGE_BODY(JoinRequest);
LANRAGE_BODY(GetPartyAnswer);
LANRAGE_BODY(PeersAnswer);
LANRAGE_BODY(UpdatePeerRequest);
LANRAGE_BODY(LeaveRequest);
LANRAGE_BODY(RotateRequest);
LANRAGE_BODY(ChangeCharterRequest);
LANRAGE_BODY(HandBackRequest);
LANRAGE_BODY(EnrollRelayRequest);
LANRAGE_BODY(EnrollRelayAnswer);
LANRAGE_BODY(SeqAnswer);
LANRAGE_BODY(ClosePartyRequest);
LANRAGE_BODY(HeartbeatRequest);
LANRAGE_BODY(RelayTokenRequest);
LANRAGE_BODY(AddInviteRequest);
LANRAGE_BODY(AddInviteAnswer);
LANRAGE_BODY(PostSignalRequest);
LANRAGE_BODY(SignalsAnswer);
LANRAGE_BODY(RelaysAnswer);
LANRAGE_BODY(HealthAnswer);
LANRAGE_BODY(StatusAnswer);
LANRAGE_BODY(InfoAnswer);
#undef LANRAGE_BODY

}  // namespace lanrage::protocol
