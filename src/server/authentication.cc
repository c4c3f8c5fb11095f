#include "server/authentication.hpp"

#include <cstring>

#include "party/proofs.hpp"

namespace lanrage::server {

namespace {

using protocol::Errc;

// i64 expiry, Unix ms | 16 random bytes | HMAC-SHA256 over label, identity and these.
constexpr std::size_t kNonceHead = 8 + 16;
constexpr std::size_t kNonceSize = kNonceHead + 32;

std::string base64url(ByteView bytes) {
  std::string text = to_base64(bytes);
  while (!text.empty() && text.back() == '=')
    text.pop_back();
  for (char& c : text)
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

// What is stored of a bearer token, and of a nonce that was used.
crypto::Hash labelled_hash(std::string_view label, ByteView content) {
  constexpr std::uint8_t kZero[1] = {0};
  return crypto::sha256({as_bytes(label), kZero, content});
}
TokenHash hash_of(const protocol::BearerToken& token) {
  return labelled_hash("lanrage/v1/bearer-token", as_bytes(token.text));
}

}  // namespace

std::size_t Authentication::HashOfHash::operator()(const TokenHash& hash) const noexcept {
  std::size_t h;
  std::memcpy(&h, hash.data(), sizeof h);
  return h;
}

Authentication::Authentication(store::Store& store, const Clock& clock, Random& random,
                               const Limits& limits, const Keys& keys)
    : store_(store), clock_(clock), random_(random), limits_(limits), keys_(keys) {}

Result<void> Authentication::load() {
  auto rows = store_.tokens();
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows)
    tokens_.emplace(row.token_hash, Entry{row.peer, row.expires_at});
  return {};
}

crypto::Hash Authentication::nonce_mac(const crypto::VerifyKey& identity, ByteView head) const {
  ByteWriter covered;
  covered.text("lanrage/v1/challenge").u8(0).raw(identity.bytes).raw(head);
  return crypto::hmac_sha256(keys_.nonce_secret.expose(), covered.bytes());
}

protocol::ChallengeAnswer Authentication::challenge(const protocol::ChallengeRequest& request) {
  const UnixTime expires = clock_.unix_time() + limits_.challenge_lifetime;
  const auto salt = random_.array<16>();
  ByteWriter nonce;
  nonce.u64(static_cast<std::uint64_t>(expires.time_since_epoch().count())).raw(salt);
  const auto mac = nonce_mac(request.identity, nonce.bytes());
  nonce.raw(mac);
  return {std::move(nonce).take(), expires};
}

Result<void> Authentication::check(const PeerId& named,
                                   const protocol::RegisterRequest& request) const {
  if (named != crypto::id_of<PeerId>(request.identity.bytes))
    return fail(Errc::peer_id_mismatch,
                "peer_id isn't the id of the identity key: each device can register only itself",
                "peer_id");
  if (request.nonce.size() != kNonceSize)
    return fail(Errc::malformed_nonce, "not a nonce from POST /auth/challenge", "nonce");
  const ByteView head = ByteView(request.nonce).first(kNonceHead);
  const auto mac = nonce_mac(request.identity, head);
  if (!crypto::equal_in_constant_time(mac, ByteView(request.nonce).subspan(kNonceHead)))
    return fail(Errc::malformed_nonce,
                "this server gave no such nonce to this identity: ask POST /auth/challenge",
                "nonce");
  const UnixTime expires(
      std::chrono::milliseconds(static_cast<std::int64_t>(ByteReader(head).u64())));
  if (clock_.unix_time() >= expires)
    return fail(Errc::expired_nonce, "the challenge has expired: ask for a new one", "nonce");
  const auto proven = [&](const crypto::Hash& binding) {
    return party::identity_proven(request.identity, binding, request.nonce, request.signature);
  };
  if (!proven(keys_.server_binding) && !(previous_binding_ && proven(*previous_binding_)))
    return fail(Errc::bad_signature,
                "the signature isn't the identity's over this server, nonce and peer_id",
                "signature");
  return {};
}

void Authentication::register_peer(const PeerId& named, const protocol::RegisterRequest& request,
                                   Done<protocol::RegisterAnswer> done) {
  if (auto ok = check(named, request); !ok) return done(std::unexpected(ok.error()));

  const protocol::BearerToken token{base64url(random_.array<32>())};
  store::TokenRow row;
  row.token_hash = hash_of(token);
  row.nonce_hash = labelled_hash("lanrage/v1/used-nonce", request.nonce);
  row.peer = named;
  row.created_at = clock_.unix_time();
  row.expires_at = row.created_at + limits_.token_lifetime;
  store_.add_token(row, [this, row, token, done = std::move(done)](Result<void> stored) mutable {
    if (!stored && stored.error().is(store::Errc::nonce_used))
      return done(fail(Errc::used_nonce, stored.error().message(), "nonce"));
    if (!stored) return done(fail(Errc::unavailable, "the token couldn't be stored; try again"));
    tokens_.emplace(row.token_hash, Entry{row.peer, row.expires_at});
    done(protocol::RegisterAnswer{token, row.peer, row.expires_at});
  });
}

Result<Session> Authentication::authenticate(const protocol::BearerToken& token) const {
  const TokenHash hash = hash_of(token);
  const auto found = tokens_.find(hash);
  if (found == tokens_.end())
    return fail(Errc::unknown_token, "this server doesn't know the token: register again");
  if (clock_.unix_time() >= found->second.expires_at)
    return fail(Errc::expired_token, "the token has expired: register again");
  return Session{found->second.peer, hash, found->second.expires_at};
}

bool Authentication::is_valid(const TokenHash& token) const {
  const auto found = tokens_.find(token);
  return found != tokens_.end() && clock_.unix_time() < found->second.expires_at;
}

void Authentication::revoke(const TokenHash& token, Done<void> done) {
  const UnixTime now = clock_.unix_time();
  store_.revoke_token(
      token, now, [this, token, now, done = std::move(done)](Result<void> stored) mutable {
        if (!stored)
          return done(fail(Errc::unavailable, "the token couldn't be revoked; try again"));
        if (auto found = tokens_.find(token); found != tokens_.end())
          found->second.expires_at = std::min(found->second.expires_at, now);
        done({});
      });
}

std::size_t Authentication::clean_up() {
  const UnixTime limit = clock_.unix_time() - limits_.token_afterlife;
  const auto removed =
      std::erase_if(tokens_, [&](const auto& entry) { return entry.second.expires_at < limit; });
  // A failure leaves rows that the next round removes.
  if (removed) store_.remove_tokens_expired_before(limit, [](const Result<void>&) {});
  return removed;
}

}  // namespace lanrage::server
