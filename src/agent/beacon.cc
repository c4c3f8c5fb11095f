#include "agent/beacon.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace lanrage::agent {
namespace {

constexpr std::string_view kMagic = "LRLAN";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kQuestion = 1;
constexpr std::uint8_t kParty = 2;
constexpr std::uint8_t kFamily4 = 4;
constexpr std::uint8_t kFamily6 = 6;

ByteWriter begin(std::uint8_t kind, const BeaconNonce& nonce) {
  ByteWriter out;
  out.text(kMagic).u8(kVersion).u8(kind).raw(nonce);
  return out;
}

std::optional<LanParty> read_party(ByteReader& in) {
  LanParty out;
  out.id.bytes = in.array<16>();
  out.pin = in.array<16>();
  const auto family = in.u8();
  if (family == kFamily4) {
    out.server.address = IpAddress::v4(in.array<4>());
  } else if (family == kFamily6) {
    out.server.address = IpAddress::v6(in.array<16>());
    if (out.server.address.is_v4()) return std::nullopt;  // mapped: one form for each address
  } else {
    return std::nullopt;
  }
  out.server.port = in.u16();
  out.members = in.u16();
  out.name = as_text(in.counted16());
  out.host = as_text(in.counted16());
  if (!in.at_end() || !is_sound(out)) return std::nullopt;
  return out;
}

bool is_label(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && is_printable_utf8(text);
}

}  // namespace

bool is_sound(const LanParty& party) {
  const auto& address = party.server.address;
  return party.server.port != 0 && !address.is_unspecified() && !address.is_multicast() &&
         !address.is_loopback() && !address.is_link_local() && party.members > 0 &&
         is_label(party.name, kMaxBeaconName) && is_label(party.host, kMaxBeaconNick);
}

Bytes encode_question(const BeaconNonce& nonce) {
  auto out = begin(kQuestion, nonce);
  out.buffer().resize(kBeaconSize);
  return std::move(out).take();
}

Bytes encode_party(const BeaconNonce& nonce, const LanParty& party) {
  auto out = begin(kParty, nonce);
  out.raw(party.id.bytes).raw(party.pin);
  out.u8(party.server.address.is_v4() ? kFamily4 : kFamily6).raw(party.server.address.bytes());
  out.u16(party.server.port).u16(party.members);
  out.counted16(as_bytes(party.name)).counted16(as_bytes(party.host));
  return std::move(out).take();
}

std::optional<Beacon> parse_beacon(ByteView datagram) {
  if (datagram.size() > kBeaconSize) return std::nullopt;
  ByteReader in(datagram);
  const auto magic = as_text(in.take(kMagic.size()));
  const auto version = in.u8();
  const auto kind = in.u8();
  Beacon out;
  out.nonce = in.array<8>();
  if (!in.ok() || magic != kMagic || version != kVersion) return std::nullopt;
  if (kind == kQuestion) {
    const auto padding = in.take(in.remaining());
    const bool zeros = std::ranges::all_of(padding, [](auto byte) { return byte == 0; });
    if (datagram.size() != kBeaconSize || !zeros) return std::nullopt;
    return out;
  }
  if (kind != kParty) return std::nullopt;
  out.party = read_party(in);
  if (!out.party) return std::nullopt;
  return out;
}

}  // namespace lanrage::agent
