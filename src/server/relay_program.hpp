// lanrage-server --role relay[,stun]: a relay alone, enrolled with a control server elsewhere.
#pragma once

#include "server/program.hpp"

namespace lanrage::server {

// Returns after SIGTERM or SIGINT, or with what keeps it from serving: until it is enrolled for the
// first time that may be the control server's refusal. Later nothing of that side ends it.
Result<void> serve_relay(const Run& run, io::Log& log);

}  // namespace lanrage::server
