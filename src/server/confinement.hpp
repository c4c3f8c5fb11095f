// What the server gives up before it serves (docs/adr/0021).
#pragma once

#include "io/log.hpp"
#include "server/config.hpp"

namespace lanrage::server {

// Makes the data directory where there is none, closes files with keys to other users (which is
// logged), and, unless the settings say otherwise, gives up all that serving doesn't need.
// `settings_file` will be read again; empty: there is none.
Result<void> shut_in(const Config& config, const std::string& settings_file, io::Log& log);

// To be called when the relay's part in the kernel runs, or is known not to: takes away what
// loading it took, as far as that can be.
Result<void> shut_in_further(const Config& config);

}  // namespace lanrage::server
