// A player: an agent in a namespace, and the CLI that talks to it.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/network.hpp"
#include "support/process.hpp"
#include "support/server.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::lab {

struct CliResult {
  ExitStatus status = -1;
  std::string out;
  std::string err;
  boost::json::value json{};  // null when standard output isn't JSON
};

struct Membership {
  std::string party_id;
  std::string peer_id;
  std::string invite{};  // only from create
  IpAddress vip{};
};

// Another peer as `lanrage status --json` shows it. Members that are absent or null read as empty
// or zero.
struct PeerView {
  std::string peer_id;
  std::string nick;
  std::string vip;
  bool online = false;
  std::string state;
  std::string path;
  std::string endpoint;
  std::string relay;
  std::string why_relayed;
  double last_handshake_s = -1;
};

class Player {
 public:
  // Starts the agent, with these arguments besides its own, and waits until its socket answers.
  Player(const Host& host, std::string nick, Argv arguments = {});
  ~Player();
  void kill_agent();        // SIGKILL
  ExitStatus stop_agent();  // SIGTERM
  // The agent and its children stand still, as the programs of a sleeping machine do.
  void freeze();
  void thaw();
  void start_agent();  // on the same state; waits until its socket answers
  // From the next start on, by its calendar clock.
  void set_clock_ahead(std::chrono::seconds by) { clock_ahead_ = by; }

  pid_t agent_pid() const { return agent_->pid(); }
  const std::string& socket() const { return socket_; }
  const Host& host() const { return host_; }
  const std::string& nick() const { return nick_; }
  const std::string& interface() const { return interface_; }

  // `lanrage WORDS... --socket S --json`, in the player's namespace.
  CliResult cli(Argv words, Millis timeout = Millis(60'000)) const;
  // The same without --json, as a person sees it.
  CliResult cli_text(Argv words, Millis timeout = Millis(60'000)) const;

  // These throw LabError, with what the CLI said, when it doesn't end with status 0.
  // `url` as the player would type it; the server's own unless given.
  Membership create(const Server& server, const std::string& party, std::string url = {});
  Membership join(const std::string& invite);

  // The only party of `status`; nullopt when there is none or the agent doesn't answer.
  std::optional<boost::json::object> party() const;
  std::optional<PeerView> peer(const std::string& nick) const;
  std::vector<PeerView> peers() const;
  std::string server_state() const;

  std::string log() const;
  std::filesystem::path state_dir() const { return directory_.path() / "state"; }
  const std::vector<std::string>& invites() const { return invites_; }  // that it was shown

 private:
  void signal_agent(int number);
  CliResult call(Argv argv, Millis timeout) const;
  Membership membership(const Argv& words);

  const Host& host_;
  std::string nick_;
  std::string interface_;
  Argv arguments_;
  TempDir directory_;
  std::string socket_;
  std::unique_ptr<Process> agent_;
  std::string last_words_;  // of one that was killed
  std::vector<std::string> invites_;
  std::chrono::seconds clock_ahead_{0};
};

}  // namespace lanrage::lab
