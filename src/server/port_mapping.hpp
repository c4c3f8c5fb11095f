// A server at home: which ports its router should forward, when to ask again, and what to tell the
// operator. Decides only; PortMapper asks the router.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "portmap/gateway.hpp"
#include "server/config.hpp"

namespace lanrage::server {

using portmap::Transport;
using ServerPort = portmap::Port;
using MappingRound = portmap::Round;

// Whether to ask the router at all: where nobody said which address is ours, and the one that we
// know is private to our network.
bool should_map(const Config& config, const IpAddress& own);

// "forward TCP 8667, UDP 51820, 3478, 3479 to 192.168.1.5"
std::string forwarding_list(const std::vector<ServerPort>& ports, const IpAddress& own);

class PortMapping {
 public:
  static constexpr std::chrono::seconds kLifetime{3'600};  // asked for
  // Also while mappings last longer: so a new public address is noticed.
  static constexpr std::chrono::minutes kLookAgain{5};
  static constexpr std::chrono::minutes kFirstRetry{1};
  static constexpr std::chrono::minutes kLastRetry{30};

  PortMapping(std::vector<ServerPort> ports, const IpAddress& own)
      : ports_(std::move(ports)), own_(own) {}

  struct News {
    // All ports lead here from this address of the internet; said when it is new.
    std::optional<IpAddress> reachable_at;
    // For the operator, when it is something new; a sentence.
    std::string advice;
    Duration ask_again_after{};
  };
  News on_round(const MappingRound& round);

  const std::vector<ServerPort>& ports() const { return ports_; }

 private:
  std::string complaint(const MappingRound& round) const;

  std::vector<ServerPort> ports_;
  IpAddress own_;
  std::optional<IpAddress> reachable_at_;
  std::string last_advice_;
  std::chrono::minutes retry_ = kFirstRetry;
};

}  // namespace lanrage::server
