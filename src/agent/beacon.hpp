// What agents say to each other on a LAN about parties that are hosted there: a question, and what
// a host answers it and says unasked every few seconds. One datagram each.
//
//   "LRLAN" | u8 version = 1 | u8 kind | 8 bytes nonce | ...
//   kind 1, question: zeros up to kBeaconSize, so that no answer is larger than what asked for it
//   kind 2, party:    16 bytes party id | 16 bytes pin | u8 family (4, 6) | address | u16 port
//                     | u16 members | u16 + name | u16 + host's nick
//
// Beacons are hints and hold no secret. They aren't signed: who joins needs the invite, which names
// the server's pin and commits to the party's root key, and a member goes to a server that a beacon
// names only after it has proved the pin that the party's server always had.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"

namespace lanrage::agent {

inline constexpr std::uint16_t kBeaconPort = 8667;  // UDP; the control server's is TCP
// Administratively scoped (RFC 2365), and link-local with the transient flag (RFC 4291).
inline constexpr std::string_view kBeaconGroup4 = "239.255.86.67";
inline constexpr std::string_view kBeaconGroup6 = "ff12::8667";
inline constexpr std::size_t kBeaconSize = 512;          // no datagram is larger
inline constexpr std::size_t kMaxBeaconName = 256;       // bytes: 64 characters
inline constexpr std::size_t kMaxBeaconNick = 128;       // bytes: 32 characters
inline constexpr std::size_t kMaxAnnouncedParties = 16;  // of one host

using BeaconNonce = ByteArray<8>;

// A party that a server on this LAN, or on this machine, has.
struct LanParty {
  PartyId id;
  ByteArray<16> pin{};
  Endpoint server;
  std::uint16_t members = 0;
  std::string name;
  std::string host;  // nick
  std::string server_url() const { return "https://" + server.to_string(); }
  friend bool operator==(const LanParty&, const LanParty&) = default;
};

struct Beacon {
  BeaconNonce nonce{};            // of the question; zeros in what is said unasked
  std::optional<LanParty> party;  // absent: a question
  friend bool operator==(const Beacon&, const Beacon&) = default;
};

// Nothing that a person shouldn't see on a terminal, and no address that can't be a server's.
bool is_sound(const LanParty& party);

Bytes encode_question(const BeaconNonce& nonce);
// `party` must be sound.
Bytes encode_party(const BeaconNonce& nonce, const LanParty& party);
// Nothing for whatever isn't exactly a beacon of this version.
std::optional<Beacon> parse_beacon(ByteView datagram);

}  // namespace lanrage::agent
