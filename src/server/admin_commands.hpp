// lanrage-server's subcommands: what they print, and their exit statuses.
#pragma once

#include <iosfwd>

#include "server/options.hpp"

namespace lanrage::server {

// 0 done; 1 refused or failed; 4 no server answers where one is needed.
int run_subcommand(const Invocation& invocation, std::ostream& out, std::ostream& err);

// Where the settings keep the database.
std::string store_location(const Config& config);

}  // namespace lanrage::server
