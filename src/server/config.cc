#include "server/config.hpp"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <toml++/toml.h>

#include "server/setting_table.hpp"
#include "server/settings.hpp"

namespace lanrage::server {
namespace {

constexpr std::size_t kMaxFileSize = std::size_t{1} << 20;
constexpr std::size_t kShownChars = 80;

// What somebody wrote, short and on one line.
std::string shown(const SettingValue& value) {
  struct Visitor {
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t n) const { return std::to_string(n); }
    std::string operator()(double d) const { return text_of(d); }
    std::string operator()(const std::string& text) const { return quoted(text); }
    std::string operator()(const std::vector<std::string>& list) const { return quoted_list(list); }
  };
  std::string text = std::visit(Visitor{}, value);
  if (text.size() > kShownChars) text = text.substr(0, kShownChars) + "...";
  return text;
}

std::string got(const Setting& setting, const std::string& what) {
  return setting.secret ? "" : ", got " + what;
}

// toml++ 3.3 has undefined behaviour where it asks whether some characters beyond ASCII are spaces,
// which it does outside of strings and in those of several lines. So here are the first line and
// what is wrong with it, where a file has such.
struct Oddity {
  std::size_t line = 0;  // 0: none
  std::string_view what;
};
Oddity oddity_in(std::string_view text) {
  constexpr std::string_view kBeyond = "characters beyond ASCII belong into quotes";
  constexpr std::string_view kBeforeStrings = "\n=,[{.";
  const auto is_beyond = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  std::size_t line = 1;
  char quote = '\0';   // of the string that we are in
  char before = '\n';  // the last character that wasn't a space, outside of strings
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
      quote = '\0';
      before = c;
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
      if (c == '\\' && quote == '"' && i + 1 < text.size() && text[i + 1] != '\n') {
        ++i;
        if (is_beyond(text[i])) return {line, "there is no such escape"};
      }
    } else if (is_beyond(c)) {
      return {line, kBeyond};
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size()) - 1;
    } else if (c == '"' || c == '\'') {
      if (text.substr(i, 3) == std::string(3, c))
        return {line, "no setting needs a string of several lines"};
      if (kBeforeStrings.find(before) == std::string_view::npos)
        return {line, "a quote where no string can begin"};
      quote = before = c;
    } else if (c != ' ' && c != '\t' && c != '\r') {
      before = c;
    }
  }
  return {};
}

// Levenshtein's distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t swapped = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, swapped}));
    }
  }
  return row.back();
}

std::string suggestion(const std::string& key) {
  if (key.size() > kShownChars) return {};
  const auto nearest = std::ranges::min_element(
      settings(), {}, [&](const Setting& setting) { return distance(key, setting.key); });
  return distance(key, nearest->key) <= 3 ? "; did you mean " + nearest->key + "?" : "";
}

bool is_table(const std::string& key) {
  return std::ranges::any_of(settings(),
                             [&](const Setting& s) { return s.key.starts_with(key + "."); });
}

class Reader {
 public:
  Reader(Config& config, std::string_view file) : config_(config), file_(file) {}

  Result<void> read(const toml::table& table, const std::string& prefix = {}) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      const Setting* setting = find_setting(key);
      Result<void> done;
      if (setting)
        done = apply(*setting, node);
      else if (!is_table(key))
        done = refuse(ConfigErrc::unknown_setting, name.source(), key,
                      "there is no such setting" + suggestion(key));
      else if (node.is_table())
        done = read(*node.as_table(), key + ".");
      else
        done = refuse(ConfigErrc::invalid_setting, node.source(), key, "expected a table");
      if (!done) return done;
    }
    return {};
  }

 private:
  Result<void> apply(const Setting& setting, const toml::node& node) {
    const auto value = value_of(node);
    if (value && setting.set(config_, *value)) return {};
    return refuse(
        ConfigErrc::invalid_setting, node.source(), setting.key,
        "expected " + setting.expected + got(setting, value ? shown(*value) : kind(node)));
  }

  static std::optional<SettingValue> value_of(const toml::node& node) {
    if (const auto* value = node.as_boolean()) return value->get();
    if (const auto* value = node.as_integer()) return value->get();
    if (const auto* value = node.as_floating_point()) return value->get();
    if (const auto* value = node.as_string()) return value->get();
    const auto* array = node.as_array();
    if (!array) return std::nullopt;
    std::vector<std::string> list;
    for (const auto& item : *array) {
      const auto* text = item.as_string();
      if (!text) return std::nullopt;
      list.push_back(text->get());
    }
    return list;
  }

  static std::string kind(const toml::node& node) {
    if (node.is_table()) return "a table";
    if (node.is_array()) return "a list of something else than strings";
    return "a date or time";
  }

  Result<void> refuse(ConfigErrc code, const toml::source_region& where, const std::string& key,
                      const std::string& what) const {
    return fail(code, file_ + ":" + std::to_string(where.begin.line) + ": " + key + ": " + what,
                key);
  }

  Config& config_;
  std::string file_;
};

}  // namespace

bool Config::has_role(std::string_view name) const {
  return std::ranges::find(role, name) != role.end();
}

Result<Config> parse_config(std::string_view toml, std::string_view file, Config base) {
  if (toml.size() > kMaxFileSize)
    return fail(ConfigErrc::not_toml, std::string(file) + ": longer than 1 MiB, so no settings");
  if (const auto odd = oddity_in(toml); odd.line != 0)
    return fail(ConfigErrc::not_toml,
                std::string(file) + ":" + std::to_string(odd.line) + ": " + std::string(odd.what));
  const auto parsed = toml::parse(toml);
  if (!parsed) {
    const auto& error = parsed.error();
    return fail(ConfigErrc::not_toml, std::string(file) + ":" +
                                          std::to_string(error.source().begin.line) +
                                          ": not TOML: " + std::string(error.description()));
  }
  if (auto read = Reader(base, file).read(parsed.table()); !read)
    return std::unexpected(read.error());
  return base;
}

Result<Config> load_config(const std::string& path, Config base) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.resize(kMaxFileSize + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof()))
    return fail(
        ConfigErrc::cannot_read,
        "can't read " + path + " (" + std::strerror(errno) + "): --config names a file of settings",
        "--config");
  return parse_config(text, path, std::move(base));
}

Result<void> set_from_flag(Config& config, std::string_view key,
                           const std::vector<std::string>& values, std::string flag) {
  const Setting* setting = find_setting(key);
  if (flag.empty()) {
    flag = "--" + std::string(key);
    std::ranges::replace(flag, '_', '-');
  }
  if (!setting) return fail(ConfigErrc::unknown_setting, flag + ": there is no such setting", flag);
  // A flag's text may stand for a yes, a number, a text or a list; which, its setting knows.
  std::vector<SettingValue> readings{values};
  if (values.size() == 1) {
    const std::string& text = values[0];
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, number).ptr == end && !text.empty())
      readings.emplace_back(number);
    readings.insert(readings.begin(), text);
  }
  if (values == std::vector<std::string>{"true"}) readings.emplace_back(true);
  for (const auto& reading : readings)
    if (setting->set(config, reading)) return {};
  return fail(ConfigErrc::invalid_setting,
              flag + ": expected " + setting->expected + got(*setting, shown(readings.front())),
              flag);
}

Result<SecretText> enrolment_key_of(const Config& config) {
  const auto invalid = [](const std::string& where, std::string field) {
    return fail(ConfigErrc::invalid_setting,
                where +
                    " isn't an enrolment key: expected 16 to 128 of A-Z, a-z, 0-9, - and _, as "
                    "lanrage-server relays --enroll-key shows it on the control server",
                std::move(field));
  };
  if (config.enroll.empty()) {
    const char* given = std::getenv("LANRAGE_ENROLL_KEY");
    if (!given || !*given) return SecretText();
    if (!protocol::BearerToken::well_formed(given))
      return invalid("$LANRAGE_ENROLL_KEY", "LANRAGE_ENROLL_KEY");
    return SecretText(given);
  }
  if (!config.enroll.expose().starts_with('@')) return config.enroll;
  const std::string path(config.enroll.expose().substr(1));
  errno = 0;
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line))
    return fail(ConfigErrc::cannot_read,
                "can't read " + path + " (" + (errno ? std::strerror(errno) : "it is empty") +
                    "): --enroll @FILE names a file with the enrolment key",
                "--enroll");
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())))
    line.pop_back();
  if (!protocol::BearerToken::well_formed(line)) return invalid("what is in " + path, "--enroll");
  return SecretText(std::move(line));
}

Result<void> check_consistency(const Config& config) {
  const auto refuse = [](std::string what, std::string field) {
    return fail(ConfigErrc::contradiction, std::move(what), std::move(field));
  };
  if (config.tls_cert.empty() != config.tls_key.empty())
    return refuse("--tls-cert and --tls-key go together: a certificate and its private key",
                  config.tls_cert.empty() ? "--tls-cert" : "--tls-key");
  if (config.insecure_http && !config.tls_cert.empty())
    return refuse("--insecure-http is without TLS, so without --tls-cert; choose one",
                  "--insecure-http");
  if (!config.creator.empty() && config.create_policy != protocol::CreatePolicy::listed)
    return refuse("--creator goes with --create-policy listed", "--creator");
  if (config.stun_listen.port == 65'535)
    return refuse("--stun-listen: STUN takes the next port too, so 65534 at most", "--stun-listen");
  const Limits& limits = config.limits;
  const auto& http = limits.http;
  if (http.ping_every >= http.dead_after)
    return refuse(
        "limits.http.ping_every must be shorter than limits.http.dead_after, else every "
        "quiet WebSocket counts as dead",
        "limits.http.ping_every");
  if (2 * limits.heartbeat_interval > limits.relay_silent)
    return refuse(
        "limits.relay_silent must be at least twice limits.heartbeat_interval, by which relays "
        "announce themselves",
        "limits.relay_silent");
  if (config.has_role("control")) {
    if (!config.control.empty() || !config.pin.empty())
      return refuse(
          "--control and --pin tell a relay alone (--role relay) where to enrol; this one is a "
          "control server itself",
          config.control.empty() ? "--pin" : "--control");
    return {};
  }
  if (!config.has_role("relay"))
    return refuse("--role: STUN goes with a control server or a relay; add one of them", "--role");
  if (config.control.empty())
    return refuse(
        "--role relay without control enrols with a control server elsewhere: name it with "
        "--control https://HOST:8667",
        "--control");
  if (config.control.starts_with("http://") && !config.insecure_http)
    return refuse(
        "--control: the enrolment key would travel in the clear; use https://, or "
        "--insecure-http for tests",
        "--control");
  return {};
}

}  // namespace lanrage::server
