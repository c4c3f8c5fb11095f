// A subcommand of `lanrage`: its options, the request it makes of the agent, and how a person reads
// the answer. With --json the agent's result is printed as it is.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): as CLI11 has it
class App;
}

namespace lanrage::cli {

// What users' scripts rely on.
enum class ExitStatus : int {
  done = 0,
  refused = 1,
  bad_usage = 2,
  agent_unreachable = 3,
  server_unreachable = 4,
  no_party = 5,
};

class Command {
 public:
  virtual ~Command() = default;
  virtual std::string_view name() const = 0;
  // Of `lanrage invite list`: "invite". The agent knows it as invite_list.
  virtual std::string_view parent() const { return ""; }
  virtual std::string_view summary() const = 0;
  // Takes --party, for agents in several. Of `lanrage invite list` that may stand before "list".
  virtual bool about_one_party() const { return false; }
  // Its other options.
  virtual void add_options(CLI::App&) {}
  // Their values as the agent's command object, without "command" and "party".
  virtual boost::json::object request() const { return {}; }
  virtual void print(const boost::json::object& result, std::ostream& out) const = 0;
  // Whether an answer that isn't an error still means failure (a ping that nobody answered).
  virtual ExitStatus status(const boost::json::object&) const { return ExitStatus::done; }
  // Whether there is something to say even where the agent can't be asked (see Offline in cli.hpp).
  virtual bool works_offline() const { return false; }
  // How long the agent may take, at most: it is to say itself that a server fell silent. It repeats
  // a request for up to 25 s, and registering before that, which is two of them, for up to 35 s.
  virtual int timeout_seconds() const { return 65; }
};

// Every subcommand, in the order of the help text.
std::vector<std::unique_ptr<Command>> make_commands();

std::unique_ptr<Command> make_create();
std::unique_ptr<Command> make_join();
std::unique_ptr<Command> make_status();
std::unique_ptr<Command> make_ping();
std::unique_ptr<Command> make_invite();
std::unique_ptr<Command> make_invite_list();
std::unique_ptr<Command> make_invite_revoke();
std::unique_ptr<Command> make_kick();
std::unique_ptr<Command> make_promote();
std::unique_ptr<Command> make_demote();
std::unique_ptr<Command> make_rotate();
std::unique_ptr<Command> make_list();
std::unique_ptr<Command> make_nick();
std::unique_ptr<Command> make_leave();
std::unique_ptr<Command> make_open();
std::unique_ptr<Command> make_close();
std::unique_ptr<Command> make_netcheck();
std::unique_ptr<Command> make_discover();
std::unique_ptr<Command> make_games();
std::unique_ptr<Command> make_doctor();

}  // namespace lanrage::cli
