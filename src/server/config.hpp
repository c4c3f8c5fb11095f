// Everything about a server that its operator can set: by flags, or by a TOML file whose keys are
// the flags' names with underscores, and whose [limits] hold every threshold.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "io/log.hpp"
#include "protocol/rest.hpp"
#include "relay/limits.hpp"
#include "server/audit_log.hpp"
#include "server/limits.hpp"
#include "server/relay_trains.hpp"
#include "xdp/mode.hpp"

namespace lanrage::server {

enum class ConfigErrc {
  cannot_read,
  not_toml,
  unknown_setting,
  invalid_setting,
  contradiction,
};
constexpr std::string_view name_of(ConfigErrc e) {
  switch (e) {
    case ConfigErrc::cannot_read:
      return "cannot_read";
    case ConfigErrc::not_toml:
      return "not_toml";
    case ConfigErrc::unknown_setting:
      return "unknown_setting";
    case ConfigErrc::invalid_setting:
      return "invalid_setting";
    case ConfigErrc::contradiction:
      return "contradiction";
  }
  return "unknown";
}

struct Config {
  std::string data_dir;  // empty: default_data_directory()
  std::string store;     // empty: server.db in the data directory
  std::vector<std::string> role{"control", "stun", "relay"};
  // "[::]" is all addresses of IPv4, too.
  Endpoint listen{IpAddress::v6({}), 8667};
  std::optional<IpAddress> public_address;
  Endpoint relay_listen{IpAddress::v6({}), 51820};
  Endpoint stun_listen{IpAddress::v6({}), 3478};  // the next port too
  std::size_t relay_threads = 0;                  // 0: one for each processor
  RelayTrains relay_offload;
  // The relay's data packets forwarded in the kernel; absent: off.
  std::optional<xdp::Mode> xdp;
  std::string region = "default";  // of the relay in this process
  // The relays' enrolment key, or @ and the path of a file with it: of a control server, what
  // relays must show; of a relay alone, what it shows. Empty: made at first start.
  SecretText enroll;
  std::string control;  // of a relay alone: the control server's URL
  std::string pin;      // and its pin; empty: a certificate that an authority vouches for
  std::string tls_cert;
  std::string tls_key;
  bool insecure_http = false;
  std::optional<protocol::CreatePolicy> create_policy;  // absent: by the address
  std::vector<PeerId> creator;
  std::optional<Endpoint> metrics_listen = Endpoint{IpAddress::v4(0x7f000001u), 9667};
  bool map_ports = true;  // where the server's address is private
  bool sandbox = true;
  io::LogLevel log_level = io::LogLevel::info;
  std::string audit_log;  // empty: with the rest of the log
  Limits limits;
  AuditLog::Limits audit;
  relay::Limits relay;
  relay::Rate stun_an_address{50, 200};

  bool has_role(std::string_view name) const;
};

// The file's settings over `base`. `file` names it in errors ("FILE:LINE: KEY: expected ..., got
// ..."). Durations are strings with a unit ("500ms", "90s", "5m", "24h", "30d") or whole seconds.
Result<Config> parse_config(std::string_view toml, std::string_view file, Config base = {});
Result<Config> load_config(const std::string& path, Config base = {});

// One setting from a flag's text, judged as the file's would be; `key` as in the file. `flag`
// names it in errors; made of the key unless given.
Result<void> set_from_flag(Config& config, std::string_view key,
                           const std::vector<std::string>& values, std::string flag = {});

// The enrolment key that `config` gives, from its file where it names one, else from
// $LANRAGE_ENROLL_KEY; empty when neither gives any. cannot_read, invalid_setting.
Result<SecretText> enrolment_key_of(const Config& config);

// What settings say together.
Result<void> check_consistency(const Config& config);

}  // namespace lanrage::server
