#include "protocol/websocket_messages.hpp"

#include "protocol/describe_requests.hpp"
#include "protocol/messages.hpp"

namespace lanrage::protocol::ws {
namespace {

constexpr Limit kFeatures{.size = 64, .count = 32};
constexpr Limit kRecords{.size = kMaxRecordSize, .count = 1024};  // of one event

template <class T>
constexpr std::string_view type_of();
template <>
constexpr std::string_view type_of<Hello>() {
  return "hello";
}
template <>
constexpr std::string_view type_of<Auth>() {
  return "auth";
}
template <>
constexpr std::string_view type_of<Subscribe>() {
  return "subscribe";
}
template <>
constexpr std::string_view type_of<RegisterParty>() {
  return "register_party";
}
template <>
constexpr std::string_view type_of<JoinParty>() {
  return "join_party";
}
template <>
constexpr std::string_view type_of<LeaveParty>() {
  return "leave_party";
}
template <>
constexpr std::string_view type_of<UpdatePeer>() {
  return "update_peer";
}
template <>
constexpr std::string_view type_of<Heartbeat>() {
  return "heartbeat";
}
template <>
constexpr std::string_view type_of<SendSignal>() {
  return "signal";
}
template <>
constexpr std::string_view type_of<RelayTokenRequest>() {
  return "relay_token";
}
template <>
constexpr std::string_view type_of<Welcome>() {
  return "welcome";
}
template <>
constexpr std::string_view type_of<PartyUpdate>() {
  return "party_update";
}
template <>
constexpr std::string_view type_of<PeerJoined>() {
  return "peer_joined";
}
template <>
constexpr std::string_view type_of<PeerUpdated>() {
  return "peer_updated";
}
template <>
constexpr std::string_view type_of<PeerLeft>() {
  return "peer_left";
}
template <>
constexpr std::string_view type_of<InviteAdded>() {
  return "invite_added";
}
template <>
constexpr std::string_view type_of<KeyRotated>() {
  return "key_rotated";
}
template <>
constexpr std::string_view type_of<Kicked>() {
  return "kicked";
}
template <>
constexpr std::string_view type_of<HostChanged>() {
  return "host_changed";
}
template <>
constexpr std::string_view type_of<CharterChanged>() {
  return "charter_changed";
}
template <>
constexpr std::string_view type_of<Presence>() {
  return "presence";
}
template <>
constexpr std::string_view type_of<Signal>() {
  return "signal";
}
template <>
constexpr std::string_view type_of<PartyClosed>() {
  return "party_closed";
}
template <>
constexpr std::string_view type_of<CaughtUp>() {
  return "caught_up";
}
template <>
constexpr std::string_view type_of<Ack>() {
  return "ack";
}
template <>
constexpr std::string_view type_of<ErrorMessage>() {
  return "error";
}
template <>
constexpr std::string_view type_of<RelayToken>() {
  return "relay_token";
}

}  // namespace

template <class Io>
void describe(Io& io, Resume& m) {
  io("party_id", m.party_id);
  io("incarnation", m.incarnation, kShortText);
  io("seq", m.seq);
}
template <class Io>
void describe(Io& io, Hello& m) {
  io("version", m.version);
  io("client", m.client, kShortText);
  io.defaulted("features", m.features, kFeatures);
  io.defaulted("resume", m.resume, {.count = kMaxResumes});
}
template <class Io>
void describe(Io& io, Auth& m) {
  io("token", m.token);
}
template <class Io>
void describe(Io& io, Subscribe& m) {
  io("party_id", m.party_id);
  io("request_id", m.request_id, kRequestId);
}
template <class Io>
void describe(Io& io, RegisterParty& m) {
  describe(io, m.request);
}
template <class Io>
void describe(Io& io, JoinParty& m) {
  io("party_id", m.party_id);
  describe(io, m.request);
}
template <class Io>
void describe(Io& io, LeaveParty& m) {
  io("party_id", m.party_id);
  describe(io, m.request);
}
template <class Io>
void describe(Io& io, UpdatePeer& m) {
  io("party_id", m.party_id);
  describe(io, m.request);
}
template <class Io>
void describe(Io& io, Heartbeat& m) {
  io("party_id", m.party_id);
  io("peer_id", m.peer_id);
  io("seq", m.seq);
  io("digest", m.digest);
}
template <class Io>
void describe(Io& io, SendSignal& m) {
  io("party_id", m.party_id);
  io("to_peer_id", m.to_peer_id);
  io("signal_data", m.signal_data, {.size = kMaxSignalSize});
  io("request_id", m.request_id, kRequestId);
}
template <class Io>
void describe(Io& io, RelayTokenRequest& m) {
  io("party_id", m.party_id);
  io("bind_key", m.bind_key);
  io("request_id", m.request_id, kRequestId);
}
template <class Io>
void describe(Io& io, Welcome& m) {
  io("session", m.session, kShortText);
  io("server_time", m.server_time);
  io("heartbeat_interval", m.heartbeat_interval_s);
  io.defaulted("features", m.features, kFeatures);
  io("incarnation", m.incarnation, kShortText);
}
template <class Io>
void describe(Io& io, PartyUpdate& m) {
  io("party", m.party);
  io("incarnation", m.incarnation, kShortText);
  io("box", m.box, kBox);
}
template <class Io>
void describe(Io& io, PeerJoined& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("peer", m.peer);
  io("records", m.records, kRecords);
}
template <class Io>
void describe(Io& io, PeerUpdated& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("peer_id", m.peer_id);
  io("nick", m.nick);
  io("vip", m.vip);
  io("nat_type", m.nat_type);
  io("public_endpoint", m.public_endpoint);
  io("records", m.records, kRecords);
}
template <class Io>
void describe(Io& io, PeerLeft& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("peer_id", m.peer_id);
  io("reason", m.reason, kMessageText);
  io("records", m.records, kRecords);
}
template <class Io>
void describe(Io& io, InviteAdded& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("invite_id", m.invite_id);
  io("records", m.records, kRecords);
}
template <class Io>
void describe(Io& io, KeyRotated& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("key_epoch", m.key_epoch);
  io("removed", m.removed, {.count = 1024});
  io("records", m.records, kRecords);
  io("box", m.box, kBox);
}
template <class Io>
void describe(Io& io, Kicked& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("peer_id", m.peer_id);
  io("reason", m.reason, kShortText);
  io("records", m.records, kRecords);
  io("log", m.log, kRecordLog);
}
template <class Io>
void describe(Io& io, HostChanged& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("host_id", m.host_id);
  io("records", m.records, kRecords);
}
template <class Io>
void describe(Io& io, CharterChanged& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("records", m.records, kRecords);
}
template <class Io>
void describe(Io& io, Presence& m) {
  io("party_id", m.party_id);
  io("peer_id", m.peer_id);
  io("online", m.online);
  io("last_seen", m.last_seen);
}
template <class Io>
void describe(Io& io, Signal& m) {
  io("party_id", m.party_id);
  io("from_peer_id", m.from_peer_id);
  io("signal_data", m.signal_data, {.size = kMaxSignalSize});
}
template <class Io>
void describe(Io& io, PartyClosed& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("reason", m.reason, kMessageText);
}
template <class Io>
void describe(Io& io, CaughtUp& m) {
  io("party_id", m.party_id);
  io("seq", m.seq);
  io("digest", m.digest);
}
template <class Io>
void describe(Io& io, Ack& m) {
  io("request_id", m.request_id, kRequestId);
  io("seq", m.seq);
}
template <class Io>
void describe(Io& io, ErrorMessage& m) {
  io("code", m.code, kShortText);
  io("message", m.message, kMessageText);
  io("field", m.field);
  io("request_id", m.request_id, kRequestId);
  io("party_id", m.party_id);
  io("retry_after", m.retry_after_s);
}
template <class Io>
void describe(Io& io, RelayToken& m) {
  io("party_id", m.party_id);
  io("request_id", m.request_id, kRequestId);
  io("grant", m.grant);
}

namespace {

// Reads `from` as the alternative whose type is named; false if none is.
template <class Variant, std::size_t I = 0>
bool read_alternative(std::string_view type, JsonReader& reader, const boost::json::value& from,
                      Variant& out) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return false;
  } else {
    using Message = std::variant_alternative_t<I, Variant>;
    if (type != type_of<Message>())
      return read_alternative<Variant, I + 1>(type, reader, from, out);
    read_value(reader, from, out.template emplace<I>(), Limit{});
    return true;
  }
}

template <class Variant>
Result<Variant> parse_any(std::string_view text) {
  auto document = parse_document(text);
  if (!document) return std::unexpected(std::move(document.error()));
  JsonReader reader;
  std::string type;
  if (const boost::json::object* object = document->if_object()) {
    FieldReader fields(reader, *object);
    fields("type", type, kShortText);
  } else {
    reader.expected("an object", *document);
  }
  Variant out;
  if (reader.ok() && !read_alternative(type, reader, *document, out))
    return fail(Errc::unknown_type, "type: \"" + type + "\" is not known here", "type");
  if (!reader.ok()) return std::unexpected(reader.take_error());
  return out;
}

template <class Variant>
std::string write_any(const Variant& message) {
  return std::visit(
      [](const auto& m) {
        using Message = std::remove_cvref_t<decltype(m)>;
        boost::json::object object;
        object["type"] = type_of<Message>();  // first, so that a person finds it
        FieldWriter fields(object);
        describe(fields, const_cast<Message&>(m));
        return boost::json::serialize(object);
      },
      message);
}

}  // namespace

Result<ClientMessage> parse_client_message(std::string_view json) {
  return parse_any<ClientMessage>(json);
}
Result<ServerMessage> parse_server_message(std::string_view json) {
  return parse_any<ServerMessage>(json);
}
Mentioned mentioned_in(std::string_view json) {
  Mentioned out;
  const auto document = parse_document(json);
  const boost::json::object* object = document ? document->if_object() : nullptr;
  if (object == nullptr) return out;
  const auto read = [&](std::string_view key, auto& field, Limit limit) {
    JsonReader reader;
    FieldReader fields(reader, *object);
    fields(key, field, limit);
    if (!reader.ok()) field.reset();
  };
  read("request_id", out.request_id, kRequestId);
  read("party_id", out.party_id, {});
  return out;
}
std::string_view type_name(const ClientMessage& message) {
  return std::visit([](const auto& m) { return type_of<std::remove_cvref_t<decltype(m)>>(); },
                    message);
}
std::string to_json(const ClientMessage& message) {
  return write_any(message);
}
std::string to_json(const ServerMessage& message) {
  return write_any(message);
}

}  // namespace lanrage::protocol::ws
