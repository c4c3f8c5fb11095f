// Port Control Protocol, RFC 6887: the MAP request and its answer. Pure; sockets are the gateway's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace lanrage::portmap::pcp {

inline constexpr std::uint16_t kPort = 5351;
inline constexpr std::uint8_t kVersion = 2;
inline constexpr std::size_t kMapSize = 60;       // header and MAP data, without options
inline constexpr std::size_t kMaxMessage = 1100;  // 7: a message may be so long
// 15: a client may treat a longer lifetime as this, so that no clock overflows.
inline constexpr std::chrono::seconds kMaxLifetime{std::chrono::hours(24)};

using Nonce = ByteArray<12>;

enum class Protocol : std::uint8_t { tcp = 6, udp = 17 };

// 7.4
enum class ResultCode : std::uint8_t {
  success = 0,
  unsupp_version = 1,
  not_authorized = 2,
  malformed_request = 3,
  unsupp_opcode = 4,
  unsupp_option = 5,
  malformed_option = 6,
  network_failure = 7,
  no_resources = 8,
  unsupp_protocol = 9,
  user_ex_quota = 10,
  cannot_provide_external = 11,
  address_mismatch = 12,
  excessive_remote_peers = 13,
};
// What it means for somebody who wants a port forwarded; no full stop.
std::string explain(ResultCode code);

enum class Errc { too_short, bad_length, other_version, not_a_map_answer, bad_protocol };
constexpr std::string_view name_of(Errc errc) {
  switch (errc) {
    case Errc::too_short:
      return "too_short";
    case Errc::bad_length:
      return "bad_length";
    case Errc::other_version:
      return "other_version";
    case Errc::not_a_map_answer:
      return "not_a_map_answer";
    case Errc::bad_protocol:
      return "bad_protocol";
  }
  return "unknown";
}

// Of the mapping of `port` at that router, by a key of the device: another router learns nothing by
// which it could take this one's mapping away.
Nonce nonce_for(const Secret<32>& key, Protocol protocol, std::uint16_t port,
                const Endpoint& router);

// 7.1 and 11.1
struct MapRequest {
  std::chrono::seconds lifetime{0};  // 0 removes the mapping
  IpAddress client;                  // our address, as the router sees it
  Nonce nonce{};
  Protocol protocol = Protocol::udp;
  std::uint16_t internal_port = 0;
  std::uint16_t external_port = 0;  // suggested; 0: any
  IpAddress external_address;       // suggested; unspecified: any
};
Bytes encode(const MapRequest& request);

// 7.2 and 11.1
struct MapResponse {
  ResultCode result = ResultCode::success;
  std::chrono::seconds lifetime{0};  // of the mapping; of the error, where the result is one
  std::uint32_t epoch = 0;           // seconds since the router last lost its mappings
  Nonce nonce{};
  Protocol protocol = Protocol::udp;
  std::uint16_t internal_port = 0;
  std::uint16_t external_port = 0;
  IpAddress external_address;

  // 11.4: it is the answer to this request, not to another's.
  bool answers(const MapRequest& request) const;
};
// other_version: whoever answered speaks NAT-PMP, or a PCP that isn't this one.
Result<MapResponse> parse(ByteView datagram);

// 8.5: whether a router has lost its mappings since its last answer.
class EpochWatch {
 public:
  // True when it has.
  bool on_answer(Instant now, std::uint32_t epoch);

 private:
  bool known_ = false;
  Instant client_{};
  std::uint32_t server_ = 0;
};

}  // namespace lanrage::portmap::pcp
