// The command line of lanrage-server: flags over the settings' file over the defaults, and
// subcommands.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "server/config.hpp"

namespace lanrage::server {

enum class Command { serve, check, parties, relays, relay_top, kick, backup, restore };

struct Invocation {
  Command command = Command::serve;
  Config config;  // data_dir filled in
  std::string config_file;
  bool json = false;
  bool enroll_key = false;  // of relays
  bool once = false;        // of relay top
  std::size_t count = 10;   // of relay top: groups
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
