// How busy a relay is, and which groups make it so, as its operator is shown it: of a group the
// addresses of its members, which it can't work without, and no more. Neither its number, which
// only its party and the servers know, nor anybody's name leaves here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "server/relay_server.hpp"

namespace lanrage::server {

inline constexpr std::size_t kMostTopGroups = 100;
inline constexpr std::size_t kMostTopMembers = 128;  // of a group

struct RelayTop {
  struct Flow {
    std::uint64_t packets = 0;  // a second
    std::uint64_t bytes = 0;    // a second
    friend bool operator==(const Flow&, const Flow&) = default;
  };
  struct Drop {
    std::string reason;         // a DropReason's name
    std::uint64_t packets = 0;  // a second
    friend bool operator==(const Drop&, const Drop&) = default;
  };
  struct Member {
    Endpoint address;
    Flow sent;
    friend bool operator==(const Member&, const Member&) = default;
  };
  struct Group {
    std::size_t members = 0;
    Flow sent;
    std::vector<Member> busiest;  // by bytes
    friend bool operator==(const Group&, const Group&) = default;
  };

  std::size_t clients = 0;
  std::size_t groups = 0;
  std::size_t sessions = 0;
  Flow forwarded;
  Flow in_kernel;                     // of these
  std::vector<Drop> drops;            // those that there were, the most frequent first
  std::vector<double> thread_loads;   // 1: a processor's whole time
  std::optional<double> latency_p50;  // seconds that the relay added; a bucket's upper bound
  std::optional<double> latency_p99;
  std::vector<Group> busiest;  // by bytes
  friend bool operator==(const RelayTop&, const RelayTop&) = default;
};

// What happened between two looks, with so many groups at most. A client that wasn't there at the
// first one counts from the second on.
RelayTop relay_top(const RelayServer::Look& before, const RelayServer::Look& after,
                   std::size_t groups);

}  // namespace lanrage::server
