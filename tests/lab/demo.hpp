// The demonstration's course of events, apart from its command line.
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include "support/nat_rules.hpp"
#include "support/pinger.hpp"

namespace lanrage::lab {

struct DemoOptions {
  NatKind nat_a = NatKind::port_restricted_cone;  // the host's
  NatKind nat_b = NatKind::port_restricted_cone;  // the joiner's
  bool json = false;
};

struct DemoReport {
  // Both from the start of the joiner's `lanrage join`.
  std::optional<double> first_ping_ms;  // to the first answered ping; nothing: none was
  std::optional<double> direct_ms;      // to path `direct`; nothing: it stayed relayed
  std::string path;                     // as the joiner sees it at the end
  PingReport ping;                      // joiner to host, at the end
};

// Tells the story as it goes. Throws LabError when a step fails.
DemoReport run_demo(const DemoOptions& options, std::ostream& story);

// One JSON object, on one line.
std::string to_json(const DemoOptions& options, const DemoReport& report);

}  // namespace lanrage::lab
