#include "party/root_box.hpp"

namespace lanrage::party {
namespace {

constexpr std::string_view kLabel = "lanrage/v1/root-key";

Bytes associated_data(const RootRoute& route) {
  ByteWriter out;
  out.text(kLabel).u8(0).raw(route.party.bytes).raw(route.from.bytes).raw(route.to.bytes);
  out.raw(route.charter);
  return std::move(out).take();
}

}  // namespace

Result<Bytes> seal_root_key(Random& random, const crypto::SigningKey& root, const RootRoute& route,
                            const crypto::ExchangeKey& recipient) {
  auto box = crypto::seal_box(random, recipient, associated_data(route), root.seed().expose());
  if (!box)
    return fail(Errc::weak_key, "the recipient's box key isn't a usable X25519 key", "recipient");
  return std::move(*box);
}

Result<crypto::SigningKey> open_root_key(const crypto::ExchangeSecret& recipient,
                                         const RootRoute& route, const crypto::VerifyKey& root,
                                         ByteView box) {
  auto plain = crypto::open_box(recipient, associated_data(route), box);
  if (!plain || plain->size() != 32) {
    if (plain) wipe(*plain);
    return fail(Errc::box_unreadable,
                "the box with the root key doesn't open: it's damaged, or meant for another "
                "recipient, sender or charter",
                "box");
  }
  const Secret<32> seed(ByteReader(*plain).array<32>());
  wipe(*plain);
  auto key = crypto::SigningKey::from_seed(seed);
  if (key.public_key() != root)
    return fail(Errc::wrong_party, "the box holds another root key than the party's", "box");
  return key;
}

}  // namespace lanrage::party
