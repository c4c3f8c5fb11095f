// A relay of its own place, enrolled with a control server, on a directory that outlives a kill.
#pragma once

#include <memory>
#include <string>

#include "support/server.hpp"

namespace lanrage::lab {

class Relay {
 public:
  // lanrage-server --role relay,stun; waits until the control server has taken it. `key`: its
  // enrolment key.
  Relay(const Host& host, const Server& control, const std::string& key,
        const std::string& region = "eu");

  const Host& host() const { return host_; }
  const std::string& ready() const { return ready_; }  // its first line
  pid_t pid() const { return process_->pid(); }
  std::filesystem::path data_dir() const { return directory_.path() / "data"; }
  std::string id() const;
  std::string log() const { return process_->out() + process_->err(); }

  void start();  // again, on the same directory; waits as above
  void kill();   // SIGKILL, and waits for the end
  ExitStatus stop() { return process_->stop(); }

 private:
  const Host& host_;
  TempDir directory_;
  Argv argv_;
  std::unique_ptr<Process> process_;
  std::string ready_;
};

// `lanrage-server WORDS...` on the data directory of that server.
RunResult operate(const Server& server, const Argv& words);
// What a relay needs to enrol there.
std::string enrolment_key(const Server& server);

}  // namespace lanrage::lab
