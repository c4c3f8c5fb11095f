// A bulk TCP transfer between two namespaces, compared by SHA-256.
#pragma once

#include <cstddef>
#include <string>

#include "base/endpoint.hpp"
#include "support/namespace.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

struct TransferReport {
  bool intact = false;       // all bytes arrived and the hashes are equal
  std::size_t received = 0;  // bytes
  double seconds = 0;
  std::string problem;  // why not intact
};

// Sends `size` pseudo-random bytes from `from` to `to_address` (an address of `to`). `limit` bounds
// the whole.
TransferReport tcp_transfer(const NetNamespace& from, const NetNamespace& to,
                            const IpAddress& to_address, std::size_t size, Millis limit);

}  // namespace lanrage::lab
