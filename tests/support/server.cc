#include "support/server.hpp"

#include <csignal>
#include <cstdlib>
#include <sstream>

namespace lanrage::lab {
namespace {

constexpr Millis kReadyLimit{60'000};  // a first start makes keys; two slow cores run many at once

}  // namespace

std::filesystem::path bin_dir() {
  const char* chosen = std::getenv("LANRAGE_BIN_DIR");
  return chosen != nullptr ? chosen : LANRAGE_LAB_BIN_DIR;
}

Server::Server(const Host& host, const Argv& arguments) : Server(host, host.address(), arguments) {}

Server::Server(const Host& host, const IpAddress& public_address, const Argv& arguments,
               std::chrono::seconds clock_ahead)
    : host_(host),
      public_address_(public_address),
      arguments_(arguments),
      clock_ahead_(clock_ahead),
      data_dir_(directory_.path() / "data") {
  start();
}

Server::~Server() {
  if (process_) process_->stop();
}

void Server::kill() {
  process_->signal(SIGKILL);
  process_->wait(Millis(10'000));
}

ExitStatus Server::stop() {
  return process_->stop();
}

void Server::start() {
  Argv argv{(bin_dir() / "lanrage-server").string(),
            "--data-dir",
            data_dir_.string(),
            "--public-address",
            public_address_.to_string(),
            "--log-level",
            "debug"};
  argv.insert(argv.end(), arguments_.begin(), arguments_.end());
  Process::Options options{.netns_fd = host_.netns().fd(),
                           .log_prefix = directory_.path() / "server"};
  if (clock_ahead_.count() != 0)
    options.environment = {{"LD_PRELOAD", LANRAGE_LAB_SHIFTED_CLOCK},
                           {"LANRAGE_LAB_CLOCK_SHIFT", std::to_string(clock_ahead_.count())}};
  process_.reset();
  process_ = std::make_unique<Process>(argv, std::move(options));
  const auto ready = process_->wait_for_line("ready ", kReadyLimit);
  if (!ready) throw LabError("lanrage-server didn't get ready:\n" + log());
  std::istringstream words(*ready);
  for (std::string word; words >> word;) {
    if (word.starts_with("url=")) url_ = word.substr(4);
    if (word.starts_with("pin=")) pin_ = word.substr(4);
    if (word.starts_with("word=")) word_ = word.substr(5);
  }
  if (url_.empty() || pin_.empty()) throw LabError("the ready line lacks url or pin: " + *ready);
}

std::string Server::log() const {
  return process_->out() + process_->err();
}

std::string Server::error_log() const {
  return process_->err();
}

}  // namespace lanrage::lab
