#include <fstream>
#include <stdexcept>

#include "control/metrics.hpp"

namespace lanrage::bench {
namespace {

double in_us(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

// Limits that protect a server from one address or peer: all of this load is one machine's. All
// else is as it is by default, the log too.
constexpr const char* kSettings = R"(role = ["control"]
listen = "127.0.0.1:0"
create_policy = "anyone"
metrics_listen = "off"
map_ports = "off"
[limits]
requests_an_address = { per_second = 1000000, burst = 1000000 }
registrations_an_address = { per_second = 1000000, burst = 1000000 }
requests_a_peer = { per_second = 1000000, burst = 1000000 }
admissions = { per_second = 1000000, burst = 1000000 }
parties = 100000
[limits.http]
connections = 20000
connections_per_address = 20000
new_connections_per_address = { per_second = 1000000, burst = 1000000 }
requests_per_connection = 1000000
)";

}  // namespace

Server::Server(const Options& options) : options_(options) {
  std::ofstream(settings()) << kSettings;
}

std::filesystem::path Server::settings() const {
  return folder_.path() / "server.toml";
}

void Server::start() {
  const std::string data = (folder_.path() / "data").string();
  process_ =
      std::make_unique<Child>(std::vector<std::string>{options_.server.string(), "--data-dir", data,
                                                       "--config", settings().string()},
                              folder_.path() / "log");
  const std::string line = process_->first_line();
  if (line.empty()) {
    std::ifstream log(folder_.path() / "log");
    throw std::runtime_error("the server didn't get ready: " +
                             std::string(std::istreambuf_iterator<char>(log), {}));
  }
  const auto pin = line.find(" pin=");
  const auto colon = line.rfind(':', pin);
  if (!line.starts_with("ready ") || colon == std::string::npos)
    throw std::runtime_error("expected the server's ready line, got: " + line);
  port_ = static_cast<std::uint16_t>(std::stoi(line.substr(colon + 1)));
}

void Server::stop() {
  process_->stop();
  process_.reset();
}

Meter::Meter(const Child& process)
    : process_(process),
      began_(std::chrono::steady_clock::now()),
      cpu_us_(-in_us(process.cpu())),
      own_us_(-in_us(own_cpu())) {}

void Meter::stop() {
  seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  cpu_us_ += in_us(process_.cpu());
  own_us_ += in_us(own_cpu());
}

}  // namespace lanrage::bench
