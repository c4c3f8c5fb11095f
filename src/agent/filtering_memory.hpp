// What looks at our NAT have shown of its filtering, and whom our port has sent to since. A NAT
// lets in whatever comes from where we sent to lately, so only the first look in a while can tell:
// later ones go by what that saw, and leave the second ports alone until one can tell again.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "stun/nat_behaviour.hpp"

namespace lanrage::agent {

class FilteringMemory {
 public:
  // NATs forget a silent flow sooner: RFC 4787 section 4.3 recommends five minutes.
  static constexpr Duration kMappingLife = std::chrono::minutes(10);

  // Before a look: puts in what is known. `source` is the address that our packets to the internet
  // leave from; from another one, they go through another NAT.
  void prepare(Instant now, const std::optional<IpAddress>& source, stun::NatProbeConfig& config);
  // What our port sends, at least while a look is under way.
  void on_sent(Instant now, const stun::Datagrams& sent);
  // A look has ended.
  void on_finished(const stun::NatProbe& look);

 private:
  std::optional<IpAddress> source_;
  std::set<Endpoint> second_ports_;        // of the servers
  std::map<Endpoint, Instant> contacted_;  // of these, when last
  std::array<stun::Filtering, 2> filtering_{};
};

}  // namespace lanrage::agent
