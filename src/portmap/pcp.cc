#include "portmap/pcp.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace lanrage::portmap::pcp {
namespace {

constexpr std::uint8_t kMap = 1;
constexpr std::uint8_t kResponseBit = 0x80;
constexpr std::size_t kHeaderSize = 24;

// 5: IPv4 addresses travel as IPv4-mapped IPv6 ones, "any" as ::ffff:0.0.0.0.
ByteArray<16> to_wire(const IpAddress& address) {
  ByteArray<16> out{};
  const auto bytes = address.bytes();
  if (address.is_v4()) out[10] = out[11] = 0xff;
  std::ranges::copy(bytes, out.end() - static_cast<std::ptrdiff_t>(bytes.size()));
  return out;
}

}  // namespace

std::string explain(ResultCode code) {
  switch (code) {
    case ResultCode::success:
      return "granted";
    case ResultCode::unsupp_version:
      return "the router speaks another version";
    case ResultCode::not_authorized:
      return "switched off in the router's settings, or the mapping is another program's";
    case ResultCode::unsupp_opcode:
      return "the router doesn't map ports";
    case ResultCode::network_failure:
      return "the router has no address of the internet";
    case ResultCode::no_resources:
      return "the router has no room for more";
    case ResultCode::unsupp_protocol:
      return "the router doesn't map this protocol";
    case ResultCode::user_ex_quota:
      return "this machine has all the mappings that the router gives to one";
    case ResultCode::cannot_provide_external:
      return "the router can't give this port";
    case ResultCode::address_mismatch:
      return "there is another router between this machine and the one that answered";
    case ResultCode::malformed_request:
    case ResultCode::unsupp_option:
    case ResultCode::malformed_option:
    case ResultCode::excessive_remote_peers:
      break;
  }
  return "the router refused (" + std::to_string(static_cast<int>(code)) + ")";
}

Nonce nonce_for(const Secret<32>& key, Protocol protocol, std::uint16_t port,
                const Endpoint& router) {
  ByteWriter which;
  which.u8(static_cast<std::uint8_t>(protocol)).u16(port).text(router.to_string());
  const auto derived = crypto::derive(key.expose(), "lanrage/v1/pcp", {which.bytes()});
  Nonce nonce;
  std::copy_n(derived.expose().begin(), nonce.size(), nonce.begin());
  return nonce;
}

Bytes encode(const MapRequest& request) {
  ByteWriter out;
  const auto lifetime = std::clamp(request.lifetime, std::chrono::seconds(0), kMaxLifetime);
  out.u8(kVersion).u8(kMap).u16(0).u32(static_cast<std::uint32_t>(lifetime.count()));
  out.raw(to_wire(request.client)).raw(request.nonce);
  out.u8(static_cast<std::uint8_t>(request.protocol)).u8(0).u16(0);
  out.u16(request.internal_port).u16(request.external_port);
  out.raw(to_wire(request.external_address));
  return std::move(out).take();
}

bool MapResponse::answers(const MapRequest& request) const {
  return nonce == request.nonce && protocol == request.protocol &&
         internal_port == request.internal_port;
}

Result<MapResponse> parse(ByteView datagram) {
  if (datagram.size() < 2)
    return fail(Errc::too_short, "a PCP answer of " + std::to_string(datagram.size()) + " bytes");
  // Before the length: NAT-PMP's answer to a PCP request has 8 bytes (appendix A).
  if (datagram[0] != kVersion)
    return fail(Errc::other_version, "version " + std::to_string(datagram[0]) + ", expected 2");
  if (datagram.size() < kHeaderSize)
    return fail(Errc::too_short,
                "a PCP answer of " + std::to_string(datagram.size()) + " bytes, its header has 24");
  if (datagram.size() > kMaxMessage || datagram.size() % 4 != 0)
    return fail(Errc::bad_length, "a PCP answer of " + std::to_string(datagram.size()) +
                                      " bytes, expected a multiple of 4 up to 1100");
  ByteReader in(datagram);
  in.u8();
  if (in.u8() != (kResponseBit | kMap))
    return fail(Errc::not_a_map_answer, "not an answer to a MAP request");
  in.u8();
  MapResponse out;
  // Codes beyond those of the RFC are errors like any other.
  out.result = static_cast<ResultCode>(in.u8());
  out.lifetime = std::min(std::chrono::seconds(in.u32()), kMaxLifetime);
  out.epoch = in.u32();
  in.take(12);
  out.nonce = in.array<12>();
  const auto protocol = in.u8();
  in.take(3);
  out.internal_port = in.u16();
  out.external_port = in.u16();
  out.external_address = IpAddress::v6(in.array<16>());
  // Options may follow: we ask for none, so none is of interest.
  if (!in.ok()) return fail(Errc::too_short, "a PCP answer without the mapping it is about");
  if (protocol != static_cast<std::uint8_t>(Protocol::tcp) &&
      protocol != static_cast<std::uint8_t>(Protocol::udp))
    return fail(Errc::bad_protocol, "protocol " + std::to_string(protocol) + ", asked for 6 or 17");
  out.protocol = static_cast<Protocol>(protocol);
  return out;
}

bool EpochWatch::on_answer(Instant now, std::uint32_t epoch) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  bool lost = false;
  if (known_) {
    const std::int64_t client = duration_cast<seconds>(now - client_).count();
    const std::int64_t server = std::int64_t{epoch} - std::int64_t{server_};
    // Back by more than a second, or either clock slower than 15/16 of the other's.
    lost = server < -1 || client + 2 < server - server / 16 || server + 2 < client - client / 16;
  }
  known_ = true;
  client_ = now;
  server_ = epoch;
  return lost;
}

}  // namespace lanrage::portmap::pcp
