// The agent: one device in its parties, as the command line sees it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/agent_context.hpp"
#include "agent/joining.hpp"
#include "agent/lan_host.hpp"
#include "agent/lan_names.hpp"
#include "agent/network_monitor.hpp"
#include "agent/party_session.hpp"
#include "agent/port_mapper.hpp"
#include "agent/server_search.hpp"
#include "agent/state_file.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::agent {

enum class AgentErrc { no_party, party_dormant, which_party, unknown_party, too_many_parties };
constexpr std::string_view name_of(AgentErrc errc) {
  switch (errc) {
    case AgentErrc::no_party:
      return "no_party";
    case AgentErrc::party_dormant:
      return "party_dormant";
    case AgentErrc::which_party:
      return "which_party";
    case AgentErrc::unknown_party:
      return "unknown_party";
    case AgentErrc::too_many_parties:
      return "too_many_parties";
  }
  return "unknown";
}

class Agent {
 public:
  static constexpr std::size_t kMaxParties = 8;

  struct Options {
    std::filesystem::path state_dir;  // must exist, readable by us alone
    Backend backend = Backend::automatic;
    std::string interface_name;  // empty: lanrageN
    std::string lan_name{};      // empty: lanN
    bool lan_segment = true;
    bool copy_discovery = true;             // what games here say by other interfaces, onto the LAN
    std::filesystem::path discovery_dir{};  // shared with other agents; else the state directory
    bool map_ports = true;                  // ask the home's router to forward the parties' ports
    bool predict_ports = true;              // try a dozen likely ports of a symmetric NAT
    LanNames::Options names{};
    games::Table games{};  // those that `lanrage games` finds
  };

  // Reads keys and state, and takes up every party it was in. Errors: StateErrc.
  static Result<std::unique_ptr<Agent>> start(boost::asio::io_context& io, Options options,
                                              io::Log& log);
  ~Agent();

  struct Entered {
    std::shared_ptr<PartySession> session;
    WipedString invite;  // when created
    std::string note;    // what the player should know about it, if anything
  };
  boost::asio::awaitable<Result<Entered>> create(CreateOptions options);
  boost::asio::awaitable<Result<Entered>> join(WipedString invite, std::string nick);
  // What to tell the player when the server could not be told.
  boost::asio::awaitable<Result<std::string>> leave(std::shared_ptr<PartySession> session);

  // By id or name; without a name, the only one. no_party, which_party, unknown_party.
  Result<std::shared_ptr<PartySession>> find_party(const std::optional<std::string>& name) const;
  const std::vector<std::shared_ptr<PartySession>>& sessions() const { return sessions_; }
  // Parties whose device can't be made at the moment.
  std::size_t dormant() const { return dormant_.size(); }
  // Parties hosted on this LAN and this machine.
  boost::asio::awaitable<std::vector<FoundParty>> discover();
  // What the player should know beside its parties: of the agent itself, and of parties that ended
  // without its doing.
  std::vector<std::string> warnings() const;
  PeerId peer_id() const { return keys_.peer_id(); }
  AgentContext& context() { return context_; }

 private:
  Agent(boost::asio::io_context& io, Options options, io::UniqueFd lock, DeviceKeys keys,
        io::Log& log);

  Result<void> may_enter() const;
  Result<void> may_join(const PartyId& party) const;
  boost::asio::awaitable<Result<Joined>> found_party(CreateOptions options);
  boost::asio::awaitable<Result<std::shared_ptr<ControlPlane>>> control_for(CreateOptions& options);
  Result<std::shared_ptr<ControlPlane>> control_for(SavedParty& saved);
  LanHost::Callbacks lan_host_callbacks();
  ServerSearch::Callbacks search_callbacks();
  std::shared_ptr<PartySession> session_of(const PartyId& party) const;
  boost::asio::awaitable<Result<Entered>> enter(Result<Joined> joined);
  PartySession::Callbacks callbacks_for(const PartyId& party);
  void on_ended(PartyId party, Ended how, const std::string& why);
  void remove(PartyId party);
  // A name for a new party's device, after `wanted` and others' `of`; empty where none is wanted.
  std::string free_interface(const std::string& wanted, std::string SavedParty::* of) const;
  // Who uses addresses of `prefix` already, on this machine; empty: nobody.
  std::string user_of(const Prefix& prefix) const;
  Prefix free_prefix(const Prefix& wanted) const;
  // Parties whose device couldn't be made: kept, and tried again.
  void retry_dormant();
  void retry_dormant_later();
  std::vector<SavedParty> saved() const;

  io::Log& log_;
  io::UniqueFd lock_;  // before what it protects, so that it goes last
  DeviceKeys keys_;
  games::Table games_;
  AgentContext context_;
  NetworkMonitor network_;             // outlives the sessions
  std::unique_ptr<PortMapper> ports_;  // and so does this
  LanNames names_;                     // and this
  StateFile state_;
  LanHost lan_host_;  // before the sessions, whose server it may have
  std::shared_ptr<ServerSearch> search_;
  std::vector<std::shared_ptr<PartySession>> sessions_;
  std::vector<SavedParty> dormant_;
  std::map<PartyId, std::string> ended_;  // why; until it is in a party again
  std::set<PartyId> joining_;
  int creating_local_ = 0;  // parties under way that need the server in here
  boost::asio::steady_timer dormant_timer_;
  std::optional<Instant> rebuilt_;  // when a lost device was made anew
};

}  // namespace lanrage::agent
