// JSON lines on standard output, one a metric; what a person wants to know besides goes to standard
// error.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace lanrage::bench {

struct Peer {
  std::string_view name;
  double value;
};
void report(std::string_view metric, double value, std::string_view unit,
            std::optional<Peer> peer = std::nullopt);
// printf-like, for people.
[[gnu::format(printf, 1, 2)]] void note(const char* format, ...);

double median(std::vector<double> values);
// The value that `share` of them don't exceed.
double percentile(std::vector<double> values, double share);

}  // namespace lanrage::bench
