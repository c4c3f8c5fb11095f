// The command line of lanrage-server: flags over the settings' file over the defaults, and
// subcommands.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "server/config.hpp"

namespace lanrage::server {

enum class Command { serve, check, parties, relays, kick, backup, restore };

struct Invocation {
  Command command = Command::serve;
  Config config;  // data_dir filled in
  std::string config_file;
  bool json = false;
  bool enroll_key = false;  // of relays
  std::string file;         // of backup and restore
  std::string party;        // of kick
  std::string peer;
};

// Instead of running: --help and --version (status 0), or what is wrong (2 for bad usage, 1 for a
// bad settings' file).
struct Stop {
  int status = 0;
  std::string text;  // whole lines
};

std::expected<Invocation, Stop> parse_options(const std::vector<std::string>& arguments,
                                              const std::string& version);

// The settings alone, as the same arguments give them now (the file may have changed).
Result<Config> reread_config(const std::vector<std::string>& arguments);

}  // namespace lanrage::server
