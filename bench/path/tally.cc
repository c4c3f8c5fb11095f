#include "path/tally.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdio>

namespace lanrage::bench {
namespace {

namespace json = boost::json;

std::string count_or_null(const std::optional<lab::TrafficReport>& traffic,
                          int lab::TrafficReport::* count) {
  return traffic ? std::to_string((*traffic).*count) : std::string("null");
}

int count_of(const json::object& line, std::string_view key) {
  const json::value* value = line.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<int>() : 0;
}

void print_metric(std::string_view metric, double value, const char* unit) {
  std::printf(
      "{\"bench\":\"path\",\"metric\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"peer\":null,"
      "\"peer_value\":null,\"ratio\":null}\n",
      std::string(metric).c_str(), value, unit);
}

}  // namespace

std::string to_json(const lab::DemoOptions& options, const lab::DemoReport& report) {
  const auto expected = lab::expected_meeting(options.nat_a, options.nat_b);
  return "{\"bench\":\"path\",\"nat_a\":" + lab::json_text(name_of(options.nat_a)) +
         ",\"nat_b\":" + lab::json_text(name_of(options.nat_b)) +
         ",\"one_way_ms\":" + std::to_string(options.one_way.count()) +
         ",\"first_ping_ms\":" + lab::json_number(report.first_ping_ms) +
         ",\"direct_ms\":" + lab::json_number(report.direct_ms) +
         ",\"path\":" + lab::json_text(report.path) +
         ",\"why_relayed\":" + lab::json_text_or_null(report.why_relayed) +
         ",\"upgrade_sent\":" + count_or_null(report.upgrade, &lab::TrafficReport::sent) +
         ",\"upgrade_lost\":" + count_or_null(report.upgrade, &lab::TrafficReport::lost) +
         ",\"expected\":" + lab::json_text(name_of(expected)) +
         ",\"as_expected\":" + (lab::is_as_expected(report, expected) ? "true" : "false") + "}";
}

void Tally::add(std::string_view line, bool as_expected) {
  ++runs_;
  if (as_expected) ++as_expected_;
  boost::system::error_code error;
  const json::value parsed = json::parse(line, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return;
  upgrade_sent_ += count_of(*object, "upgrade_sent");
  upgrade_lost_ += count_of(*object, "upgrade_lost");
  if (const auto* ms = object->if_contains("first_ping_ms"); ms != nullptr && ms->is_number())
    first_pings_ms_.push_back(ms->to_number<double>());
}

void Tally::print() const {
  print_metric("runs", runs_, "1");
  print_metric("runs_not_as_expected", runs_ - as_expected_, "1");
  if (!first_pings_ms_.empty()) {
    auto sorted = first_pings_ms_;
    std::ranges::sort(sorted);
    print_metric("first_ping_ms_median", sorted[(sorted.size() - 1) / 2], "ms");
    print_metric("first_ping_ms_worst", sorted.back(), "ms");
  }
  if (upgrade_sent_ > 0)
    print_metric("upgrade_lost_percent", 100.0 * upgrade_lost_ / upgrade_sent_, "%");
}

}  // namespace lanrage::bench
