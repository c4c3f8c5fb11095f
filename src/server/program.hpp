// lanrage-server's whole run: its parts wired together, from settings to the last write.
#pragma once

#include <cstdio>
#include <functional>
#include <string>

#include "io/log.hpp"
#include "server/options.hpp"

namespace lanrage::server {

struct Run {
  std::string version;
  Config config;
  // The settings as they would be read now, for SIGHUP.
  std::function<Result<Config>()> reread;
  // Called when whatever goes to the kernel is there, and before anybody is listened to.
  std::function<Result<void>()> in_kernel;
  std::FILE* ready_stream = nullptr;  // gets the line that says ready
};

// Returns after SIGTERM or SIGINT, when all is stored; or with what keeps it from serving.
Result<void> serve(const Run& run, io::Log& log);

}  // namespace lanrage::server
