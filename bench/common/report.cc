#include "common/report.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <string>

namespace lanrage::bench {
namespace {

// What stands behind ./dev bench: the program is bench_NAME.
const char* bench_name() {
  constexpr std::string_view kPrefix = "bench_";
  const std::string_view program = program_invocation_short_name;
  return program_invocation_short_name + (program.starts_with(kPrefix) ? kPrefix.size() : 0);
}

}  // namespace

void report(std::string_view metric, double value, std::string_view unit,
            std::optional<Peer> peer) {
  std::printf("{\"bench\":\"%s\",\"metric\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",", bench_name(),
              std::string(metric).c_str(), value, std::string(unit).c_str());
  if (peer)
    std::printf("\"peer\":\"%s\",\"peer_value\":%.2f,\"ratio\":%.2f}\n",
                std::string(peer->name).c_str(), peer->value, value / peer->value);
  else
    std::printf("\"peer\":null,\"peer_value\":null,\"ratio\":null}\n");
  std::fflush(stdout);
}

void note(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  std::fputc('\n', stderr);
}

double median(std::vector<double> values) {
  return percentile(std::move(values), 0.5);
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return std::nan("");
  std::ranges::sort(values);
  const auto rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace lanrage::bench
