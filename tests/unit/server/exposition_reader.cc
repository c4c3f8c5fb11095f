#include "unit/server/exposition_reader.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <set>
#include <vector>

namespace lanrage::server::test {
namespace {

bool starts_name(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
}
bool in_name(char c) {
  return starts_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

std::string_view take_name(std::string_view& rest) {
  if (rest.empty() || !starts_name(rest.front())) return {};
  std::size_t size = 1;
  while (size < rest.size() && in_name(rest[size]))
    ++size;
  const auto name = rest.substr(0, size);
  rest.remove_prefix(size);
  return name;
}

bool take(std::string_view& rest, char c) {
  if (rest.empty() || rest.front() != c) return false;
  rest.remove_prefix(1);
  return true;
}

// A label's value between quotes; only \\, \" and \n may be escaped.
bool take_quoted(std::string_view& rest) {
  if (!take(rest, '"')) return false;
  while (!rest.empty() && rest.front() != '"') {
    const bool escape = take(rest, '\\');
    if (escape &&
        (rest.empty() || std::string_view("\\\"n").find(rest.front()) == std::string::npos))
      return false;
    rest.remove_prefix(1);
  }
  return take(rest, '"');
}

std::optional<double> number(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ExpositionReader::ExpositionReader(std::string_view text) {
  if (text.empty() || text.back() != '\n') {
    complaint_ = "the last line has no end";
    return;
  }
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const bool fine = line.starts_with("# ") ? read_comment(line) : read_sample(line);
    if (!fine) return;
  }
  check_histograms();
}

bool ExpositionReader::complain(std::string_view what, std::string_view line) {
  complaint_ = std::string(what) + ": " + std::string(line);
  return false;
}

bool ExpositionReader::read_comment(std::string_view line) {
  auto rest = line.substr(2);
  const bool help = rest.starts_with("HELP ");
  if (!help && !rest.starts_with("TYPE ")) return complain("neither HELP nor TYPE", line);
  rest.remove_prefix(5);
  const std::string name(take_name(rest));
  if (name.empty() || !take(rest, ' ')) return complain("no name", line);
  auto& family = families_[name];
  if (help) {
    if (family.has_help) return complain("a second HELP", line);
    family.has_help = true;
  } else {
    static const std::set<std::string_view> kTypes{"counter", "gauge", "histogram"};
    if (!family.type.empty()) return complain("a second TYPE", line);
    if (!kTypes.contains(rest)) return complain("unknown type", line);
    family.type = rest;
  }
  current_ = name;
  return true;
}

bool ExpositionReader::family_fits(std::string_view name) const {
  const auto& family = families_.at(current_);
  if (family.type != "histogram") return name == current_;
  return name == current_ + "_bucket" || name == current_ + "_sum" || name == current_ + "_count";
}

bool ExpositionReader::read_sample(std::string_view line) {
  auto rest = line;
  const auto name = take_name(rest);
  if (name.empty()) return complain("no name", line);
  if (current_.empty() || families_.at(current_).type.empty() || !families_.at(current_).has_help ||
      !family_fits(name))
    return complain("a sample outside of its family's block", line);
  if (take(rest, '{')) {
    std::set<std::string_view> labels;
    do {
      const auto label = take_name(rest);
      if (label.empty() || label.find(':') != std::string_view::npos || !take(rest, '='))
        return complain("a bad label", line);
      if (!labels.insert(label).second) return complain("a label twice", line);
      if (!take_quoted(rest)) return complain("a bad label value", line);
    } while (take(rest, ','));
    if (!take(rest, '}')) return complain("labels without end", line);
  }
  const std::string series(line.substr(0, line.size() - rest.size()));
  if (!take(rest, ' ')) return complain("no space before the value", line);
  const auto value = number(rest);
  if (!value) return complain("no number", line);
  const auto& type = families_.at(current_).type;
  if (type == "counter" && (!current_.ends_with("_total") || *value < 0))
    return complain("a counter that isn't one", line);
  if (!samples_.emplace(series, *value).second) return complain("a series twice", line);
  return true;
}

// Buckets don't decrease, end in +Inf and agree with _count.
void ExpositionReader::check_histograms() {
  std::map<std::string, std::vector<std::pair<double, double>>> buckets;
  for (const auto& [series, value] : samples_) {
    const auto mark = series.find("le=\"");
    if (mark == std::string::npos) continue;
    const auto end = series.find('"', mark + 4);
    const auto bound = number(std::string_view(series).substr(mark + 4, end - mark - 4));
    if (!bound) {
      complaint_ = "a bad bound: " + series;
      return;
    }
    std::string rest = series.substr(0, mark);
    if (rest.back() == ',' || rest.back() == '{') rest.pop_back();
    if (rest.find('{') != std::string::npos) rest += '}';
    const auto at = rest.find("_bucket");
    rest.replace(at, 7, "_count");
    buckets[rest].emplace_back(*bound, value);
  }
  for (auto& [count, list] : buckets) {
    std::ranges::sort(list);
    const bool rising =
        std::ranges::is_sorted(list, {}, [](const auto& bucket) { return bucket.second; });
    const bool whole = list.back().first == std::numeric_limits<double>::infinity() &&
                       value(count) == list.back().second;
    if (!rising || !whole) complaint_ = "buckets don't add up: " + count;
  }
}

std::optional<double> ExpositionReader::value(const std::string& series) const {
  const auto found = samples_.find(series);
  if (found == samples_.end()) return std::nullopt;
  return found->second;
}

std::string ExpositionReader::type_of(const std::string& family) const {
  const auto found = families_.find(family);
  return found == families_.end() ? "" : found->second.type;
}

}  // namespace lanrage::server::test
