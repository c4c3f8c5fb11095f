// `lanrage`: the agent (`lanrage daemon`) and the command line that talks to it.
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.hpp"
#include "agent/checkup.hpp"
#include "agent/local_api.hpp"
#include "cli/cli.hpp"
#include "io/unix_socket.hpp"

namespace {

namespace fs = std::filesystem;
using lanrage::agent::Backend;

struct DaemonOptions {
  std::string state_dir = "/var/lib/lanrage";
  std::string socket = "/run/lanrage/agent.sock";
  Backend wireguard = Backend::automatic;
  std::string interface_name;
  bool map_ports = true;
  bool predict_ports = true;
  bool verbose = false;
};

int refuse(const std::string& message) {
  std::cerr << "lanrage daemon: " << message << '\n';
  return 1;
}

// State and keys are ours alone.
bool make_directory(const fs::path& path, mode_t mode) {
  std::error_code failed;
  const bool made = fs::create_directories(path, failed);
  return !failed && (!made || ::chmod(path.c_str(), mode) == 0);
}

int run_daemon(const DaemonOptions& options) {
  if (::geteuid() != 0)
    return refuse("the agent makes network devices: run it as root, or with sudo");
  if (!make_directory(options.state_dir, 0700))
    return refuse("cannot make " + options.state_dir + "; choose another with --state-dir");
  const auto socket = fs::absolute(options.socket);
  if (!make_directory(socket.parent_path(), 0755))
    return refuse("cannot make " + socket.parent_path().string() + "; choose another --socket");

  boost::asio::io_context io(1);
  lanrage::io::Log log(
      stderr, options.verbose ? lanrage::io::LogLevel::debug : lanrage::io::LogLevel::info);
  auto agent = lanrage::agent::Agent::start(
      io,
      {options.state_dir, options.wireguard, options.interface_name,
       socket.parent_path() / "discovery", options.map_ports, options.predict_ports},
      log);
  if (!agent) return refuse(agent.error().message());
  lanrage::agent::LocalApi api(**agent);
  lanrage::io::LocalServer::Options local;
  local.path = socket;
  auto server = lanrage::io::LocalServer::start(
      io, local, [&api](std::string request) { return api.answer(std::move(request)); });
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
  app.add_option("--interface", options.interface_name, "Name of the network device");
  app.add_option("--map-ports", options.map_ports,
                 "Whether to ask the home's router to forward ports: auto or off")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, bool>{{"auto", true}, {"off", false}}));
  app.add_option("--predict-ports", options.predict_ports,
                 "Whether to try likely ports of symmetric NATs: auto or off")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, bool>{{"auto", true}, {"off", false}}));
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
  if (argc > 1 && std::string_view(argv[1]) == "daemon") return daemon_main(argc - 1, argv + 1);
  lanrage::cli::Offline offline;
  offline.doctor = [](const std::string& problem) {
    return lanrage::agent::findings_json(lanrage::agent::check_machine(problem));
  };
  return lanrage::cli::run(argc, argv, std::cout, std::cerr, offline);
}
