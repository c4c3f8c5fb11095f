// What parties there are on this LAN and on this machine, by asking and listening for a moment.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "agent/agent_context.hpp"
#include "agent/discovery_file.hpp"

namespace lanrage::agent {

struct FoundParty {
  enum class Source { file, beacon };
  LanParty party;
  Source source = Source::file;
};
constexpr std::string_view name_of(FoundParty::Source source) {
  return source == FoundParty::Source::file ? "file" : "beacon";
}

// Collects what is found: each party once a server, beacons before files (they are of this moment),
// and no more than somebody would read.
class Findings {
 public:
  static constexpr std::size_t kMaxParties = 64;
  static constexpr std::size_t kMaxDatagrams = 512;  // looked at, in one search

  void add(const LanParty& party, FoundParty::Source source);
  // A datagram of the search that asked with `nonce`; what answers another question is dropped.
  void on_datagram(ByteView datagram, const BeaconNonce& nonce);
  std::vector<FoundParty> take() &&;

 private:
  std::vector<FoundParty> found_;
  std::size_t datagrams_ = 0;
};

// Takes `time`: hosts answer at once, but a question may get lost and is repeated.
boost::asio::awaitable<std::vector<FoundParty>> discover_parties(AgentContext& context,
                                                                 const DiscoveryFiles& files,
                                                                 std::chrono::milliseconds time);
inline constexpr std::chrono::milliseconds kDiscoveryTime{2'000};

}  // namespace lanrage::agent
