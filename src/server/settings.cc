#include "server/settings.hpp"

#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "server/region.hpp"
#include "server/setting_table.hpp"

namespace lanrage::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, 3> kRoles{"control", "stun", "relay"};

struct XdpMode {
  std::string_view name;
  std::optional<xdp::Mode> mode;
};
constexpr XdpMode kXdpModes[] = {
    {"auto", xdp::Mode::automatic},
    {"off", std::nullopt},
    {"native", xdp::Mode::native},
    {"generic", xdp::Mode::generic},
};
struct Offload {
  std::string_view name;
  RelayTrains trains;
};
constexpr Offload kOffloads[] = {
    {"auto", {.receive = true, .send = true}},
    {"receive", {.receive = true, .send = false}},
    {"send", {.receive = false, .send = true}},
    {"off", {.receive = false, .send = false}},
};
constexpr std::array<protocol::CreatePolicy, 3> kPolicies{
    protocol::CreatePolicy::anyone, protocol::CreatePolicy::word, protocol::CreatePolicy::listed};

// From a Config, const or not, to a field.
template <class T>
auto at(T Config::* field) {
  return [field](auto& c) -> auto& { return c.*field; };
}
template <class T>
auto limit(T Limits::* field) {
  return [field](auto& c) -> auto& { return c.limits.*field; };
}
template <class T>
auto party(T party::Limits::* field) {
  return [field](auto& c) -> auto& { return c.limits.party.*field; };
}
template <class T>
auto http(T io::ServerLimits::* field) {
  return [field](auto& c) -> auto& { return c.limits.http.*field; };
}
template <class T>
auto relay(T relay::Limits::* field) {
  return [field](auto& c) -> auto& { return c.relay.*field; };
}

// One or several of some words, none twice.
bool are_among(const std::vector<std::string>& given, auto words) {
  for (auto it = given.begin(); it != given.end(); ++it)
    if (std::ranges::find(words, *it) == words.end() || std::find(given.begin(), it, *it) != it)
      return false;
  return true;
}

void add_addresses(SettingTable& t) {
  t.text("data_dir", "a folder's path", at(&Config::data_dir));
  t.text("store", "where the database is, such as \"sqlite:/srv/lanrage/server.db\"",
         at(&Config::store));
  t.add(
      "role", R"(a list out of "control", "stun" and "relay")",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::vector<std::string>>(&value);
        if (!given || given->empty() || !are_among(*given, kRoles)) return false;
        c.role = *given;
        return true;
      },
      [](const Config& c) { return quoted_list(c.role); });
  t.endpoint("listen", "0.0.0.0:8667", at(&Config::listen));
  t.add(
      "public_address", "an IP address, for example \"203.0.113.10\"",
      [](Config& c, const SettingValue& value) {
        const auto given = parsed<IpAddress>(value);
        if (!given || given->is_unspecified() || given->is_multicast()) return false;
        c.public_address = given;
        return true;
      },
      [](const Config& c) {
        return c.public_address ? quoted(c.public_address->to_string()) : std::string();
      });
  t.endpoint("relay_listen", "0.0.0.0:51820", at(&Config::relay_listen));
  t.whole("relay_threads", at(&Config::relay_threads), 0, 256);
  t.add(
      "relay_offload", R"("auto", "receive", "send" or "off")",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        const auto* found = given ? std::ranges::find(kOffloads, *given, &Offload::name) : nullptr;
        if (found == nullptr || found == std::end(kOffloads)) return false;
        c.relay_offload = found->trains;
        return true;
      },
      [](const Config& c) {
        const auto* found = std::ranges::find(kOffloads, c.relay_offload, &Offload::trains);
        return quoted(std::string(found->name));
      });
  t.add(
      "xdp", R"("auto", "off", "native" or "generic")",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        const auto* mode = given ? std::ranges::find(kXdpModes, *given, &XdpMode::name) : nullptr;
        if (mode == nullptr || mode == std::end(kXdpModes)) return false;
        c.xdp = mode->mode;
        return true;
      },
      [](const Config& c) {
        return quoted(std::string(std::ranges::find(kXdpModes, c.xdp, &XdpMode::mode)->name));
      });
  t.endpoint("stun_listen", "0.0.0.0:3478", at(&Config::stun_listen));
  t.add(
      "region", "1 to 32 of a-z, 0-9 and -, for example \"eu\"",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        if (!given || !is_region(*given)) return false;
        c.region = *given;
        return true;
      },
      [](const Config& c) { return quoted(c.region); });
  t.add(
      "map_ports", R"("auto" or "off")",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        if (!given || (*given != "auto" && *given != "off")) return false;
        c.map_ports = *given == "auto";
        return true;
      },
      [](const Config& c) { return quoted(c.map_ports ? "auto" : "off"); });
  t.add(
      "sandbox", R"("on" or "off")",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        if (!given || (*given != "on" && *given != "off")) return false;
        c.sandbox = *given == "on";
        return true;
      },
      [](const Config& c) { return quoted(c.sandbox ? "on" : "off"); });
}

void add_enrolment(SettingTable& t) {
  t.add_secret("enroll",
               "@ and the path of a file with the relays' enrolment key, or the key: 16 to "
               "128 of A-Z, a-z, 0-9, - and _",
               [](Config& c, const SettingValue& value) {
                 const auto* given = std::get_if<std::string>(&value);
                 const bool names_a_file = given && given->size() > 1 && given->front() == '@';
                 if (!given || (!names_a_file && !protocol::BearerToken::well_formed(*given)))
                   return false;
                 c.enroll = SecretText(*given);
                 return true;
               });
  t.add(
      "control", "a control server's URL, for example \"https://203.0.113.10:8667\"",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        if (!given || (!given->starts_with("https://") && !given->starts_with("http://")))
          return false;
        c.control = *given;
        return true;
      },
      [](const Config& c) { return c.control.empty() ? "" : quoted(c.control); });
  t.add(
      "pin", "the 26 characters of a-z and 2-7 in the control server's ready line",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        const auto pin = given ? from_base32(*given) : std::nullopt;
        if (!pin || pin->size() != 16) return false;
        c.pin = *given;
        return true;
      },
      [](const Config& c) { return c.pin.empty() ? "" : quoted(c.pin); });
}

void add_access(SettingTable& t) {
  t.text("tls_cert", "a PEM file's path", at(&Config::tls_cert));
  t.text("tls_key", "a PEM file's path", at(&Config::tls_key));
  t.yes_or_no("insecure_http", at(&Config::insecure_http));
  t.add(
      "create_policy", R"("anyone", "word" or "listed")",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        for (const auto policy : kPolicies) {
          if (!given || *given != protocol::name_of(policy)) continue;
          c.create_policy = policy;
          return true;
        }
        return false;
      },
      [](const Config& c) {
        return c.create_policy ? quoted(protocol::name_of(*c.create_policy)) : std::string();
      });
  t.add(
      "creator",
      "a list of peer ids: 26 characters of a-z and 2-7 each, as lanrage status shows them",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::vector<std::string>>(&value);
        if (!given) return false;
        std::vector<PeerId> ids;
        for (const auto& text : *given) {
          const auto id = PeerId::parse(text);
          if (!id) return false;
          ids.push_back(*id);
        }
        c.creator = std::move(ids);
        return true;
      },
      [](const Config& c) {
        std::vector<std::string> ids;
        ids.reserve(c.creator.size());
        for (const auto& id : c.creator)
          ids.push_back(id.to_string());
        return quoted_list(ids);
      });
}

void add_observation(SettingTable& t) {
  t.add(
      "metrics_listen", R"("off" or ADDRESS:PORT, for example "127.0.0.1:9667")",
      [](Config& c, const SettingValue& value) {
        const auto* text = std::get_if<std::string>(&value);
        const auto given = parsed<Endpoint>(value);
        if (!given && (!text || *text != "off")) return false;
        c.metrics_listen = given;
        return true;
      },
      [](const Config& c) {
        return quoted(c.metrics_listen ? c.metrics_listen->to_string() : "off");
      });
  t.add(
      "log_level", R"("debug", "info", "warning" or "error")",
      [](Config& c, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        const auto level = given ? io::parse_log_level(*given) : std::nullopt;
        if (level) c.log_level = *level;
        return level.has_value();
      },
      [](const Config& c) { return quoted(io::name_of(c.log_level)); });
  t.text("audit_log", "a file's path", at(&Config::audit_log));
  t.rate("audit.denials_an_address", [](auto& c) -> auto& { return c.audit.denials_an_address; });
  t.rate("audit.denials", [](auto& c) -> auto& { return c.audit.denials; });
}

void add_limits(SettingTable& t) {
  t.rate("limits.requests_an_address", limit(&Limits::requests_an_address));
  t.rate("limits.registrations_an_address", limit(&Limits::registrations_an_address));
  t.rate("limits.wrong_words_an_address", limit(&Limits::wrong_words_an_address));
  t.rate("limits.wrong_keys_an_address", limit(&Limits::wrong_keys_an_address));
  t.rate("limits.requests_a_peer", limit(&Limits::requests_a_peer));
  t.rate("limits.signals_a_peer", limit(&Limits::signals_a_peer));
  t.rate("limits.creations_a_peer", limit(&Limits::creations_a_peer));
  t.rate("limits.updates_a_peer", limit(&Limits::updates_a_peer));
  t.rate("limits.handed_back_a_peer", limit(&Limits::handed_back_a_peer));
  t.rate("limits.handed_back_of_a_peer", limit(&Limits::handed_back_of_a_peer));
  t.rate("limits.admissions", limit(&Limits::admissions));

  t.whole("limits.parties", limit(&Limits::parties), 1, 1'000'000);
  t.whole("limits.parties_a_host", limit(&Limits::parties_a_host), 1, 100'000);
  t.whole("limits.commands_waiting", limit(&Limits::commands_waiting), 1, 100'000);
  t.whole("limits.proofs_waiting", limit(&Limits::proofs_waiting), 0, 100'000);
  t.whole("limits.sessions_a_peer", limit(&Limits::sessions_a_peer), 1, 1'000);
  t.whole("limits.parties_a_session", limit(&Limits::parties_a_session), 1, 10'000);
  t.whole("limits.events_a_snapshot", limit(&Limits::events_a_snapshot), 1, 1'000'000);
  t.whole("limits.signals_waiting", limit(&Limits::signals_waiting), 1, 1'000);
  t.whole("limits.signals_waiting_in_all", limit(&Limits::signals_waiting_in_all), 1, 10'000'000);
  // With this server's own, as many as a list of the protocol holds.
  t.whole("limits.relays", limit(&Limits::relays), 0, 63);
  t.whole("limits.relays_a_grant", limit(&Limits::relays_a_grant), 1, 64);

  const auto time = [&t](const std::string& key, auto at, milliseconds least, milliseconds most) {
    t.time("limits." + key, at, least, most);
  };
  using std::chrono::days, std::chrono::hours, std::chrono::minutes;
  time("token_lifetime", limit(&Limits::token_lifetime), minutes(1), days(365));
  time("token_afterlife", limit(&Limits::token_afterlife), seconds(0), days(365));
  time("challenge_lifetime", limit(&Limits::challenge_lifetime), seconds(5), minutes(10));
  time("open_nonce_window", limit(&Limits::open_nonce_window), minutes(1), days(1));
  time("signal_lifetime", limit(&Limits::signal_lifetime), seconds(1), hours(1));
  time("hello_time", limit(&Limits::hello_time), seconds(1), minutes(5));
  time("heartbeat_interval", limit(&Limits::heartbeat_interval), seconds(5), minutes(10));
  time("offline_grace", limit(&Limits::offline_grace), seconds(0), minutes(10));
  time("presence_wait", limit(&Limits::presence_wait), milliseconds(0), minutes(1));
  time("restart_grace", limit(&Limits::restart_grace), seconds(0), hours(1));
  time("last_seen_flush", limit(&Limits::last_seen_flush), seconds(1), minutes(10));
  time("cleanup_interval", limit(&Limits::cleanup_interval), seconds(1), hours(1));
  time("party_unused_for", limit(&Limits::party_unused_for), hours(1), days(3'650));
  time("party_expiry_wait", limit(&Limits::party_expiry_wait), hours(0), days(365));
  time("relay_silent", limit(&Limits::relay_silent), seconds(10), days(1));
  time("stale_after", limit(&Limits::stale_after), minutes(1), days(30));
}

// Larger parties than these the protocol doesn't have.
void add_party_limits(SettingTable& t) {
  t.whole("limits.party.peers", party(&party::Limits::peers), 2, party::kMaxMembers);
  t.whole("limits.party.open_invites", party(&party::Limits::open_invites), 1,
          party::kMaxInvitesPerRoster);
  t.whole("limits.party.log_records", party(&party::Limits::log_records), 16,
          party::kMaxLogRecords);
  t.whole("limits.party.log_bytes", party(&party::Limits::log_bytes), 65'536,
          std::uint64_t{1} << 30);
  t.whole("limits.party.journal_events", party(&party::Limits::journal_events), 1, 1'000'000);
  t.whole("limits.party.requests", party(&party::Limits::requests), 16, 1'000'000);
  t.time("limits.party.request_lifetime", party(&party::Limits::request_lifetime),
         std::chrono::hours(1), std::chrono::days(30));
}

void add_http_limits(SettingTable& t) {
  using Http = io::ServerLimits;
  const auto time = [&t](const std::string& key, auto at, milliseconds most) {
    t.time("limits.http." + key, at, milliseconds(100), most);
  };
  constexpr std::uint64_t kMebibyte = 1 << 20;
  t.whole("limits.http.body_bytes", http(&Http::body_bytes), 4'096, 16 * kMebibyte);
  t.whole("limits.http.header_bytes", http(&Http::header_bytes), 1'024, kMebibyte);
  time("handshake_time", http(&Http::handshake_time), std::chrono::minutes(5));
  time("header_time", http(&Http::header_time), std::chrono::minutes(5));
  time("body_time", http(&Http::body_time), std::chrono::minutes(5));
  time("answer_time", http(&Http::answer_time), std::chrono::minutes(5));
  time("idle_time", http(&Http::idle_time), std::chrono::hours(1));
  t.whole("limits.http.requests_per_connection", http(&Http::requests_per_connection), 1,
          1'000'000'000);
  t.whole("limits.http.connections", http(&Http::connections), 1, 1'000'000);
  t.whole("limits.http.connections_per_address", http(&Http::connections_per_address), 1,
          1'000'000);
  t.rate("limits.http.new_connections_per_address", http(&Http::new_connections_per_address));
  t.whole("limits.http.message_bytes", http(&Http::message_bytes), 4'096, 16 * kMebibyte);
  // The largest answer must fit.
  t.whole("limits.http.queue_bytes", http(&Http::queue_bytes), protocol::kMaxAnswerSize + 64 * 1024,
          1'024 * kMebibyte);
  time("ping_every", http(&Http::ping_every), std::chrono::minutes(10));
  time("dead_after", http(&Http::dead_after), std::chrono::hours(1));
  time("close_time", http(&Http::close_time), std::chrono::minutes(1));
}

void add_udp_limits(SettingTable& t) {
  t.whole("relay.clients", relay(&relay::Limits::clients), 2, 1'000'000);
  t.whole("relay.clients_a_group", relay(&relay::Limits::clients_a_group), 2, 10'000);
  using Relay = relay::Limits;
  t.whole_rate("relay.client_bytes", relay(&Relay::client_bytes));
  t.whole_rate("relay.group_bytes", relay(&Relay::group_bytes));
  t.whole_rate("relay.address_bytes", relay(&Relay::address_bytes));
  t.whole_rate("relay.client_packets", relay(&Relay::client_packets));
  t.whole_rate("relay.group_packets", relay(&Relay::group_packets));
  t.whole_rate("relay.address_packets", relay(&Relay::address_packets));
  t.whole_rate("relay.initiations_a_client", relay(&Relay::initiations_a_client));
  t.whole_rate("relay.initiations_a_group", relay(&Relay::initiations_a_group));
  t.whole_rate("relay.initiations_an_address", relay(&Relay::initiations_an_address));
  t.whole_rate("stun.requests_an_address", at(&Config::stun_an_address));
}

std::vector<Setting> make_settings() {
  SettingTable table;
  add_addresses(table);
  add_enrolment(table);
  add_access(table);
  add_observation(table);
  add_limits(table);
  add_party_limits(table);
  add_http_limits(table);
  add_udp_limits(table);
  return table.take();
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kTable = make_settings();
  return kTable;
}

const Setting* find_setting(std::string_view key) {
  const auto found = std::ranges::find(settings(), key, &Setting::key);
  return found == settings().end() ? nullptr : &*found;
}

}  // namespace lanrage::server
