#include "io/log.hpp"

#include <ctime>

namespace lanrage::io {
namespace {

constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};

// Quoted where a reader that splits at spaces would go wrong; control characters become '?', so
// that what a peer sent can't forge a line.
void append_value(std::string& line, std::string_view value) {
  const bool quote = value.empty() || value.find_first_of(" \"=") != std::string_view::npos;
  if (quote) line += '"';
  for (char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  if (quote) line += '"';
}

std::string timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

}  // namespace

std::string_view name_of(LogLevel level) {
  return kLevels[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kLevels); ++i)
    if (kLevels[i] == name) return static_cast<LogLevel>(i);
  return std::nullopt;
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level >= least_) write_line(name_of(level), event, fields);
}

void Log::write_line(std::string_view level, std::string_view event,
                     std::initializer_list<LogField> fields) {
  std::string line = "time=" + timestamp() + " level=";
  line += level;
  line += " event=";
  append_value(line, event);
  for (const auto& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stream_);  // one call a line: threads don't interleave
  std::fflush(stream_);
}

}  // namespace lanrage::io
