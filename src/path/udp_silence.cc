#include "path/udp_silence.hpp"

#include <algorithm>

namespace lanrage::path {
namespace {

// The first few: one port that is open is enough.
std::string listed(const std::vector<Endpoint>& endpoints) {
  constexpr std::size_t kMost = 3;
  std::string out;
  for (std::size_t i = 0; i < std::min(endpoints.size(), kMost); ++i)
    out.append(i == 0 ? "" : ", ").append(endpoints[i].to_string());
  return out;
}

}  // namespace

// A firewall is to blame only where nothing else can be: it let nothing through from the start, and
// the server is there.
std::string sentence(const UdpSilence& silence) {
  const auto asked = listed(silence.asked);
  if (silence.server_away)
    return "neither the server nor its relays answer (asked over UDP: " + asked +
           "): the host can tell whether they run; or this network's way out is cut";
  if (silence.worked_before)
    return "answers over UDP have stopped coming: the relays are down, or a network in between now "
           "blocks UDP to " +
           asked + " or its answers";
  return "no answer over UDP from anywhere: let this network's firewall send UDP to " + asked +
         " and its answers in";
}

}  // namespace lanrage::path
