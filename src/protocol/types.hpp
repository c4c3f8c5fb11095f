// What several messages of the control protocol contain. Records, boxes and keys travel as base64,
// ids as base32, times as RFC 3339 UTC with milliseconds, endpoints as "ip:port".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"

namespace lanrage::protocol {

inline constexpr int kVersion = 1;

// Sizes above which a field is refused.
inline constexpr std::size_t kMaxRecordSize = 16 * 1024;  // one signed record
inline constexpr std::size_t kMaxBoxSize = 1024;          // one sealed box
inline constexpr std::size_t kMaxSignalSize = 4 * 1024;   // one sealed signal
inline constexpr std::size_t kMaxTokenSize = 512;         // one relay token
inline constexpr std::size_t kMaxNonceSize = 256;
inline constexpr std::size_t kMaxTextSize = 256;    // names, ids in free text, messages 1024
inline constexpr std::size_t kMaxBoxes = 128;       // in one request: members and invites
inline constexpr std::size_t kMaxHandedBack = 256;  // records in one request
inline constexpr std::size_t kMaxRelayEndpoints = 16;
inline constexpr std::size_t kMaxRegionSize = 32;
inline constexpr std::size_t kMaxResumes = 64;                  // parties of one WebSocket
inline constexpr std::size_t kMaxRequestSize = 64 * 1024;       // a REST body or client's message
inline constexpr std::size_t kMaxAnswerSize = 4 * 1024 * 1024;  // what a client accepts

// A session token: whoever has it acts as the peer. No formatter accepts the type.
struct BearerToken {
  std::string text;  // 16 to 128 characters of A-Z a-z 0-9 - _
  // The token of an Authorization header's value: missing_token or malformed_token.
  static Result<BearerToken> from_header(std::optional<std::string_view> authorization);
  static bool well_formed(std::string_view text);
  std::string header() const { return "Bearer " + text; }
  friend bool operator==(const BearerToken&, const BearerToken&) = default;
};

enum class NatType {
  unknown,
  open,
  full_cone,
  restricted_cone,
  port_restricted_cone,
  symmetric,
};
std::string_view name_of(NatType type);
std::optional<NatType> nat_type_from(std::string_view name);

// What a peer lets others see of its network, unsigned: display and ordering only.
struct Hints {
  std::optional<NatType> nat_type;
  std::optional<Endpoint> public_endpoint;
  friend bool operator==(const Hints&, const Hints&) = default;
};

struct SealedBox {
  crypto::ExchangeKey recipient;
  Bytes box;
  friend bool operator==(const SealedBox&, const SealedBox&) = default;
};

struct Peer {
  PeerId peer_id;
  crypto::VerifyKey identity;
  std::string nick;
  IpAddress vip;  // IPv4
  crypto::ExchangeKey wireguard_key;
  crypto::ExchangeKey box_key;
  std::uint64_t joined_seq = 0;
  bool online = false;
  std::optional<UnixTime> last_seen;
  std::optional<NatType> nat_type;
  std::optional<Endpoint> public_endpoint;
  friend bool operator==(const Peer&, const Peer&) = default;
};

struct Party {
  PartyId id;
  std::string name;
  Prefix prefix;
  PeerId host_id;
  std::uint64_t key_epoch = 0;
  std::uint64_t seq = 0;
  UnixTime created_at;
  std::uint64_t log_from = 0;  // so many records were left out, as the client asked
  std::vector<Bytes> log;      // the records from there on, in order
  std::vector<Peer> peers;
  crypto::Hash digest{};
  friend bool operator==(const Party&, const Party&) = default;
};

struct Relay {
  std::string id;
  std::string region;
  std::vector<Endpoint> endpoints;
  std::vector<Endpoint> stun;
  std::uint64_t capacity = 0;  // clients at most; 0: not told
  std::uint64_t load = 0;      // clients now
  // Near its limit: it is left to those who are there already.
  bool loaded() const { return capacity > 0 && load >= capacity - capacity / 10; }
  friend bool operator==(const Relay&, const Relay&) = default;
};

struct RelayGrant {
  Bytes token;
  UnixTime expires_at;
  std::vector<Relay> relays;
  friend bool operator==(const RelayGrant&, const RelayGrant&) = default;
};

// RFC 3339 in UTC with milliseconds: "2026-01-31T12:00:00.250Z".
std::string format_time(UnixTime time);
// Also without a fraction or with 1 to 9 digits of it (cut to ms); UTC ("Z") only.
std::optional<UnixTime> parse_time(std::string_view text);

}  // namespace lanrage::protocol
