#include "party/party_key.hpp"

#include <algorithm>

namespace lanrage::party {
namespace {

Bytes epoch_bytes(std::uint32_t epoch) {
  ByteWriter out;
  out.u32(epoch);
  return std::move(out).take();
}

Bytes associated_data(const crypto::Hash& roster_hash, const crypto::ExchangeKey& recipient) {
  ByteWriter out;
  out.raw(roster_hash).raw(recipient.bytes);
  return std::move(out).take();
}

}  // namespace

PartyKey PartyKey::generate(Random& random, std::uint32_t epoch) {
  Secret<32> key;
  random.fill(key.expose_mutable());
  return {key, epoch};
}

crypto::Hash PartyKey::commitment(const PartyId& party) const {
  return crypto::derive(key_.expose(), "lanrage/v1/commit", {party.bytes, epoch_bytes(epoch_)})
      .expose();
}

Secret<32> PartyKey::preshared_key(const PartyId& party, const crypto::ExchangeKey& a,
                                   const crypto::ExchangeKey& b) const {
  const auto& [low, high] = std::minmax(a, b);
  return crypto::derive(key_.expose(), "lanrage/v1/psk",
                        {party.bytes, epoch_bytes(epoch_), low.bytes, high.bytes});
}

Result<SealedBox> seal_party_key(Random& random, const BoxContents& contents,
                                 const crypto::ExchangeKey& recipient) {
  Secret<kPartyBoxSize - crypto::kBoxOverhead> plain;
  auto out = plain.expose_mutable().begin();
  auto put = [&out](ByteView bytes) { out = std::ranges::copy(bytes, out).out; };
  put(contents.key.key().expose());
  put(contents.root_key.bytes);
  put(epoch_bytes(contents.key.epoch()));
  put(contents.roster_hash);
  auto box = crypto::seal_box(random, recipient, associated_data(contents.roster_hash, recipient),
                              plain.expose());
  if (!box)
    return fail(Errc::weak_key, "the recipient's box key isn't a usable X25519 key", "recipient");
  return SealedBox{recipient, std::move(*box)};
}

Result<BoxContents> open_party_key(const crypto::ExchangeSecret& recipient,
                                   const crypto::Hash& roster_hash, ByteView box) {
  auto plain =
      crypto::open_box(recipient, associated_data(roster_hash, recipient.public_key()), box);
  const auto refuse = [] {
    return fail(Errc::box_unreadable,
                "the box with the party key doesn't open: it's damaged, or meant for another "
                "recipient or roster",
                "box");
  };
  if (!plain) return refuse();
  ByteReader in(*plain);
  Secret<32> key;
  std::ranges::copy(in.take(32), key.expose_mutable().begin());
  const crypto::VerifyKey root_key{in.array<32>()};
  const auto epoch = in.u32();
  const auto roster = in.array<32>();
  const bool whole = in.at_end();
  wipe(*plain);
  if (!whole || roster != roster_hash) return refuse();
  return BoxContents{PartyKey(key, epoch), root_key, roster};
}

}  // namespace lanrage::party
