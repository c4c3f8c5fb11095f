#include "server/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <sstream>

#include "server/deployment.hpp"
#include "server/relay_top.hpp"

namespace lanrage::server {
namespace {

// One flag of a setting: given texts are judged by the setting itself, after the file was read.
struct Flag {
  std::string key;
  CLI::Option* option = nullptr;
  std::vector<std::string> values;
};

struct FlagText {
  const char* key;
  const char* help;
};

constexpr FlagText kFlags[] = {
    {"data_dir",
     "Where keys, certificate and database live (default: /var/lib/lanrage-server for root, else "
     "~/.local/state/lanrage-server)"},
    {"store", "sqlite:PATH (default: server.db in the data directory)"},
    {"role", "What to run, of control,stun,relay (default: all three)"},
    {"listen", "Control server, TCP (default: [::]:8667, of IPv4 too)"},
    {"public_address", "The address that players reach this server at"},
    {"relay_listen", "Relay, UDP (default: [::]:51820)"},
    {"relay_threads", "Threads of the relay (default: 0, one for each processor)"},
    {"relay_offload",
     "auto, receive, send or off: the relay takes and gives packets of one size several at a time, "
     "where kernel and network card can (default: auto)"},
    {"xdp",
     "off, auto, native or generic: forward the relay's data packets in the kernel, before its "
     "network stack; auto: natively, where driver and rights allow it (default: off)"},
    {"stun_listen", "STUN, UDP; the next port too (default: [::]:3478)"},
    {"region", "What the relay's region is called (default: default)"},
    {"enroll",
     "The relays' enrolment key, or better @FILE with it: command lines show in process lists. "
     "Also from $LANRAGE_ENROLL_KEY"},
    {"control", "Of a relay alone: the URL of the control server that it enrols with"},
    {"pin", "That server's pin, from its ready line"},
    {"map_ports",
     "auto or off: ask the router to forward our ports where our address is private (default: "
     "auto)"},
    {"sandbox",
     "on or off: give up what the program may do and doesn't need, of capabilities, files and "
     "system calls (default: on)"},
    {"tls_cert", "Certificate chain, PEM (default: a self-signed one, made at first start)"},
    {"tls_key", "Its private key, PEM"},
    {"create_policy",
     "Who may create parties: anyone, who knows the join word, or who is listed by --creator "
     "(default: word on a public address, else anyone)"},
    {"creator", "A peer id that --create-policy listed lets create; may be repeated"},
    {"metrics_listen", "GET /metrics for Prometheus, or off (default: 127.0.0.1:9667)"},
    {"log_level", "debug, info, warning or error (default: info)"},
    {"audit_log", "A file of its own for the audit log (default: among the log's lines)"},
};
constexpr FlagText kSwitches[] = {
    {"insecure_http", "Plain HTTP without TLS: only behind a proxy on this machine, or for tests"},
};

std::string flag_name(std::string key) {
  std::ranges::replace(key, '_', '-');
  return "--" + key;
}

class Parser {
 public:
  explicit Parser(const std::string& version)
      : app_("The server of a lanrage group: parties, STUN and relay in one process",
             "lanrage-server") {
    app_.set_version_flag("--version", "lanrage-server " + version);
    app_.add_option("--config", invocation_.config_file,
                    "A file of settings, TOML; flags win over it");
    for (const auto& [key, help] : kFlags) {
      Flag& flag = flags_.emplace_back(Flag{key, nullptr, {}});
      flag.option = app_.add_option(flag_name(key), flag.values, help)
                        ->allow_extra_args(false)
                        ->type_name("VALUE");
    }
    for (const auto& [key, help] : kSwitches) {
      Flag& flag = flags_.emplace_back(Flag{key, nullptr, {"true"}});
      flag.option = app_.add_flag_callback(flag_name(key), [] {}, help);
    }
    Flag& capacity = flags_.emplace_back(Flag{"relay.clients", nullptr, {}});
    capacity.option = app_.add_option("--capacity", capacity.values,
                                      "How many clients the relay takes (default: 10000)")
                          ->allow_extra_args(false)
                          ->type_name("");
    add_commands();
  }

  std::expected<Invocation, Stop> parse(std::vector<std::string> arguments) {
    try {
      std::ranges::reverse(arguments);  // as CLI11 wants them
      app_.parse(arguments);
    } catch (const CLI::ParseError& error) {
      std::ostringstream out;
      std::ostringstream err;
      const int status = app_.exit(error, out, err);
      return std::unexpected(Stop{status == 0 ? 0 : 2, status == 0 ? out.str() : err.str()});
    }
    for (const auto& [command, subcommand] : commands_)
      if (subcommand->parsed()) invocation_.command = command;
    return settle();
  }

 private:
  void add_commands() {
    const auto add = [this](Command command, const char* name, const char* help) {
      auto* subcommand = app_.add_subcommand(name, help)->fallthrough();
      commands_.emplace_back(command, subcommand);
      return subcommand;
    };
    add(Command::check, "check", "Look at settings, keys and database without serving");
    auto* parties = add(Command::parties, "parties", "The parties of the server that runs here");
    auto* relays = add(Command::relays, "relays", "The relays that it knows");
    for (auto* listing : {parties, relays})
      listing->add_flag("--json", invocation_.json, "As one JSON object");
    relays->add_flag("--enroll-key", invocation_.enroll_key,
                     "Only the key that relays elsewhere must show to enrol here");
    add_relay_top();
    auto* kick = add(Command::kick, "kick", "End this server's service to a member of a party");
    kick->add_option("PARTY", invocation_.party, "Its id or name")->required();
    kick->add_option("PEER", invocation_.peer, "The member's id or nick")->required();
    auto* backup = add(Command::backup, "backup",
                       "Everything a restore needs, in one new file; also while the server runs");
    backup->add_option("FILE", invocation_.file)->required();
    auto* restore = add(Command::restore, "restore",
                        "Make a data directory out of a backup; it must be absent or empty");
    restore->add_option("FILE", invocation_.file)->required();
    app_.require_subcommand(0, 1);
  }

  void add_relay_top() {
    auto* relay = app_.add_subcommand("relay", "The relay of the server that runs here");
    relay->fallthrough()->require_subcommand(1);
    auto* top =
        relay->add_subcommand("top", "How busy it is, and its busiest groups, once a second");
    top->fallthrough();
    commands_.emplace_back(Command::relay_top, top);
    top->add_flag("--json", invocation_.json, "Once, as one JSON object");
    top->add_flag("--once", invocation_.once, "Once, also on a terminal");
    top->add_option("--count", invocation_.count, "How many groups, 1 to 100 (default: 10)")
        ->check(CLI::Range(std::size_t{1}, kMostTopGroups))
        ->type_name("N");
  }

  static Stop refused(const Error& error, int status) {
    return {status, "lanrage-server: " + error.message() + "\n"};
  }

  std::expected<Invocation, Stop> settle() {
    Config& config = invocation_.config;
    if (!invocation_.config_file.empty()) {
      auto loaded = load_config(invocation_.config_file);
      if (!loaded) return std::unexpected(refused(loaded.error(), 1));
      config = std::move(*loaded);
    }
    for (const auto& flag : flags_) {
      if (flag.option->count() == 0) continue;
      auto values = flag.values;
      if (flag.key == "role" && values.size() == 1) values = split(values[0]);
      if (auto set = set_from_flag(config, flag.key, values, flag.option->get_name()); !set)
        return std::unexpected(refused(set.error(), 2));
    }
    if (auto checked = check_consistency(config); !checked)
      return std::unexpected(refused(checked.error(), 2));
    if (config.data_dir.empty()) config.data_dir = default_data_directory().string();
    return std::move(invocation_);
  }

  static std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts;
    std::istringstream text(list);
    for (std::string part; std::getline(text, part, ',');)
      parts.push_back(part);
    return parts;
  }

  CLI::App app_;
  Invocation invocation_;
  std::deque<Flag> flags_;  // CLI11 keeps pointers to their values
  std::vector<std::pair<Command, CLI::App*>> commands_;
};

}  // namespace

std::expected<Invocation, Stop> parse_options(const std::vector<std::string>& arguments,
                                              const std::string& version) {
  return Parser(version).parse(arguments);
}

Result<Config> reread_config(const std::vector<std::string>& arguments) {
  auto invocation = parse_options(arguments, "");
  if (invocation) return std::move(invocation->config);
  std::string text = invocation.error().text;
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return fail(ConfigErrc::invalid_setting, std::move(text), "--config");
}

}  // namespace lanrage::server
