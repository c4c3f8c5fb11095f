#include "relay/token.hpp"

#include <cstring>

namespace lanrage::relay {
namespace {

constexpr std::string_view kLabel = "lanrage/v1/relay-token";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kBodySize = kTokenSize - sizeof(crypto::Signature);

Bytes statement(ByteView body) {
  ByteWriter writer;
  writer.text(kLabel).u8(0).raw(body);
  return std::move(writer).take();
}

}  // namespace

Bytes issue(const Token& token, const crypto::SigningKey& signing_key) {
  ByteWriter writer;
  writer.u8(kVersion)
      .u64(token.group)
      .raw(token.mac1_key)
      .raw(token.bind_key.bytes)
      .u64(static_cast<std::uint64_t>(token.expires.time_since_epoch().count()));
  auto signature = signing_key.sign(statement(writer.bytes()));
  writer.raw(signature);
  return std::move(writer).take();
}

Result<Token> verify_signature(ByteView token, const crypto::VerifyKey& signing_key) {
  if (token.size() != kTokenSize || token[0] != kVersion) {
    return fail(Errc::token_malformed, "the relay token isn't one of version 1", "token");
  }
  ByteReader reader(token);
  reader.u8();
  Token out;
  out.group = reader.u64();
  out.mac1_key = reader.array<32>();
  out.bind_key.bytes = reader.array<32>();
  auto expires = static_cast<std::int64_t>(reader.u64());
  auto signature = reader.array<64>();
  // Far from the ends of the range, so that no arithmetic on it can overflow.
  constexpr std::int64_t kLatest = std::int64_t{1} << 52;
  if (expires < 0 || expires > kLatest) {
    return fail(Errc::token_malformed, "the relay token's expiry is out of range", "token");
  }
  out.expires = UnixTime(std::chrono::milliseconds(expires));
  if (!signing_key.verify(statement(token.first(kBodySize)), signature)) {
    return fail(Errc::token_forged, "the relay token isn't signed by this relay's control server",
                "token");
  }
  return out;
}

Result<Token> verify(ByteView token, const crypto::VerifyKey& signing_key, UnixTime now) {
  auto out = verify_signature(token, signing_key);
  if (out && out->expires <= now) {
    return fail(Errc::token_expired, "the relay token has expired: ask for a new one", "token");
  }
  return out;
}

}  // namespace lanrage::relay
