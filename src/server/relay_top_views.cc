#include "server/relay_top_views.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "io/text_table.hpp"

namespace lanrage::server {
namespace {

namespace json = boost::json;

constexpr std::size_t kShownReasons = 5;

json::object flow_json(const RelayTop::Flow& flow) {
  return {{"packets_per_second", flow.packets}, {"bytes_per_second", flow.bytes}};
}

json::value json_of(const std::optional<double>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

std::string fixed(double number, int digits) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, number);
  return text.data();
}

// "950 B", "1.4 MB".
std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double number = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  constexpr std::array<const char*, 4> kUnits{" kB", " MB", " GB", " TB"};
  while (number >= 999.95 && unit + 1 < kUnits.size()) {
    number /= 1000;
    ++unit;
  }
  return fixed(number, 1) + kUnits[unit];
}

// "64 us", "4.1 ms".
std::string time_text(double seconds) {
  if (seconds < 0.001) return fixed(seconds * 1e6, 0) + " us";
  if (seconds < 1) return fixed(seconds * 1e3, 1) + " ms";
  return fixed(seconds, 1) + " s";
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string drops_text(const RelayTop& top) {
  if (top.drops.empty()) return "none";
  std::string text;
  std::uint64_t others = 0;
  for (std::size_t i = 0; i < top.drops.size(); ++i) {
    const auto& [reason, packets] = top.drops[i];
    if (i < kShownReasons)
      text += (text.empty() ? "" : ", ") + reason + " " + std::to_string(packets);
    else
      others += packets;
  }
  return others == 0 ? text : text + ", others " + std::to_string(others);
}

std::string loads_text(const RelayTop& top) {
  std::string text;
  for (const double load : top.thread_loads)
    text += (text.empty() ? "" : ", ") + fixed(load * 100, 0) + " %";
  return text;
}

}  // namespace

json::object to_json(const RelayTop& top) {
  json::array drops;
  for (const auto& [reason, packets] : top.drops)
    drops.push_back(json::object{{"reason", reason}, {"packets_per_second", packets}});
  json::array groups;
  for (const auto& group : top.busiest) {
    json::array members;
    members.reserve(group.busiest.size());
    for (const auto& member : group.busiest) {
      json::object shown = flow_json(member.sent);
      shown["address"] = member.address.to_string();
      members.push_back(std::move(shown));
    }
    json::object shown = flow_json(group.sent);
    shown["number"] = groups.size() + 1;
    shown["members"] = group.members;
    shown["busiest_members"] = std::move(members);
    groups.push_back(std::move(shown));
  }
  return {{"clients", top.clients},
          {"groups", top.groups},
          {"sessions", top.sessions},
          {"forwarded", flow_json(top.forwarded)},
          {"in_kernel", flow_json(top.in_kernel)},
          {"drops", std::move(drops)},
          {"thread_loads", json::array(top.thread_loads.begin(), top.thread_loads.end())},
          {"latency_p50_seconds", json_of(top.latency_p50)},
          {"latency_p99_seconds", json_of(top.latency_p99)},
          {"busiest_groups", std::move(groups)}};
}

void print(std::ostream& out, const RelayTop& top) {
  out << counted(top.clients, "client") << ", " << counted(top.groups, "group") << ", "
      << counted(top.sessions, "session") << "\n"
      << "forwarded: " << top.forwarded.packets << " packets/s, " << bytes_text(top.forwarded.bytes)
      << "/s; in the kernel: " << top.in_kernel.packets << " packets/s, "
      << bytes_text(top.in_kernel.bytes) << "/s\n"
      << "dropped packets/s: " << drops_text(top) << "\n"
      << "load of each thread: " << loads_text(top) << "; added latency: ";
  if (top.latency_p50 && top.latency_p99)
    out << "p50 < " << time_text(*top.latency_p50) << ", p99 < " << time_text(*top.latency_p99)
        << "\n";
  else
    out << "nothing to measure\n";
  if (top.busiest.empty()) return;
  out << "\n";
  io::TextTable table({"GROUP", "MEMBERS", "PACKETS/S", "BYTES/S"});
  for (std::size_t i = 0; i < top.busiest.size(); ++i) {
    const auto& group = top.busiest[i];
    table.add({std::to_string(i + 1), std::to_string(group.members),
               std::to_string(group.sent.packets), bytes_text(group.sent.bytes)});
    for (const auto& member : group.busiest)
      table.add({"", member.address.to_string(), std::to_string(member.sent.packets),
                 bytes_text(member.sent.bytes)});
    if (group.members > group.busiest.size())
      table.add({"", std::to_string(group.members - group.busiest.size()) + " more"});
  }
  table.print(out);
}

}  // namespace lanrage::server
