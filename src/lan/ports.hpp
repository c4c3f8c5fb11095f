// Ports of TCP and UDP as a player names them, and sets of such.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace lanrage::lan {

enum class PortsErrc { malformed };
constexpr std::string_view name_of(PortsErrc) {
  return "bad_ports";
}

enum class Transport : std::uint8_t { tcp, udp };
constexpr std::string_view name_of(Transport transport) {
  return transport == Transport::tcp ? "tcp" : "udp";
}

struct PortRange {
  Transport transport = Transport::tcp;
  std::uint16_t first = 1;
  std::uint16_t last = 1;  // not below `first`

  // "22/tcp" or "6000-6010/udp"; ports from 1 to 65535.
  static Result<PortRange> parse(std::string_view text);
  std::string to_string() const;

  friend auto operator<=>(const PortRange&, const PortRange&) = default;
};

class PortSet {
 public:
  PortSet() = default;
  PortSet(std::initializer_list<PortRange> ranges);

  void add(const PortRange& range);
  void add(const PortSet& ports);
  void remove(const PortRange& range);
  void remove(const PortSet& ports);
  PortSet within(const PortRange& range) const;  // what both have
  bool empty() const { return ranges_.empty(); }
  // As few as there can be, in order, TCP's first: equal sets have equal ranges.
  const std::vector<PortRange>& ranges() const { return ranges_; }

  friend bool operator==(const PortSet&, const PortSet&) = default;

 private:
  std::vector<PortRange> ranges_;
};

}  // namespace lanrage::lan
