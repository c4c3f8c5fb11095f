#include "game_server.hpp"

#include <array>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>

#include "io/sockaddr.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kStartLimit{60'000};
constexpr const char* kUser = "games";         // of every Debian
constexpr std::string_view kTcpListen = "0A";  // in /proc/net/tcp

}  // namespace

bool is_listening(const NetNamespace& netns, Transport transport, std::uint16_t port) {
  const std::string protocol = transport == Transport::udp ? "udp" : "tcp";
  return netns.inside([&] {
    for (const char* family : {"", "6"}) {
      std::ifstream table("/proc/thread-self/net/" + protocol + family);
      for (std::string line; std::getline(table, line);) {
        std::istringstream words(line);
        std::string slot, local, remote, state;
        words >> slot >> local >> remote >> state;
        const auto colon = local.find(':');
        if (colon == std::string::npos) continue;
        if (std::stoul(local.substr(colon + 1), nullptr, 16) != port) continue;
        if (transport == Transport::udp || state == kTcpListen) return true;
      }
    }
    return false;
  });
}

bool accepts_tcp(const NetNamespace& netns, const Endpoint& at, Millis limit) {
  const io::UniqueFd fd(netns.inside(
      [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }));
  auto address = io::to_socket_address(at);
  if (::connect(fd.get(), address.get(), address.size) == 0) return true;
  pollfd wait{.fd = fd.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&wait, 1, static_cast<int>(patient(limit).count())) <= 0) return false;
  int error = -1;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0;
}

std::string game_program(std::string_view name) {
  return "/usr/games/" + std::string(name);
}

GameHome::GameHome() {
  must_run({"chown", std::string(kUser) + ":", path().string()});
}

Argv GameHome::command(const Argv& argv) {
  Argv out{"setpriv", "--reuid", kUser, "--regid", kUser, "--clear-groups", "--pdeathsig", "KILL"};
  out.insert(out.end(), argv.begin(), argv.end());
  out[8] = game_program(argv[0]);
  return out;
}

std::map<std::string, std::string> GameHome::environment() const {
  return {{"HOME", path()},
          {"XDG_CONFIG_HOME", path()},
          {"XDG_DATA_HOME", path()},
          {"SDL_VIDEODRIVER", "dummy"},
          {"SDL_AUDIODRIVER", "dummy"}};
}

GameProgram::GameProgram(const NetNamespace& netns, const Argv& argv,
                         std::map<std::string, std::string> environment) {
  environment.merge(home_.environment());
  process_ = std::make_unique<Process>(GameHome::command(argv),
                                       Process::Options{.netns_fd = netns.fd(),
                                                        .log_prefix = home_.path() / "game",
                                                        .environment = std::move(environment)});
}

void GameProgram::wait_until_listening(const NetNamespace& netns, Transport transport,
                                       std::uint16_t port) {
  const auto ready = [&] { return is_listening(netns, transport, port); };
  if (eventually(kStartLimit, [&] { return ready() || !process_->running(); }) && ready()) return;
  throw LabError("a game's server doesn't listen at port " + std::to_string(port) + ":\n" +
                 process_->out() + process_->err());
}

}  // namespace lanrage::lab
