#include "support/relay.hpp"

#include <csignal>
#include <fstream>
#include <sstream>

namespace lanrage::lab {

Relay::Relay(const Host& host, const Server& control, const std::string& key,
             const std::string& region)
    : host_(host),
      argv_{(bin_dir() / "lanrage-server").string(),
            "--role",
            "relay,stun",
            "--control",
            control.url(),
            "--pin",
            control.pin(),
            "--enroll",
            "@" + (directory_.path() / "key").string(),
            "--region",
            region,
            "--capacity",
            "50",
            "--data-dir",
            (directory_.path() / "data").string()} {
  std::ofstream(directory_.path() / "key") << key << "\n";
  start();
}

void Relay::start() {
  process_.reset();
  process_ = std::make_unique<Process>(
      argv_,
      Process::Options{.netns_fd = host_.netns().fd(), .log_prefix = directory_.path() / "relay"});
  const auto line = process_->wait_for_line("ready ", Millis(60'000));
  if (!line) throw LabError("the relay didn't get ready:\n" + log());
  ready_ = *line;
}

void Relay::kill() {
  process_->signal(SIGKILL);
  process_->wait(Millis(10'000));
}

std::string Relay::id() const {
  std::istringstream words(ready_);
  for (std::string word; words >> word;)
    if (word.starts_with("relay=")) return word.substr(6);
  return {};
}

RunResult operate(const Server& server, const Argv& words) {
  Argv argv{(bin_dir() / "lanrage-server").string(), "--data-dir", server.data_dir().string()};
  argv.insert(argv.end(), words.begin(), words.end());
  return run(argv);
}

std::string enrolment_key(const Server& server) {
  const RunResult shown = operate(server, {"relays", "--enroll-key"});
  if (shown.status != 0) throw LabError("no enrolment key: " + shown.err);
  return shown.out.substr(0, shown.out.find('\n'));
}

}  // namespace lanrage::lab
