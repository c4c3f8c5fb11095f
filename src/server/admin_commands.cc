#include "server/admin_commands.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/text_table.hpp"
#include "io/tls.hpp"
#include "protocol/types.hpp"
#include "server/admin_client.hpp"
#include "server/admin_json.hpp"
#include "server/backup_file.hpp"
#include "server/deployment.hpp"
#include "server/relay_top_views.hpp"
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

// "2026-03-01T12:00:00Z"; "-" for never.
std::string text_of(UnixTime time) {
  if (time == UnixTime{}) return "-";
  std::string text = protocol::format_time(std::chrono::floor<std::chrono::seconds>(time));
  text.erase(text.rfind('.'), 4);  // its milliseconds
  return text;
}

json::value json_of(UnixTime time) {
  if (time == UnixTime{}) return nullptr;
  return json::value(text_of(time));
}

std::size_t online(const AdminParty& party) {
  return static_cast<std::size_t>(std::ranges::count_if(
      party.peers, [](const auto& peer) { return peer.online && !peer.barred; }));
}

int list_parties(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const auto parties = AdminClient(invocation.config.data_dir).parties();
  if (!parties) return complain(err, parties.error());
  if (invocation.json) {
    out << json::serialize(json::object{{"schema", 1}, {"parties", to_json(*parties, json_of)}})
        << "\n";
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
    io::TextTable table;
    for (const auto& peer : party.peers) {
      std::string state = peer.barred ? "barred" : peer.online ? "online" : "offline";
      if (peer.id == party.host) state += ", host";
      table.add({peer.id.to_string(), peer.vip.to_string(), state, text_of(peer.last_seen),
                 printable(peer.nick)});
    }
    table.print(out, "  ");
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
  if (invocation.json) {
    out << json::serialize(json::object{{"schema", 1}, {"relays", to_json(*relays, json_of)}})
        << "\n";
    return kDone;
  }
  if (relays->empty()) {
    out << "no relays\n";
    return kDone;
  }
  io::TextTable table({"RELAY", "REGION", "LOAD", "LAST SEEN", "ENDPOINTS"});
  for (const auto& relay : *relays) {
    std::string joined;
    for (const auto& endpoint : relay.endpoints)
      joined += (joined.empty() ? "" : " ") + endpoint.to_string();
    table.add({printable(relay.id), printable(relay.region),
               std::to_string(static_cast<int>(relay.load * 100)) + " %",
               relay.built_in ? "here" : text_of(relay.last_seen), joined});
  }
  table.print(out);
  return kDone;
}

// As much as the terminal has room for, from its upper left corner on.
void show_screen(std::ostream& out, const std::string& text) {
  winsize size{};
  std::size_t rows = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
  if (rows < 2) rows = 24;
  std::size_t end = 0;
  for (std::size_t line = 1; line < rows && end < text.size(); ++line)
    end = std::min(text.find('\n', end), text.size() - 1) + 1;
  out << "\x1b[H\x1b[J" << text.substr(0, end);
}

// Each answer takes the server a second.
int show_relay_top(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const bool again =
      !invocation.json && !invocation.once && &out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
  const AdminClient client(invocation.config.data_dir);
  do {
    const auto top = client.relay_top(invocation.count);
    if (!top) return complain(err, top.error());
    std::ostringstream text;
    if (invocation.json) {
      json::object object{{"schema", 1}};
      for (auto& [key, value] : to_json(*top))
        object[key] = std::move(value);
      text << json::serialize(object) << "\n";
    } else {
      print(text, *top);
    }
    if (again)
      show_screen(out, text.str());
    else
      out << text.str();
    out.flush();
  } while (again && out);
  return kDone;
}

int kick(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const auto kicked =
      AdminClient(invocation.config.data_dir).kick(invocation.party, invocation.peer);
  if (!kicked) return complain(err, kicked.error());
  out << "this server no longer serves " << printable(kicked->nick) << " (" << kicked->peer_id
      << ") in \"" << printable(kicked->party) << "\".\n"
      << "It may not join that party here again. The tunnels that it has to other members are "
         "theirs to "
         "end.\n";
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
    if (config.store.empty() && !fs::exists(fs::path(config.data_dir) / "server.db", error))
      return complain(err, Error(AdminErrc::not_running,
                                 "there is nothing to back up in " + config.data_dir +
                                     ": name the server's folder with --data-dir or --config"));
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
      << " bytes). It holds the server's "
      << (config.tls_cert.empty() ? "private key" : "tokens and relay key")
      << ": keep it as safe as the server.\n";
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

Result<void> check_audit_log(const Config& config) {
  if (config.audit_log.empty()) return {};
  const fs::path path(config.audit_log);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (fs::is_directory(folder, error) && !fs::is_directory(path, error)) return {};
  return fail(
      ConfigErrc::invalid_setting,
      "the audit log can't be " + config.audit_log + ": expected a file in a folder that is there",
      "audit_log");
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
  if (const auto key = enrolment_key_of(config); !key) status = complain(err, key.error());
  if (auto log = check_audit_log(config); !log) status = complain(err, log.error());
  if (auto certificate = check_certificate(config); certificate)
    out << "certificate good\n";
  else
    status = complain(err, certificate.error());
  std::error_code error;
  const std::string location = store_location(config);
  const bool fresh =
      config.store.empty() && !fs::exists(fs::path(config.data_dir) / "server.db", error);
  if (fresh && error) {
    status = complain(err, Error(AdminErrc::no_access, "can't look into " + config.data_dir + " (" +
                                                           error.message() +
                                                           "): be root or the server's own user"));
  } else if (fresh) {
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
    case Command::relay_top:
      return show_relay_top(invocation, out, err);
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
