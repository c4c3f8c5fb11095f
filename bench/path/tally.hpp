// The bench's lines: one a run, and what they come to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "demo.hpp"

namespace lanrage::bench {

std::string to_json(const lab::DemoOptions& options, const lab::DemoReport& report);

class Tally {
 public:
  // `line` is what to_json wrote, or nothing where the run failed.
  void add(std::string_view line, bool as_expected);
  void print() const;  // a line a metric on standard output
  bool all_as_expected() const { return as_expected_ == runs_; }

 private:
  int runs_ = 0;
  int as_expected_ = 0;
  int upgrade_sent_ = 0;
  int upgrade_lost_ = 0;
  std::vector<double> first_pings_ms_;
};

}  // namespace lanrage::bench
