#include "party/wire.hpp"

namespace lanrage::party {
namespace {

constexpr std::uint8_t kHasNatType = 1;
constexpr std::uint8_t kHasEndpoint = 2;

}  // namespace

void write_endpoint(ByteWriter& out, const Endpoint& endpoint) {
  out.u8(endpoint.address.is_v6() ? 6 : 4).raw(endpoint.address.bytes()).u16(endpoint.port);
}

Endpoint read_endpoint(ByteReader& in) {
  Endpoint out;
  const auto family = in.u8();
  if (family == 4) {
    out.address = IpAddress::v4(in.array<4>());
  } else if (family == 6) {
    out.address = IpAddress::v6(in.array<16>());
    if (out.address.is_v4()) in.fail();
  } else {
    in.fail();
  }
  out.port = in.u16();
  return out;
}

void write_hints(ByteWriter& out, const Hints& hints) {
  out.u8(static_cast<std::uint8_t>((hints.nat_type ? kHasNatType : 0) |
                                   (hints.public_endpoint ? kHasEndpoint : 0)));
  if (hints.nat_type) out.counted16(as_bytes(*hints.nat_type));
  if (hints.public_endpoint) write_endpoint(out, *hints.public_endpoint);
}

Hints read_hints(ByteReader& in) {
  Hints out;
  const auto bits = in.u8();
  if (bits > (kHasNatType | kHasEndpoint)) in.fail();
  if ((bits & kHasNatType) != 0) out.nat_type = std::string(as_text(in.counted16()));
  if ((bits & kHasEndpoint) != 0) out.public_endpoint = read_endpoint(in);
  return out;
}

void write_blob(ByteWriter& out, ByteView blob) {
  out.u32(static_cast<std::uint32_t>(blob.size())).raw(blob);
}

Bytes read_blob(ByteReader& in) {
  auto view = in.take(in.u32());
  return {view.begin(), view.end()};
}

void write_peers(ByteWriter& out, const std::vector<PeerId>& peers) {
  out.u16(static_cast<std::uint16_t>(peers.size()));
  for (const auto& peer : peers)
    out.raw(peer.bytes);
}

std::vector<PeerId> read_peers(ByteReader& in) {
  std::vector<PeerId> out;
  for (int left = in.u16(); in.ok() && left > 0; --left)
    out.push_back({in.array<16>()});
  return out;
}

void write_box(ByteWriter& out, const SealedBox& box) {
  out.raw(box.recipient.bytes);
  write_blob(out, box.box);
}

SealedBox read_box(ByteReader& in) {
  SealedBox out;
  out.recipient.bytes = in.array<32>();
  out.box = read_blob(in);
  return out;
}

}  // namespace lanrage::party
