#include "server/admin_commands.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <filesystem>
#include <ostream>

#include "io/tls.hpp"
#include "server/admin_client.hpp"
#include "server/backup_file.hpp"
#include "server/deployment.hpp"
#include "store/store.hpp"

namespace lanrage::server {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNoServer = 4;

int complain(std::ostream& err, const Error& error) {
  err << "lanrage-server: " << error.message() << "\n";
  return error.is(AdminErrc::not_running) ? kNoServer : kFailed;
}

// Names come from players: nothing of theirs may steer the operator's terminal.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

using Row = std::vector<std::string>;

// Columns two spaces apart; the last is as long as it is.
void print_table(std::ostream& out, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    out << line << "\n";
  }
}

// "2026-03-01T12:00:00Z"; "-" for never.
std::string text_of(UnixTime time) {
  if (time == UnixTime{}) return "-";
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

json::value json_of(UnixTime time) {
  if (time == UnixTime{}) return nullptr;
  return json::value(text_of(time));
}

std::size_t online(const AdminParty& party) {
  return static_cast<std::size_t>(std::ranges::count_if(party.peers, &AdminParty::Peer::online));
}

json::object to_json(const AdminParty& party) {
  json::array peers;
  peers.reserve(party.peers.size());
  for (const auto& peer : party.peers)
    peers.push_back(json::object{{"peer_id", peer.id.to_string()},
                                 {"nick", peer.nick},
                                 {"vip", peer.vip.to_string()},
                                 {"online", peer.online},
                                 {"barred", peer.barred},
                                 {"last_seen", json_of(peer.last_seen)}});
  return {{"id", party.id.to_string()},     {"name", party.name},
          {"host", party.host.to_string()}, {"seq", party.seq},
          {"key_epoch", party.key_epoch},   {"created_at", json_of(party.created_at)},
          {"peers", std::move(peers)}};
}

int list_parties(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const auto parties = AdminClient(invocation.config.data_dir).parties();
  if (!parties) return complain(err, parties.error());
  if (invocation.json) {
    json::array list;
    list.reserve(parties->size());
    for (const auto& party : *parties)
      list.push_back(to_json(party));
    out << json::serialize(json::object{{"schema", 1}, {"parties", std::move(list)}}) << "\n";
    return kDone;
  }
  if (parties->empty()) {
    out << "no parties\n";
    return kDone;
  }
  for (const auto& party : *parties) {
    out << printable(party.name) << "  " << party.id.to_string() << "  since "
        << text_of(party.created_at) << ", " << online(party) << " of " << party.peers.size()
        << " online\n";
    std::vector<Row> rows;
    rows.reserve(party.peers.size());
    for (const auto& peer : party.peers) {
      std::string state = peer.barred ? "barred" : peer.online ? "online" : "offline";
      if (peer.id == party.host) state += ", host";
      rows.push_back({"  " + peer.id.to_string(), peer.vip.to_string(), state,
                      text_of(peer.last_seen), printable(peer.nick)});
    }
    if (!rows.empty()) print_table(out, rows);
  }
  return kDone;
}

int show_enrolment_key(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const auto key = AdminClient(invocation.config.data_dir).enrolment_key();
  if (!key) return complain(err, key.error());
  if (invocation.json)
    out << json::serialize(json::object{{"schema", 1}, {"enroll_key", key->expose()}}) << "\n";
  else
    out << key->expose() << "\n";
  return kDone;
}

int list_relays(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  if (invocation.enroll_key) return show_enrolment_key(invocation, out, err);
  const auto relays = AdminClient(invocation.config.data_dir).relays();
  if (!relays) return complain(err, relays.error());
  json::array list;
  std::vector<Row> rows{{"RELAY", "REGION", "LOAD", "LAST SEEN", "ENDPOINTS"}};
  for (const auto& relay : *relays) {
    json::array endpoints;
    std::string joined;
    for (const auto& endpoint : relay.endpoints) {
      endpoints.emplace_back(endpoint.to_string());
      joined += (joined.empty() ? "" : " ") + endpoint.to_string();
    }
    list.push_back(json::object{{"id", relay.id},
                                {"region", relay.region},
                                {"endpoints", std::move(endpoints)},
                                {"load", relay.load},
                                {"built_in", relay.built_in},
                                {"last_seen", json_of(relay.last_seen)}});
    rows.push_back({printable(relay.id), printable(relay.region),
                    std::to_string(static_cast<int>(relay.load * 100)) + " %",
                    relay.built_in ? "here" : text_of(relay.last_seen), joined});
  }
  if (invocation.json)
    out << json::serialize(json::object{{"schema", 1}, {"relays", std::move(list)}}) << "\n";
  else if (relays->empty())
    out << "no relays\n";
  else
    print_table(out, rows);
  return kDone;
}

int kick(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const auto kicked =
      AdminClient(invocation.config.data_dir).kick(invocation.party, invocation.peer);
  if (!kicked) return complain(err, kicked.error());
  out << "this server no longer serves " << printable(kicked->nick) << " (" << kicked->peer_id
      << ") in \"" << printable(kicked->party) << "\".\n"
      << "The party's host or a deputy can also take the member's key away: lanrage kick "
      << kicked->peer_id << "\n";
  return kDone;
}

int back_up(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const Config& config = invocation.config;
  std::error_code error;
  if (fs::exists(fs::symlink_status(invocation.file, error)))
    return complain(err, Error(BackupErrc::file_exists,
                               invocation.file + " exists: remove it, or name another file"));
  auto copy = AdminClient(config.data_dir).backup();
  if (!copy && copy.error().is(AdminErrc::not_running)) {
    // No server: then nobody holds the database, and we may.
    const fs::path own = fs::path(config.data_dir) / "backup.db.part";
    fs::remove(own, error);
    if (!fs::exists(config.data_dir, error)) return complain(err, copy.error());
    auto copied = copy_database(store_location(config), own);
    if (copied)
      copy = own;
    else
      copy = std::unexpected(copied.error());
  }
  if (!copy) return complain(err, copy.error());
  if (auto done = finish_backup(*copy, config.data_dir, invocation.file); !done)
    return complain(err, done.error());
  out << "wrote " << invocation.file << " (" << fs::file_size(invocation.file, error)
      << " bytes). It holds the server's private key: keep it as safe as the server.\n";
  if (!config.tls_cert.empty())
    out << "Not in it: " << config.tls_cert << " and " << config.tls_key << ".\n";
  return kDone;
}

int restore(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const Config& config = invocation.config;
  if (auto done = restore_backup(invocation.file, config.data_dir); !done)
    return complain(err, done.error());
  out << "restored " << config.data_dir << ". Start the server on it: lanrage-server --data-dir "
      << config.data_dir << "\n";
  return kDone;
}

Result<void> check_certificate(const Config& config) {
  if (config.insecure_http) return {};
  if (!config.tls_cert.empty()) {
    const auto loaded = io::TlsContext::load(config.tls_cert, config.tls_key);
    return loaded ? Result<void>() : std::unexpected(loaded.error());
  }
  const fs::path folder(config.data_dir);
  std::error_code error;
  if (!fs::exists(folder / "server.crt", error)) return {};  // the first start makes it
  const auto loaded = io::TlsContext::load(folder / "server.crt", folder / "server.key");
  return loaded ? Result<void>() : std::unexpected(loaded.error());
}

int check(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const Config& config = invocation.config;
  int status = kDone;
  out << "settings    good"
      << (invocation.config_file.empty() ? "" : " (" + invocation.config_file + ")") << "\n";
  if (!config.has_role("control")) {  // a relay alone has neither certificate nor database
    const auto key = enrolment_key_of(config);
    if (!key) return complain(err, key.error());
    out << "enrolment   with " << config.control << (key->empty() ? ", but no key" : "") << "\n";
    return key->empty() ? kFailed : kDone;
  }
  if (auto certificate = check_certificate(config); certificate)
    out << "certificate good\n";
  else
    status = complain(err, certificate.error());
  std::error_code error;
  const std::string location = store_location(config);
  const bool fresh =
      config.store.empty() && !fs::exists(fs::path(config.data_dir) / "server.db", error);
  if (fresh) {
    out << "database    none yet in " << config.data_dir << ": the first start makes it\n";
  } else if (const auto report = store::check_store(location); !report) {
    status = complain(err, report.error());
  } else {
    out << "database    " << (report->problems.empty() ? "good" : "damaged") << ": " << report->file
        << ", schema " << report->schema << " of " << report->newest_schema << ", "
        << report->parties << " parties, " << report->peers << " members, " << report->events
        << " events, " << report->tokens << " tokens\n";
    for (const auto& problem : report->problems)
      err << "lanrage-server: database: " << problem << "\n";
    if (!report->problems.empty()) {
      err << "lanrage-server: restore a backup (lanrage-server restore FILE)\n";
      status = kFailed;
    }
  }
  const auto pid = AdminClient(config.data_dir).ping();
  out << "server      ";
  if (pid)
    out << "runs, process " << *pid << "\n";
  else if (pid.error().is(AdminErrc::not_running))
    out << "not running\n";
  else
    out << "unknown: " << pid.error().message() << "\n";
  return status;
}

}  // namespace

std::string store_location(const Config& config) {
  return config.store.empty() ? "sqlite:" + config.data_dir + "/server.db" : config.store;
}

int run_subcommand(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  switch (invocation.command) {
    case Command::parties:
      return list_parties(invocation, out, err);
    case Command::relays:
      return list_relays(invocation, out, err);
    case Command::kick:
      return kick(invocation, out, err);
    case Command::backup:
      return back_up(invocation, out, err);
    case Command::restore:
      return restore(invocation, out, err);
    case Command::check:
      return check(invocation, out, err);
    case Command::serve:
      break;
  }
  return kFailed;
}

}  // namespace lanrage::server
