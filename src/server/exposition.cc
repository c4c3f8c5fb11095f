#include "server/exposition.hpp"

#include <charconv>
#include <cmath>

namespace lanrage::server {
namespace {

constexpr std::string_view kPrefix = "lanrage_";

std::string text_of(std::uint64_t value) {
  return std::to_string(value);
}

std::string text_of(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end.ptr);
}

void append_escaped(std::string& out, std::string_view text, bool quote) {
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quote)
      out += "\\\"";
    else
      out += c;
  }
}

}  // namespace

void Exposition::begin(std::string_view name, std::string_view type, std::string_view help) {
  family_ = std::string(kPrefix) + std::string(name);
  text_ += "# HELP " + family_ + ' ';
  append_escaped(text_, help, false);
  text_ += "\n# TYPE " + family_ + ' ';
  text_ += type;
  text_ += '\n';
}

void Exposition::line(std::string_view suffix, std::span<const Label> labels, std::string_view le,
                      std::string_view value) {
  text_ += family_;
  text_ += suffix;
  char separator = '{';
  const auto label = [&](std::string_view name, std::string_view content) {
    text_ += separator;
    text_ += name;
    text_ += "=\"";
    append_escaped(text_, content, true);
    text_ += '"';
    separator = ',';
  };
  for (const auto& [name, content] : labels)
    label(name, content);
  if (!le.empty()) label("le", le);
  if (separator == ',') text_ += '}';
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void Exposition::sample(Labels labels, double value) {
  line("", {labels.begin(), labels.size()}, "", text_of(value));
}

void Exposition::sample(Labels labels, std::uint64_t value) {
  line("", {labels.begin(), labels.size()}, "", text_of(value));
}

void Exposition::histogram_sample(Labels labels, std::span<const double> bounds,
                                  std::span<const std::uint64_t> counts, double sum) {
  const std::span<const Label> given(labels.begin(), labels.size());
  std::uint64_t up_to_here = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    up_to_here += counts[i];
    line("_bucket", given, i < bounds.size() ? text_of(bounds[i]) : "+Inf", text_of(up_to_here));
  }
  line("_sum", given, "", text_of(sum));
  line("_count", given, "", text_of(up_to_here));
}

void Exposition::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  begin(name, "counter", help);
  sample({}, value);
}

void Exposition::counter(std::string_view name, std::string_view help, double value) {
  begin(name, "counter", help);
  sample({}, value);
}

void Exposition::gauge(std::string_view name, std::string_view help, double value) {
  begin(name, "gauge", help);
  sample({}, value);
}

}  // namespace lanrage::server
