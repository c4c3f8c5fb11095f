// Log lines of key=value pairs on one stream, for shells only. Callers never pass keys, tokens or
// secrets (their types don't convert to text), and limit lines that a packet can cause.
#pragma once

#include <cstdio>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace lanrage::io {

enum class LogLevel { debug, info, warning, error };
std::string_view name_of(LogLevel level);
std::optional<LogLevel> parse_log_level(std::string_view name);

struct LogField {
  std::string_view key;
  std::string value;
};

class Log {
 public:
  explicit Log(std::FILE* stream, LogLevel least = LogLevel::info)
      : stream_(stream), least_(least) {}

  void set_level(LogLevel least) { least_ = least; }
  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, event, fields);
  }
  // Written whatever the level: what the operator asked to be told.
  void notice(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write_line("notice", event, fields);
  }

 private:
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);
  void write_line(std::string_view level, std::string_view event,
                  std::initializer_list<LogField> fields);

  std::FILE* stream_;
  LogLevel least_;
};

}  // namespace lanrage::io
