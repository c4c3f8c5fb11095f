// That nobody outside answers over UDP, and what to do about it, in words for people.
#pragma once

#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace lanrage::path {

struct UdpSilence {
  std::vector<Endpoint> asked;  // relays and STUN services
  Instant since{};              // nobody has answered anything that was asked from then on
  bool worked_before = false;   // on this network
  bool server_away = false;     // the control server isn't reached either
  friend bool operator==(const UdpSilence&, const UdpSilence&) = default;
};

// No full stop at the end.
std::string sentence(const UdpSilence& silence);

}  // namespace lanrage::path
