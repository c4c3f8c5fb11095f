// The demonstration's course of events, apart from its command line.
#pragma once

#include <optional>
#include <ostream>
#include <set>
#include <string>

#include "base/endpoint.hpp"
#include "nat_pairs.hpp"
#include "support/pinger.hpp"
#include "support/two_way_traffic.hpp"

namespace lanrage::lab {

struct DemoOptions {
  NatKind nat_a = NatKind::port_restricted_cone;  // the host's
  NatKind nat_b = NatKind::port_restricted_cone;  // the joiner's
  bool json = false;
  bool game = false;     // the host serves Chocolate Doom, and the joiner's copy searches the LAN
  Millis one_way{0};     // from each player's (outermost) router, or itself, to the internet
  int traffic_rate = 0;  // packets a second each way while the path changes; 0: none
};

struct DemoReport {
  // Both from the start of the joiner's `lanrage join`.
  std::optional<double> first_ping_ms;  // to the first answered ping; nothing: none was
  std::optional<double> direct_ms;      // to path `direct`; nothing: it never was
  // As the joiner sees it at the end.
  std::string path;
  std::string why_relayed;
  // From the first answered ping until two seconds after both called the path direct; nothing
  // where no traffic was asked for, or the path was never direct.
  std::optional<TrafficReport> upgrade;
  PingReport ping;  // joiner to host, at the end
  // Where the joiner's game found one; nothing where no game was asked for.
  std::optional<std::set<IpAddress>> games_found;
};

// Tells the story as it goes. Throws LabError when a step fails; that players behind these NATs
// don't meet is no failure where it is expected.
DemoReport run_demo(const DemoOptions& options, std::ostream& story);

// Whether the path ended as it should, and says why where it isn't direct.
bool is_as_expected(const DemoReport& report, Meeting expected);

// One JSON object, on one line.
std::string to_json(const DemoOptions& options, const DemoReport& report);

// For JSON: milliseconds with two decimals, or null. (Boost.JSON would print 22.56 as 2.256E1.)
std::string json_number(const std::optional<double>& ms);
std::string json_text(std::string_view text);
std::string json_text_or_null(std::string_view text);  // empty: null

}  // namespace lanrage::lab
