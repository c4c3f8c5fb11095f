#include "server/port_mapping.hpp"

#include <algorithm>

#include "portmap/default_gateway.hpp"

namespace lanrage::server {
bool should_map(const Config& config, const IpAddress& own) {
  return config.map_ports && !config.public_address && own.is_v4() && own.is_private() &&
         !config.listen.address.is_loopback();
}

std::string forwarding_list(const std::vector<ServerPort>& ports, const IpAddress& own) {
  std::string list;
  for (const auto transport : {Transport::tcp, Transport::udp}) {
    bool first = true;
    for (const auto& port : ports) {
      if (port.transport != transport) continue;
      if (!list.empty()) list += ", ";
      if (std::exchange(first, false)) list += transport == Transport::tcp ? "TCP " : "UDP ";
      list += std::to_string(port.port);
    }
  }
  return "forward " + list + " to " + own.to_string();
}

std::string PortMapping::complaint(const MappingRound& round) const {
  const std::string by_hand = " In the router's settings " + forwarding_list(ports_, own_) +
                              ", and name the router's address with --public-address.";
  if (!round.method)
    return "No router forwarded this server's ports (" + round.reason +
           "), so players reach it in its own network only." + by_hand;
  if (round.public_address && !portmap::is_of_the_internet(*round.public_address))
    return "The router's own address " + round.public_address->to_string() +
           " is a private one: there is another router, or the provider's, in front of it, so "
           "players on the internet can't reach this server. If the other router is yours, " +
           forwarding_list(ports_, *round.public_address) + " there" +
           "; else run the server elsewhere.";
  std::vector<ServerPort> missing;
  for (const auto& port : ports_) {
    const auto found = std::ranges::find(round.granted, port, &portmap::Grant::port);
    // Invites and relays name our port, so another one doesn't help.
    if (found == round.granted.end() || found->external != port.port) missing.push_back(port);
  }
  if (missing.empty() && round.public_address) return {};
  if (missing.empty())
    return "The router forwards this server's ports but doesn't tell its own address (" +
           round.reason + "): name it with --public-address.";
  return "The router doesn't forward all of this server's ports (" + round.reason +
         "). In the router's settings " + forwarding_list(missing, own_) + ".";
}

PortMapping::News PortMapping::on_round(const MappingRound& round) {
  News news;
  std::string advice = complaint(round);
  if (advice.empty()) {
    retry_ = kFirstRetry;
    if (reachable_at_ != round.public_address) news.reachable_at = round.public_address;
    reachable_at_ = round.public_address;
    Duration again = kLookAgain;
    for (const auto& granted : round.granted)
      if (granted.lifetime.count() > 0)
        again = std::min<Duration>(again, Duration(granted.lifetime) / 2);
    // A router that grants next to nothing isn't asked all the time.
    news.ask_again_after = std::max<Duration>(again, std::chrono::seconds(10));
  } else {
    news.ask_again_after = retry_;
    retry_ = std::min(retry_ * 2, kLastRetry);
  }
  if (advice != last_advice_) news.advice = advice;
  last_advice_ = std::move(advice);
  return news;
}

}  // namespace lanrage::server
