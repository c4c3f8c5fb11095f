// Errors as clients get to see them.
#pragma once

#include "base/random.hpp"
#include "protocol/problem.hpp"

namespace lanrage::server {

// With a Retry-After where waiting helps (429, 503), spread out at random so that those refused
// together don't come back together.
protocol::Problem refusal_of(const Error& error, Random& random);

// Worth a line in the audit log: somebody asked for what he may not have, or too often.
bool is_denial(const protocol::Problem& problem);

}  // namespace lanrage::server
