// This device as the host of parties on its LAN: the server inside the agent, and telling others
// that it is there, by beacons and by a file for agents on this machine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "agent/agent_context.hpp"
#include "agent/answer_gate.hpp"
#include "agent/beacon_socket.hpp"
#include "agent/discovery_file.hpp"
#include "agent/local_server.hpp"

namespace lanrage::agent {

class LanHost {
 public:
  struct Callbacks {
    std::function<bool()> wanted;                    // some party of ours needs the server
    std::function<std::vector<LanParty>()> parties;  // hosted now; their endpoint is filled in here
    std::function<void(const std::string& url)> on_moved;  // this machine has another LAN address
  };

  // `context` outlives it; `directory` is where the server keeps its things.
  LanHost(AgentContext& context, std::filesystem::path directory, DiscoveryFiles files,
          Callbacks callbacks);
  ~LanHost();

  // The server, started if need be. Errors: LocalServer's.
  Result<std::shared_ptr<LocalServer>> start_server();
  // The same for a new party: waits for the end of a server that had nothing to do any more, and
  // wants a network that others can come by (no_network).
  boost::asio::awaitable<Result<std::shared_ptr<LocalServer>>> server();
  // Tells others, from now on until there is nothing to tell: then the server ends too. Call it
  // when a party came or went.
  void announce();

  const DiscoveryFiles& files() const { return files_; }

 private:
  void tick();
  void follow_address();
  void on_datagram(const BeaconSocket::Peer& from, ByteView datagram);
  std::vector<LanParty> parties_at(const IpAddress& address) const;
  std::optional<IpAddress> address_towards(const BeaconSocket::Peer& asker) const;
  void write_file(const std::vector<LanParty>& parties);
  void rest();

  AgentContext& context_;
  std::filesystem::path directory_;
  DiscoveryFiles files_;
  Callbacks callbacks_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<LocalServer> server_;
  std::weak_ptr<LocalServer> ending_;
  std::shared_ptr<BeaconSocket> socket_;
  std::vector<LanInterface> interfaces_;
  AnswerGate gate_;
  Instant next_file_{};
  bool warned_socket_ = false;
  bool warned_file_ = false;
};

}  // namespace lanrage::agent
