// A relay's program, running in the testbed, and pairs of clients that reach each other by it.
#pragma once

#include <cstdint>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "relay/load.hpp"

namespace lanrage::bench {

class RelayUnderTest {
 public:
  RelayUnderTest() = default;
  virtual ~RelayUnderTest() = default;
  RelayUnderTest(const RelayUnderTest&) = delete;
  RelayUnderTest& operator=(const RelayUnderTest&) = delete;

  virtual std::string_view name() const = 0;
  virtual pid_t pid() const = 0;
  // Renews what would run out during the next minutes; before each round.
  virtual void renew() = 0;
  // Packets so far that a program in the kernel forwarded in its place.
  virtual std::uint64_t forwarded_in_kernel() const { return 0; }
  // From one of each pair to the other.
  virtual const std::vector<Flow>& flows() const = 0;
};

}  // namespace lanrage::bench
