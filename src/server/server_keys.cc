#include "server/server_keys.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/encoding.hpp"

namespace lanrage::server {

namespace {

template <std::size_t N>
Result<ByteArray<N>> fixed(store::Store& store, const ByteArray<N>& initial,
                           std::string_view name) {
  const auto value = store.setting(name, initial);
  if (!value) return std::unexpected(value.error());
  if (value->size() != N)
    return fail(store::Errc::database_corrupt,
                "the database's setting " + std::string(name) +
                    " has the wrong length: restore a backup of the database");
  ByteArray<N> out;
  std::copy(value->begin(), value->end(), out.begin());
  return out;
}

}  // namespace

Result<ServerKeys> load_keys(store::Store& store, Random& random) {
  const auto incarnation = fixed<16>(store, random.array<16>(), store::kIncarnation);
  if (!incarnation) return std::unexpected(incarnation.error());
  const auto nonce_secret = fixed<32>(store, random.array<32>(), "nonce_secret");
  if (!nonce_secret) return std::unexpected(nonce_secret.error());
  const auto relay_key = fixed<32>(store, random.array<32>(), "relay_token_key");
  if (!relay_key) return std::unexpected(relay_key.error());
  const auto relay_id = fixed<16>(store, random.array<16>(), "relay_id");
  if (!relay_id) return std::unexpected(relay_id.error());
  // 56 bits, 12 characters: guesses are rate-limited, and the word is to be typed.
  const auto word = fixed<7>(store, random.array<7>(), "join_word");
  if (!word) return std::unexpected(word.error());
  const auto enrolment = fixed<16>(store, random.array<16>(), "relay_enrolment_key");
  if (!enrolment) return std::unexpected(enrolment.error());
  const auto backed_up_at = fixed<8>(store, {}, store::kBackedUpAt);
  if (!backed_up_at) return std::unexpected(backed_up_at.error());
  return ServerKeys{to_base32(*incarnation),
                    Secret<32>(*nonce_secret),
                    crypto::SigningKey::from_seed(Secret<32>(*relay_key)),
                    to_base32(*relay_id),
                    to_base32(*word),
                    SecretText(to_base32(*enrolment)),
                    UnixTime(std::chrono::milliseconds(ByteReader(*backed_up_at).u64()))};
}

}  // namespace lanrage::server
