// What core state machines ask their shell to send.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace lanrage::stun {

struct SendDatagram {
  Endpoint to;
  Bytes bytes;
  std::optional<int> ttl = std::nullopt;  // nothing: the system's default
};
using Datagrams = std::vector<SendDatagram>;

}  // namespace lanrage::stun
