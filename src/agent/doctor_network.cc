// Findings about the way to servers and relays: UDP, the NAT, IPv6.
#include <algorithm>
#include <iterator>

#include "agent/doctor.hpp"
#include "agent/doctor_text.hpp"

namespace lanrage::agent {
namespace {

using enum FindingStatus;
using Findings = std::vector<Finding>;

bool answered(const NetworkReport& network, const Endpoint& service) {
  return std::ranges::find(network.nat.answers, service, &stun::ServerAnswer::server) !=
         network.nat.answers.end();
}

// Services of one family that were asked, and whether any has answered.
struct Asked {
  std::vector<std::string> services{};
  bool answered = false;
};

Asked asked_by(const NetworkReport& network, bool v6) {
  auto services = network.asked;
  for (const auto& relay : network.relays)
    services.insert(services.end(), relay.endpoints.begin(), relay.endpoints.end());
  Asked out;
  for (const auto& service : services) {
    if (service.address.is_v6() != v6) continue;
    out.services.push_back(service.to_string());
    out.answered |= answered(network, service);
  }
  return out;
}

void add_ipv6(const DoctorFacts& facts, Findings& out) {
  if (!facts.ipv6_address) return out.push_back({"ipv6", ok, "none here: only IPv4 is used", ""});
  if (!facts.ipv6_route)
    return out.push_back({"ipv6", warning, "a global address, but no route to the internet",
                          "restart your router or its IPv6; until then only IPv4 is used"});
  const std::string here = "a global address, and a route to the internet";
  Asked silent;
  for (const auto& server : facts.servers) {
    if (!server.network) continue;
    const auto asked = asked_by(*server.network, true);
    if (asked.answered)
      return out.push_back({"ipv6", ok, here + "; UDP gets out by it and back", ""});
    silent.services.insert(silent.services.end(), asked.services.begin(), asked.services.end());
    silent.answered |= server.network->nat.udp;
  }
  if (silent.services.empty() || !silent.answered)
    return out.push_back({"ipv6", ok, here + "; no server was reached by it to try it with", ""});
  out.push_back(
      {"ipv6", warning, here + ", but no UDP comes back by it: asked " + join(silent.services),
       "let UDP out by IPv6, in your router and this network's firewall, and ask the host "
       "to let it in; until then IPv4 is used"});
}

void add_udp(const ServerFacts& server, const NetworkReport& network, Findings& out) {
  std::vector<std::string> silent;
  // Of IPv6 that is silent while IPv4 answers, another check tells.
  const bool both = asked_by(network, false).answered;
  const auto counts = [both](const Endpoint& service) { return !both || service.address.is_v4(); };
  for (const auto& service : network.asked)
    if (!answered(network, service) && counts(service)) silent.push_back(service.to_string());
  if (network.asked.empty() && network.relays.empty())
    return out.push_back({"udp", warning, server.url + " names no UDP service to ask",
                          "ask the host to run it with the roles stun and relay"});
  if (!network.nat.udp)
    return out.push_back(
        {"udp", problem,
         "no UDP comes back from " + server.url + (silent.empty() ? "" : ": asked " + join(silent)),
         "let UDP out to ports 3478, 3479 and 51820, in your router and this network's firewall; "
         "else use another network"});
  if (!silent.empty())
    return out.push_back({"udp", warning, "no answer from STUN at " + join(silent),
                          "ask the host to let in UDP ports 3478 and 3479"});
  out.push_back({"udp", ok, "gets out to " + server.url + "'s services and back", ""});
}

void add_relays(const ServerFacts& server, const NetworkReport& network, Findings& out) {
  if (network.relays.empty())
    out.push_back({"relay", warning, server.url + " has no relay: only direct paths will do",
                   "ask the host to run the server with the role relay"});
  const bool any = std::ranges::any_of(network.relays, &NetworkReport::Relay::answers);
  for (const auto& relay : network.relays) {
    const auto name = quoted(relay.id) + (relay.region.empty() ? "" : " (" + relay.region + ")");
    if (relay.answers) {
      out.push_back({"relay", ok,
                     name + " answers" +
                         (relay.rtt ? " in " + milliseconds(*relay.rtt) : ", but not at once"),
                     ""});
      continue;
    }
    std::vector<std::string> places;
    places.reserve(relay.endpoints.size());
    for (const auto& endpoint : relay.endpoints)
      places.push_back(endpoint.to_string());
    out.push_back({"relay", any ? warning : problem,
                   name + " doesn't answer at " + (places.empty() ? "any address" : join(places)),
                   "let UDP out to that port; the host has to let it in"});
  }
}

struct NatMeaning {
  FindingStatus status;
  std::string_view text;
};

NatMeaning meaning_of(stun::NatType type) {
  switch (type) {
    case stun::NatType::open:
      return {ok, "no NAT: others reach this machine directly"};
    case stun::NatType::full_cone:
      return {ok, "others reach this machine directly once it has sent anything"};
    case stun::NatType::restricted_cone:
      return {ok, "direct paths work with nearly everybody"};
    case stun::NatType::port_restricted_cone:
      return {ok, "direct paths work with everybody but those behind symmetric NATs"};
    case stun::NatType::symmetric:
      return {warning,
              "direct paths work only with those who are reachable from outside; else the relay "
              "carries"};
    case stun::NatType::unknown:
      break;
  }
  return {warning, "could not be told"};
}

const PartyFacts* mapped_party(const std::vector<PartyFacts>& parties) {
  const auto found = std::ranges::find_if(
      parties, [](const auto& party) { return party.mapping && party.mapping->from; });
  return found == parties.end() ? nullptr : &*found;
}

void add_mappings(const std::vector<PartyFacts>& parties, Findings& out) {
  for (const auto& party : parties) {
    if (!party.mapping) continue;
    const auto what = "the router forwards the port of " + quoted(party.name) + " (by " +
                      party.mapping->method + ")";
    if (party.mapping->from)
      out.push_back(
          {"nat", ok, what + ": others reach it at " + party.mapping->from->to_string(), ""});
    else
      out.push_back({"nat", warning,
                     what + ", but another router in front of it, or the provider's, doesn't",
                     "if that router is yours, switch UPnP or NAT-PMP on in it, or let it forward "
                     "everything to the first; else nothing is to be done"});
  }
}

void add_nat(const NetworkReport& network, const std::vector<PartyFacts>& parties, Findings& out) {
  if (!network.nat.udp) return;  // said already, and nothing is known
  auto [status, meaning] = meaning_of(network.nat.type);
  if (network.nat.type != stun::NatType::open && mapped_party(parties) != nullptr) {
    status = ok;
    meaning = "others reach this machine directly all the same, since the router forwards a port";
  }
  auto detail = std::string(stun::name_of(network.nat.type));
  if (network.nat.public_endpoint)
    detail += " (seen from outside as " + network.nat.public_endpoint->to_string() + ")";
  detail += ": " + std::string(meaning);
  const std::string advice =
      network.nat.type == stun::NatType::symmetric
          ? "switch UPnP or NAT-PMP on in the router, or forward a UDP port to this machine"
          : "run it again in a minute";
  out.push_back({"nat", status, detail, status == ok ? "" : advice});
}

}  // namespace

std::vector<Finding> network_findings(const DoctorFacts& facts) {
  Findings out;
  for (const auto& server : facts.servers) {
    if (!server.network) continue;
    add_udp(server, *server.network, out);
    add_relays(server, *server.network, out);
    add_nat(*server.network, facts.parties, out);
  }
  add_mappings(facts.parties, out);
  add_ipv6(facts, out);
  return out;
}

}  // namespace lanrage::agent
