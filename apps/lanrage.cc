// `lanrage`: the agent (`lanrage daemon`) and the command line that talks to it.
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.hpp"
#include "agent/checkup.hpp"
#include "agent/confinement.hpp"
#include "agent/hosts_keeper.hpp"
#include "agent/local_api.hpp"
#include "agent/state_directory.hpp"
#include "cli/cli.hpp"
#include "games/table.hpp"
#include "io/core_dumps.hpp"
#include "io/unix_socket.hpp"

namespace {

namespace fs = std::filesystem;
using lanrage::agent::Backend;
using lanrage::agent::HostsKeeper;
using lanrage::agent::Naming;

struct DaemonOptions {
  std::string state_dir = "/var/lib/lanrage";
  std::string socket = "/run/lanrage/agent.sock";
  Backend wireguard = Backend::automatic;
  std::string interface_name;
  std::string lan_name;  // or "off"
  bool copy_discovery = true;
  bool map_ports = true;
  bool predict_ports = true;
  Naming naming = Naming::automatic;
  std::string hosts_file = "/etc/hosts";
  bool sandbox = true;
  bool verbose = false;
  std::string games;
};

constexpr std::string_view kLanOff = "off";

int refuse(const std::string& message) {
  std::cerr << "lanrage daemon: " << message << '\n';
  return 1;
}

// Other users look into it for the socket.
bool make_socket_directory(const fs::path& path) {
  std::error_code failed;
  const bool made = fs::create_directories(path, failed);
  return !failed && (!made || ::chmod(path.c_str(), 0755) == 0);
}

lanrage::Result<void> shut_in(const DaemonOptions& options, const fs::path& socket_directory,
                              lanrage::io::Log& log) {
  if (!options.sandbox) {
    log.warning("sandbox_off",
                {{"detail", "the agent keeps all of root's powers, as --sandbox off asks"}});
    return {};
  }
  if (!lanrage::io::join_only_group(lanrage::io::LocalServer::Options().group))
    log.warning("groups_kept", {{"detail", "the agent may not change its groups"}});
  auto sandbox =
      lanrage::agent::confinement(options.state_dir, socket_directory, options.wireguard);
  if (!sandbox) return std::unexpected(sandbox.error());
  return lanrage::io::enter_sandbox(std::move(*sandbox), log);
}

// Without it an agent goes on; it tells its players.
std::unique_ptr<HostsKeeper> start_hosts_keeper(const DaemonOptions& options,
                                                lanrage::io::Log& log) {
  if (options.naming != Naming::automatic && options.naming != Naming::hosts) return nullptr;
  auto keeper = HostsKeeper::start({.hosts = fs::absolute(options.hosts_file),
                                    .folder = fs::absolute(options.state_dir) / "names",
                                    .sandbox = options.sandbox});
  if (keeper) return std::move(*keeper);
  log.warning("hosts_keeper", {{"detail", keeper.error().message()}});
  return nullptr;
}

lanrage::Result<lanrage::games::Table> known_games(const std::string& file) {
  if (file.empty()) return lanrage::games::table_with();
  std::ifstream stream(file, std::ios::binary);
  std::error_code missing;
  if (!stream || !fs::is_regular_file(file, missing))
    return lanrage::fail(lanrage::games::GamesErrc::bad_table,
                         "cannot read " + file + ", which --games names");
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  auto more = lanrage::games::read_games(text, file);
  if (!more) return std::unexpected(more.error());
  return lanrage::games::table_with(std::move(*more));
}

int run_daemon(const DaemonOptions& options) {
  if (::geteuid() != 0)
    return refuse("the agent makes network devices: run it as root, or with sudo");
  lanrage::io::Log log(
      stderr, options.verbose ? lanrage::io::LogLevel::debug : lanrage::io::LogLevel::info);
  if (auto opened = lanrage::agent::open_state_directory(options.state_dir, log); !opened)
    return refuse(opened.error().message());
  const auto socket = fs::absolute(options.socket);
  if (!make_socket_directory(socket.parent_path()))
    return refuse("cannot make " + socket.parent_path().string() + "; choose another --socket");
  ::umask(077);
  auto hosts = start_hosts_keeper(options, log);
  // Before the sandbox, outside of which it may be.
  auto games = known_games(options.games);
  if (!games) return refuse(games.error().message());
  if (auto shut = shut_in(options, socket.parent_path(), log); !shut)
    return refuse(shut.error().message());

  boost::asio::io_context io(1);
  auto agent =
      lanrage::agent::Agent::start(io,
                                   {.state_dir = options.state_dir,
                                    .backend = options.wireguard,
                                    .interface_name = options.interface_name,
                                    .lan_name = options.lan_name == kLanOff ? "" : options.lan_name,
                                    .lan_segment = options.lan_name != kLanOff,
                                    .copy_discovery = options.copy_discovery,
                                    .discovery_dir = socket.parent_path() / "discovery",
                                    .map_ports = options.map_ports,
                                    .predict_ports = options.predict_ports,
                                    .names = {options.naming, std::move(hosts)},
                                    .games = std::move(*games)},
                                   log);
  if (!agent) return refuse(agent.error().message());
  lanrage::agent::LocalApi api(**agent);
  lanrage::io::LocalServer::Options local;
  local.path = socket;
  local.on_stranger = [&log](unsigned uid, int pid) {
    log.warning("stranger", {{"uid", std::to_string(uid)}, {"pid", std::to_string(pid)}});
  };
  auto server = lanrage::io::LocalServer::start(
      io, local, [&api](lanrage::WipedString request) { return api.answer(std::move(request)); });
  if (!server) return refuse(server.error().message());

  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) io.stop();
  });
  log.info("ready", {{"socket", socket.string()}, {"peer_id", (*agent)->peer_id().to_string()}});
  io.run();
  log.info("stopping");
  server->reset();
  agent->reset();  // removes the devices
  return 0;
}

int daemon_main(int argc, char** argv) {
  DaemonOptions options;
  std::string dashboard = "off";
  CLI::App app("Runs the lanrage agent", "lanrage daemon");
  app.add_option("--state-dir", options.state_dir, "Keys and parties")->capture_default_str();
  app.add_option("--socket", options.socket, "Where commands reach it")->capture_default_str();
  app.add_option("--wireguard", options.wireguard, "Which WireGuard: auto, kernel or userspace")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Backend>{{"auto", Backend::automatic},
                                         {"kernel", Backend::kernel},
                                         {"userspace", Backend::userspace}}));
  app.add_option("--interface", options.interface_name, "Name of the WireGuard device");
  app.add_option(
      "--lan", options.lan_name,
      "Name of the LAN device, which has the virtual IP; off: none, the WireGuard device "
      "has it, and games don't find each other by themselves");
  app.add_option(
         "--copy-discovery", options.copy_discovery,
         "Whether to repeat on the LAN what games here broadcast and multicast: auto or off")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, bool>{{"auto", true}, {"off", false}}));
  app.add_option("--map-ports", options.map_ports,
                 "Whether to ask the home's router to forward ports: auto or off")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, bool>{{"auto", true}, {"off", false}}));
  app.add_option("--predict-ports", options.predict_ports,
                 "Whether to try likely ports of symmetric NATs: auto or off")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, bool>{{"auto", true}, {"off", false}}));
  app.add_option("--names", options.naming,
                 "How NICK.lan is found: auto, resolved (systemd-resolved), hosts (/etc/hosts) or "
                 "off")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, Naming>{{"auto", Naming::automatic},
                                                                {"resolved", Naming::resolved},
                                                                {"hosts", Naming::hosts},
                                                                {"off", Naming::off}}));
  // For tests, and for whoever has the file elsewhere.
  app.add_option("--hosts-file", options.hosts_file)->group("");
  app.add_option("--sandbox", options.sandbox,
                 "Whether to give up the powers of root that aren't needed: on or off")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, bool>{{"on", true}, {"off", false}}));
  app.add_option("--games", options.games,
                 "A file with more games that `lanrage games` finds (docs/games.md)");
  // There is no dashboard yet; scripts that switch it off already work.
  app.add_option("--dashboard", dashboard)->check(CLI::IsMember({"off"}))->group("");
  app.add_flag("--verbose", options.verbose, "Log more");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return run_daemon(options);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  lanrage::io::forbid_core_dumps();
  if (argc > 1 && std::string_view(argv[1]) == "daemon") return daemon_main(argc - 1, argv + 1);
  lanrage::cli::Offline offline;
  offline.doctor = [](const std::string& problem) {
    return lanrage::agent::findings_json(lanrage::agent::check_machine(problem));
  };
  return lanrage::cli::run(argc, argv, std::cout, std::cerr, offline);
}
