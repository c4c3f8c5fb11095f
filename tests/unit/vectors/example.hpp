// The keys of the worked example (docs/protocol/records.md), and values as documents write them.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"

namespace lanrage::vectors {

class RepeatedByte final : public Random {
 public:
  explicit RepeatedByte(std::uint8_t byte) : byte_(byte) {}
  void fill(MutableByteView out) override { std::ranges::fill(out, byte_); }

 private:
  std::uint8_t byte_;
};

template <std::size_t N>
ByteArray<N> repeated(std::uint8_t byte) {
  ByteArray<N> out;
  out.fill(byte);
  return out;
}
inline crypto::SigningKey signing(std::uint8_t byte) {
  return crypto::SigningKey::from_seed(Secret<32>(repeated<32>(byte)));
}
inline crypto::ExchangeSecret exchange(std::uint8_t byte) {
  return crypto::ExchangeSecret::from_bytes(Secret<32>(repeated<32>(byte)));
}
inline PeerId peer_of(const crypto::SigningKey& identity) {
  return crypto::id_of<PeerId>(identity.public_key().bytes);
}

struct Device {
  crypto::SigningKey identity;
  crypto::ExchangeSecret box;
  crypto::ExchangeSecret wireguard;
};
inline Device host() {
  return {signing(0x11), exchange(0x12), exchange(0x13)};
}
inline Device joiner() {
  return {signing(0x21), exchange(0x22), exchange(0x23)};
}
inline PartyId party() {
  return crypto::id_of<PartyId>(signing(0x01).public_key().bytes);
}

// Name and hexadecimal value, in the document's order.
using Values = std::vector<std::pair<std::string, std::string>>;
inline void show(Values& out, std::string name, ByteView bytes) {
  out.emplace_back(std::move(name), to_hex(bytes));
}

void add_proofs(Values& out);   // to a server, and what it keeps of them
void add_signals(Values& out);  // between peers, and their checks
void add_relay(Values& out);
void add_machine(Values& out);  // addresses, certificate's pin, port mappings

}  // namespace lanrage::vectors
