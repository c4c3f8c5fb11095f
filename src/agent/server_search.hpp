// Finds the servers of parties again that another agent on the LAN hosts, after that machine got
// another address. A beacon says where; only a server that proves the pin it always had is taken.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent_context.hpp"
#include "agent/control_plane.hpp"
#include "agent/party_discovery.hpp"
#include "agent/pauses.hpp"
#include "base/backoff.hpp"

namespace lanrage::agent {

struct LostServer {
  PartyId party;
  ByteArray<16> pin{};
  std::string url;
};

// Other addresses that `found` names for it; at most kMaxAddressesTried.
std::vector<std::string> addresses_to_try(const LostServer& lost,
                                          const std::vector<FoundParty>& found);
inline constexpr std::size_t kMaxAddressesTried = 4;

// A server that somebody on a LAN may host: its URL names a private address.
bool is_lan_url(const std::string& url);

class ServerSearch : public std::enable_shared_from_this<ServerSearch> {
 public:
  struct Callbacks {
    std::function<std::vector<LostServer>()> lost;  // now
    std::function<void(const PartyId&, std::string url, std::shared_ptr<ControlPlane>)> on_found;
  };

  ServerSearch(AgentContext& context, DiscoveryFiles files, Callbacks callbacks);
  void start();
  void stop();  // no callback comes after it

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> search(std::vector<LostServer> lost);

  AgentContext& context_;
  DiscoveryFiles files_;
  Callbacks callbacks_;
  std::shared_ptr<Pauses> pauses_;
  crypto::SystemRandom random_;
  bool stopped_ = false;
};

}  // namespace lanrage::agent
