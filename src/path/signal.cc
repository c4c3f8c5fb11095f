#include "path/signal.hpp"

#include <algorithm>

#include "crypto/seal.hpp"

namespace lanrage::path {
namespace {

// Body: version u8 | boot u64 | counter u64 | password 16 | nat u8 | flags u8 |
//       count u8, each relay: id (u16-counted), rtt u16 (ms; 0xFFFF: unknown) |
//       count u8, each candidate: kind u8, family u8 (4 or 6), address, port u16
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kReady = 1;
constexpr std::uint8_t kBesideSegment = 2;
constexpr std::uint16_t kNoRtt = 0xFFFF;
constexpr std::size_t kSignatureSize = 64;
constexpr std::string_view kLabel = "lanrage/v1/signal";

std::unexpected<Error> malformed(std::string what, std::string field) {
  return fail(Errc::malformed_signal, "The signal's " + field + " " + what + ".", field);
}

Bytes route_bytes(const SignalRoute& route) {
  ByteWriter out;
  out.text(kLabel).u8(0).raw(route.party.bytes).raw(route.from.bytes).raw(route.to.bytes);
  return std::move(out).take();
}

Bytes signed_bytes(const SignalRoute& route, ByteView body) {
  Bytes out = route_bytes(route);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

IpAddress read_address(ByteReader& in) {
  switch (in.u8()) {
    case 4:
      return IpAddress::v4(in.array<4>());
    case 6:
      return IpAddress::v6(in.array<16>());
    default:
      in.fail();
      return {};
  }
}

Result<std::vector<SignalRelay>> read_relays(ByteReader& in) {
  std::vector<SignalRelay> relays(in.u8());
  if (relays.size() > kMaxSignalRelays)
    return malformed("has more than " + std::to_string(kMaxSignalRelays) + " entries", "relays");
  for (SignalRelay& relay : relays) {
    ByteView id = in.counted16();
    std::uint16_t rtt = in.u16();
    if (!in.ok() || id.empty() || id.size() > kMaxRelayId)
      return malformed("holds an id that isn't of 1 to " + std::to_string(kMaxRelayId) + " bytes",
                       "relays");
    relay.id = as_text(id);
    if (rtt != kNoRtt) relay.rtt = std::chrono::milliseconds(rtt);
  }
  return relays;
}

Result<std::vector<Candidate>> read_candidates(ByteReader& in) {
  std::vector<Candidate> candidates(in.u8());
  if (candidates.size() > kMaxCandidates)
    return malformed("has more than " + std::to_string(kMaxCandidates) + " entries", "candidates");
  for (Candidate& candidate : candidates) {
    std::uint8_t kind = in.u8();
    candidate.endpoint.address = read_address(in);
    candidate.endpoint.port = in.u16();
    if (!in.ok() || kind < static_cast<std::uint8_t>(CandidateKind::host) ||
        kind > static_cast<std::uint8_t>(CandidateKind::guessed))
      return malformed("holds an entry that isn't kind, family, address and port", "candidates");
    candidate.kind = static_cast<CandidateKind>(kind);
  }
  return candidates;
}

}  // namespace

Bytes encode_signal(const Signal& signal) {
  ByteWriter out;
  out.u8(kVersion).u64(signal.boot).u64(signal.counter).raw(signal.check_password);
  const int flags = (signal.ready ? kReady : 0) | (signal.beside_segment ? kBesideSegment : 0);
  out.u8(static_cast<std::uint8_t>(signal.nat)).u8(static_cast<std::uint8_t>(flags));
  std::size_t relays = std::min(signal.relays.size(), kMaxSignalRelays);
  out.u8(static_cast<std::uint8_t>(relays));
  for (const SignalRelay& relay : std::span(signal.relays).first(relays)) {
    std::uint16_t rtt = kNoRtt;
    if (relay.rtt)
      rtt = static_cast<std::uint16_t>(std::clamp<std::int64_t>(
          std::chrono::ceil<std::chrono::milliseconds>(*relay.rtt).count(), 0, kNoRtt - 1));
    out.counted16(as_bytes(std::string_view(relay.id).substr(0, kMaxRelayId))).u16(rtt);
  }
  std::size_t candidates = std::min(signal.candidates.size(), kMaxCandidates);
  out.u8(static_cast<std::uint8_t>(candidates));
  for (const Candidate& candidate : std::span(signal.candidates).first(candidates)) {
    const IpAddress& address = candidate.endpoint.address;
    out.u8(static_cast<std::uint8_t>(candidate.kind)).u8(address.is_v4() ? 4 : 6);
    out.raw(address.bytes()).u16(candidate.endpoint.port);
  }
  return std::move(out).take();
}

Result<Signal> decode_signal(ByteView body) {
  ByteReader in(body);
  Signal signal;
  if (std::uint8_t version = in.u8(); version != kVersion)
    return malformed("is " + std::to_string(version) +
                         ", this agent knows version 1; one of both "
                         "must be updated",
                     "version");
  signal.boot = in.u64();
  signal.counter = in.u64();
  signal.check_password = in.array<16>();
  std::uint8_t nat = in.u8();
  std::uint8_t flags = in.u8();
  if (!in.ok()) return malformed("is cut short", "body");
  // A hint only: a type that a later version adds mustn't break the rest.
  signal.nat = nat <= static_cast<std::uint8_t>(stun::NatType::unknown)
                   ? static_cast<stun::NatType>(nat)
                   : stun::NatType::unknown;
  if ((flags & ~(kReady | kBesideSegment)) != 0) return malformed("is above 3", "flags");
  signal.ready = (flags & kReady) != 0;
  signal.beside_segment = (flags & kBesideSegment) != 0;
  auto relays = read_relays(in);
  if (!relays) return std::unexpected(relays.error());
  signal.relays = std::move(*relays);
  auto candidates = read_candidates(in);
  if (!candidates) return std::unexpected(candidates.error());
  signal.candidates = std::move(*candidates);
  if (!in.at_end()) return malformed("has bytes after its end", "body");
  return signal;
}

Result<Bytes> seal_signal(Random& random, const Signal& signal, const SignalRoute& route,
                          const crypto::SigningKey& sender, const crypto::ExchangeKey& recipient) {
  Bytes plain = encode_signal(signal);
  crypto::Signature signature = sender.sign(signed_bytes(route, plain));
  plain.insert(plain.end(), signature.begin(), signature.end());
  auto sealed = crypto::seal_box(random, recipient, route_bytes(route), plain);
  if (!sealed)
    return fail(Errc::unsealable_signal,
                "The box key of peer " + route.to.to_string() +
                    " is no valid key; nothing can be "
                    "sent to it.",
                "box_key");
  return std::move(*sealed);
}

Result<Signal> open_signal(ByteView sealed, const SignalRoute& route,
                           const crypto::VerifyKey& sender,
                           const crypto::ExchangeSecret& recipient) {
  if (sealed.size() > kMaxSealedSignal)
    return malformed("is longer than " + std::to_string(kMaxSealedSignal) + " bytes", "box");
  auto plain = crypto::open_box(recipient, route_bytes(route), sealed);
  if (!plain || plain->size() < kSignatureSize)
    return fail(Errc::unreadable_signal,
                "The signal from peer " + route.from.to_string() +
                    " isn't sealed to this device "
                    "for this party.",
                "box");
  ByteView body = ByteView(*plain).first(plain->size() - kSignatureSize);
  crypto::Signature signature;
  std::ranges::copy(ByteView(*plain).last(kSignatureSize), signature.begin());
  if (!sender.verify(signed_bytes(route, body), signature))
    return fail(Errc::forged_signal,
                "The signal isn't signed by peer " + route.from.to_string() + ".", "signature");
  return decode_signal(body);
}

Result<void> SignalReplay::accept(const Signal& signal) {
  if (any_ && (signal.boot < boot_ || (signal.boot == boot_ && signal.counter <= counter_)))
    return fail(Errc::replayed_signal,
                "The signal is older than one already seen; it was replayed "
                "or overtaken.",
                "counter");
  any_ = true;
  boot_ = signal.boot;
  counter_ = signal.counter;
  return {};
}

}  // namespace lanrage::path
