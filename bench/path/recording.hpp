// One run told in round-trip times: from the relay to the direct path and, when a router cuts that
// off, back to the relay.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/wait.hpp"

namespace lanrage::bench {

struct Recording {
  struct Sample {
    double sent_ms;  // since the first answered ping
    double rtt_ms;
  };
  struct Mark {
    double at_ms;
    std::string what;  // a path as status shows it, or "blocked"
  };

  int pings_sent = 0;
  std::vector<Sample> answered;  // in order of arrival
  std::vector<Mark> marks;
  std::optional<double> direct_ms;   // since the first answered ping
  std::optional<double> blocked_ms;  // nothing: it was never direct
  // From the block to the first ping after it that was answered.
  std::optional<double> fallback_gap_ms;
};

struct RecordingOptions {
  int one_way_ms = 15;  // of the players' routers and, another time, of the server
  lab::Millis direct_for{6'000};
  lab::Millis whole{30'000};
};

// Two players behind port-restricted cones. Throws LabError when they don't meet at all.
Recording record(const RecordingOptions& options);

// Columns: sent_ms, rtt_ms; marks stand in lines of their own that begin with "#".
void write_csv(const Recording& recording, const std::filesystem::path& path);
void write_svg(const Recording& recording, const std::filesystem::path& path);
std::string to_json(const Recording& recording);

}  // namespace lanrage::bench
