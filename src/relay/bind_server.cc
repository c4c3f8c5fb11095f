#include "relay/bind_server.hpp"

#include "crypto/hash.hpp"
#include "relay/bind_messages.hpp"
#include "relay/route_messages.hpp"

namespace lanrage::relay {
namespace {

using stun::Attribute;

Bytes u64_bytes(std::uint64_t value) {
  ByteWriter writer;
  writer.u64(value);
  return std::move(writer).take();
}

ByteArray<16> nonce_mac(const Secret<32>& key, std::uint64_t time, const Endpoint& from) {
  ByteWriter writer;
  writer.text("lanrage/v1/relay-nonce").u8(0).u64(time);
  writer.counted16(from.address.bytes()).u16(from.port);
  auto mac = crypto::hmac_sha256(key.expose(), writer.bytes());
  ByteArray<16> out;
  std::copy_n(mac.begin(), out.size(), out.begin());
  return out;
}

}  // namespace

BindServer::BindServer(const RelayId& id, const crypto::VerifyKey& token_key, const Limits& limits,
                       Random& random)
    : id_(id),
      token_key_(token_key),
      limits_(limits),
      boot_id_(random.u64()),
      nonce_key_(random.array<32>()) {}

Bytes BindServer::nonce_for(Instant now, const Endpoint& from) const {
  auto time = static_cast<std::uint64_t>(now.time_since_epoch().count());
  ByteWriter writer;
  writer.u64(time).raw(nonce_mac(nonce_key_, time, from));
  return std::move(writer).take();
}

std::optional<std::uint64_t> BindServer::check_nonce(Instant now, const Endpoint& from,
                                                     ByteView nonce) const {
  if (nonce.size() != kNonceSize) return std::nullopt;
  ByteReader reader(nonce);
  std::uint64_t time = reader.u64();
  auto current = static_cast<std::uint64_t>(now.time_since_epoch().count());
  auto lifetime = static_cast<std::uint64_t>(limits_.nonce_lifetime.count());
  if (time > current || current - time > lifetime) return std::nullopt;
  auto expected = nonce_mac(nonce_key_, time, from);
  if (!crypto::equal_in_constant_time(expected, reader.take(expected.size()))) return std::nullopt;
  return time;
}

bool BindServer::has_fresh_nonce(Instant now, const Endpoint& from,
                                 const stun::MessageView& request) const {
  auto nonce = request.find(Attribute::nonce);
  return nonce && check_nonce(now, from, *nonce);
}

Bytes BindServer::error(Instant now, const Endpoint& from, const stun::MessageView& request,
                        int code) const {
  stun::MessageBuilder message(request.method(), stun::Class::error, request.transaction());
  message.error(code, {});
  if (code == kChallenge || code == kStaleNonce) {
    message.xor_mapped_address(from)
        .attribute(Attribute::nonce, nonce_for(now, from))
        .attribute(Attribute::boot_id, u64_bytes(boot_id_));
  }
  return message.fingerprint();
}

BindServer::Answer BindServer::on_request(Instant now, UnixTime unix_now, const Endpoint& from,
                                          const IpAddress& local, std::uint32_t home,
                                          const stun::MessageView& request, ClientTable& clients) {
  auto nonce = request.find(Attribute::nonce);
  if (!nonce) return {error(now, from, request, kChallenge), kChallenge};
  auto nonce_time = check_nonce(now, from, *nonce);
  if (!nonce_time) return {error(now, from, request, kStaleNonce), kStaleNonce};

  Admitted admitted;
  if (int code = judge(unix_now, from, request, *nonce, *nonce_time, clients, admitted)) {
    return {error(now, from, request, code), code};
  }
  const ClientRef client = admitted.client;
  // A replay to another address of ours mustn't make that the one that the client hears from.
  if (!admitted.again) clients.set_address(client, from, local, home);
  clients.get(client)->last_bind = now;

  auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(limits_.client_lifetime);
  std::uint64_t slot = std::uint64_t{client.slot} << 32 | client.generation;
  Bytes answer =
      stun::MessageBuilder(stun::Method::bind_relay, stun::Class::success, request.transaction())
          .xor_mapped_address(from)
          .attribute(Attribute::nonce, nonce_for(now, from))
          .attribute(Attribute::boot_id, u64_bytes(boot_id_))
          .attribute(Attribute::bind_slot, u64_bytes(slot))
          .attribute_u32(Attribute::bind_lifetime, static_cast<std::uint32_t>(lifetime.count()))
          .fingerprint();
  return {std::move(answer), 0};
}

int BindServer::judge(UnixTime unix_now, const Endpoint& from, const stun::MessageView& request,
                      ByteView nonce, std::uint64_t nonce_time, ClientTable& clients,
                      Admitted& admitted) {
  auto token_bytes = request.find(Attribute::relay_token);
  auto signature_bytes = request.find(Attribute::bind_signature);
  if (!token_bytes || !signature_bytes ||
      signature_bytes->size() != std::tuple_size_v<crypto::Signature>) {
    return kRefused;
  }

  // A renewal as a rule brings the token that was verified before.
  auto hash = crypto::sha256(*token_bytes);
  std::optional<ClientRef> holder = clients.find(from);
  Token token;
  if (Client* client = holder ? clients.get(*holder) : nullptr;
      client && client->token_hash == hash) {
    token = client->token;
  } else {
    auto verified = verify_signature(*token_bytes, token_key_);
    if (!verified) return kRefused;
    token = *verified;
  }

  auto existing = clients.find_member(token.group, token.mac1_key);
  Client* client = existing ? clients.get(*existing) : nullptr;
  bool same_key = client && client->token.bind_key == token.bind_key;
  // The newer of two agents with one WireGuard key has the newer token.
  if (client && !same_key && token.expires < client->token.expires) return kRefused;
  if (same_key && nonce_time < client->nonce_time) return kStaleNonce;
  UnixTime last = token.expires + (same_key ? kTokenRenewal : std::chrono::hours(0));
  if (last <= unix_now) return kTokenExpired;

  crypto::Signature signature;
  std::ranges::copy(*signature_bytes, signature.begin());
  Bytes statement = bind_statement(*token_bytes, id_, boot_id_, nonce, from);
  if (!token.bind_key.verify(statement, signature)) return kRefused;

  auto slot = clients.admit(token);
  if (!slot) return kFull;
  admitted = {*slot, same_key && nonce_time == client->nonce_time};
  clients.get(*slot)->nonce_time = nonce_time;
  clients.set_token(*slot, token, hash);
  return 0;
}

int BindServer::judge_routes(Instant now, const Endpoint& from, const stun::MessageView& request,
                             const Client& client) const {
  auto nonce = request.find(Attribute::nonce);
  if (!nonce || !check_nonce(now, from, *nonce)) return kStaleNonce;
  auto routes = request.find(Attribute::relay_routes);
  auto signature_bytes = request.find(Attribute::bind_signature);
  if (!routes || !signature_bytes ||
      signature_bytes->size() != std::tuple_size_v<crypto::Signature>) {
    return kRefused;
  }
  crypto::Signature signature;
  std::ranges::copy(*signature_bytes, signature.begin());
  Bytes statement = route_statement(*routes, id_, boot_id_, *nonce, from);
  return client.token.bind_key.verify(statement, signature) ? 0 : kRefused;
}

}  // namespace lanrage::relay
