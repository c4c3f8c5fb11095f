#include "cli/cli.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <iostream>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "io/unix_socket.hpp"

namespace lanrage::cli {

std::vector<std::unique_ptr<Command>> make_commands() {
  std::vector<std::unique_ptr<Command>> out;
  out.push_back(make_create());
  out.push_back(make_join());
  out.push_back(make_status());
  out.push_back(make_ping());
  out.push_back(make_invite());
  out.push_back(make_invite_list());
  out.push_back(make_invite_revoke());
  out.push_back(make_list());
  out.push_back(make_nick());
  out.push_back(make_leave());
  out.push_back(make_open());
  out.push_back(make_close());
  out.push_back(make_kick());
  out.push_back(make_promote());
  out.push_back(make_demote());
  out.push_back(make_rotate());
  out.push_back(make_netcheck());
  out.push_back(make_discover());
  out.push_back(make_games());
  out.push_back(make_doctor());
  return out;
}

namespace {

namespace json = boost::json;

constexpr std::string_view kDefaultSocket = "/run/lanrage/agent.sock";

struct Output {
  std::ostream& out;
  std::ostream& err;

  int fail(ExitStatus status, const std::string& message) const {
    err << "lanrage: " << message << '\n';
    return static_cast<int>(status);
  }
};

std::string socket_path(const std::string& option) {
  if (!option.empty()) return option;
  const char* variable = std::getenv("LANRAGE_SOCKET");
  return variable != nullptr && *variable != '\0' ? variable : std::string(kDefaultSocket);
}

ExitStatus status_of(const json::object& error) {
  const auto* value = error.if_contains("exit");
  boost::system::error_code bad;
  const int status = value != nullptr ? value->to_number<int>(bad) : 1;
  const bool known = !bad && status >= static_cast<int>(ExitStatus::refused) &&
                     status <= static_cast<int>(ExitStatus::no_party);
  return known ? static_cast<ExitStatus>(status) : ExitStatus::refused;
}

void show(const Command& command, const json::object& result, bool as_json, const Output& output) {
  if (as_json)
    output.out << json::serialize(result) << '\n';
  else
    command.print(result, output.out);
}

// What any command may be given.
struct Common {
  std::string socket;
  std::string party;
  bool as_json = false;

  void add(CLI::App& app) {
    app.add_option("--socket", socket, "The agent's socket (or LANRAGE_SOCKET)");
    app.add_flag("--json", as_json, "Print one JSON object");
  }
  void add_party(CLI::App& app) {
    app.add_option("--party", party, "The party's id or name, where you are in several");
  }
};

// What makes no sense for `lanrage invite list` may not stand before "list" either.
void refuse_options_of(CLI::App& above, CLI::App& sub) {
  for (auto* option : above.get_options())
    if (sub.get_option_no_throw(option->get_name()) == nullptr) sub.excludes(option);
}

int execute(const Command& command, const Common& common, const Output& output,
            const Offline& offline) {
  auto request = command.request();
  if (command.about_one_party() && !common.party.empty()) request["party"] = common.party;
  const auto socket = socket_path(common.socket);
  const std::string parent(command.parent());
  request["command"] = (parent.empty() ? "" : parent + "_") + std::string(command.name());
  const auto timeout = std::chrono::seconds(command.timeout_seconds());
  const auto line = io::local_request(socket, json::serialize(request), timeout);
  if (!line && command.works_offline() && offline.doctor)
    show(command, offline.doctor(line.error().message()), common.as_json, output);
  if (!line) return output.fail(ExitStatus::agent_unreachable, line.error().message());
  boost::system::error_code bad;
  const auto answer = json::parse(*line, bad);
  if (bad || !answer.is_object())
    return output.fail(ExitStatus::agent_unreachable,
                       "the agent's answer makes no sense; is " + socket + " an agent's socket?");
  const auto& object = answer.get_object();
  if (text_of(object, "ok") != "yes") {
    const auto& error = object_of(object, "error");
    if (common.as_json)
      output.out << json::serialize(json::object{{"schema", 1}, {"error", error}}) << '\n';
    return output.fail(status_of(error), text_of(error, "message"));
  }
  const auto& result = object_of(object, "result");
  show(command, result, common.as_json, output);
  if (const auto note = text_of(result, "note"); !note.empty() && !common.as_json)
    output.err << "lanrage: " << note << '\n';
  return static_cast<int>(command.status(result));
}

}  // namespace

int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
        const Offline& offline) {
  const Output output{out, err};
  CLI::App app("lanrage: a private LAN for games, over the internet", "lanrage");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string(LANRAGE_VERSION));
  Common common;
  const auto commands = make_commands();
  std::vector<const CLI::App*> subcommands;
  for (const auto& command : commands) {
    const std::string parent(command->parent());
    auto* above = parent.empty() ? &app : app.get_subcommand(parent);
    auto* sub =
        above->add_subcommand(std::string(command->name()), std::string(command->summary()));
    command->add_options(*sub);
    if (command->about_one_party()) common.add_party(*sub);
    common.add(*sub);
    if (!parent.empty()) refuse_options_of(*above, *sub);
    subcommands.push_back(sub);
  }
  auto* version = app.add_subcommand("version", "Print the version");
  common.add(*version);
  app.add_subcommand("daemon", "Run the agent (as root); see `lanrage daemon --help`");
  common.add(app);

  if (argc > 1 && *argv[1] != '-' &&
      app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == argv[1]; }).empty())
    return output.fail(ExitStatus::bad_usage, "there is no command \"" + std::string(argv[1]) +
                                                  "\"; `lanrage --help` lists them");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for = error.get_exit_code() == 0;  // --help and --version
    app.exit(error, out, err);
    return asked_for ? 0 : static_cast<int>(ExitStatus::bad_usage);
  }
  if (version->parsed()) {
    if (common.as_json)
      out << json::serialize(json::object{{"schema", 1}, {"version", LANRAGE_VERSION}}) << '\n';
    else
      out << "lanrage " << LANRAGE_VERSION << '\n';
    return 0;
  }
  for (std::size_t i = 0; i < commands.size(); ++i)
    if (subcommands[i]->parsed() && subcommands[i]->get_subcommands().empty())
      return execute(*commands[i], common, output, offline);
  return static_cast<int>(ExitStatus::bad_usage);
}

}  // namespace lanrage::cli
