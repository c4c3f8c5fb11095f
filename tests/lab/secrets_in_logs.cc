#include "secrets_in_logs.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <fstream>
#include <memory>
#include <set>
#include <sqlite3.h>
#include <sstream>

#include "base/encoding.hpp"
#include "crypto/hash.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;

constexpr std::size_t kTokenLength = 43;  // 32 bytes in base64url

class Database {
 public:
  explicit Database(const std::filesystem::path& path) {
    sqlite3* db = nullptr;
    if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK)
      throw LabError("can't read " + path.string());
    db_.reset(db);
  }
  // The rows' columns, blobs and texts alike.
  std::vector<std::vector<std::string>> rows(const char* sql) const {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr) != SQLITE_OK)
      throw LabError(std::string(sql) + ": " + sqlite3_errmsg(db_.get()));
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
    std::vector<std::vector<std::string>> out;
    while (sqlite3_step(raw) == SQLITE_ROW) {
      auto& row = out.emplace_back();
      for (int n = 0; n < sqlite3_column_count(raw); ++n) {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(raw, n));
        row.emplace_back(data, static_cast<std::size_t>(sqlite3_column_bytes(raw, n)));
      }
    }
    return out;
  }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

// Strings of this JSON document, wherever they stand, that are the base64 of 16 bytes or more under
// a key that tells of a secret.
void collect(const json::value& value, std::string_view key, std::vector<KnownSecret>& out) {
  if (const auto* object = value.if_object())
    for (const auto& [name, member] : *object)
      collect(member, name, out);
  if (const auto* array = value.if_array())
    for (const auto& member : *array)
      collect(member, key, out);
  const bool secret = key.ends_with("_secret") || key.ends_with("_seed") || key == "party_key";
  if (!secret || !value.is_string()) return;
  const auto bytes = from_base64(std::string_view(value.get_string()));
  if (bytes && bytes->size() >= 16)
    out.push_back({std::string(key), std::string(bytes->begin(), bytes->end())});
}

std::string without_padding(std::string text) {
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

// An invite's SECRET, between party and pin: lanrage://HOST/join#PARTY.SECRET[.PIN].
std::optional<std::string> secret_part(const std::string& invite) {
  const auto begin = invite.find('.', invite.find('#'));
  if (begin == std::string::npos) return std::nullopt;
  return invite.substr(begin + 1, invite.find('.', begin + 1) - begin - 1);
}

bool holds_token(const std::string& text, const Server& server) {
  std::set<std::string> hashes;
  for (const auto& row :
       Database(server.data_dir() / "server.db").rows("SELECT token FROM auth_tokens"))
    hashes.insert(row[0]);
  const auto in_token = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  };
  std::size_t run = 0;
  for (std::size_t n = 0; n < text.size(); ++n) {
    run = in_token(text[n]) ? run + 1 : 0;
    if (run < kTokenLength) continue;
    const auto candidate = text.substr(n + 1 - kTokenLength, kTokenLength);
    const auto hash = crypto::sha256(as_bytes(candidate));
    if (hashes.contains(std::string(hash.begin(), hash.end()))) return true;
  }
  return false;
}

}  // namespace

std::vector<KnownSecret> secrets_of(const Server& server) {
  std::vector<KnownSecret> out;
  const std::set<std::string> open{"incarnation", "relay_id"};
  for (const auto& row :
       Database(server.data_dir() / "server.db").rows("SELECT name, value FROM settings"))
    if (!open.contains(row[0])) out.push_back({row[0], row[1]});
  return out;
}

std::vector<KnownSecret> secrets_of(const Player& player) {
  std::vector<KnownSecret> out;
  std::error_code gone;
  for (const auto& file : std::filesystem::directory_iterator(player.state_dir(), gone)) {
    if (file.path().extension() != ".json") continue;
    std::ostringstream text;
    text << std::ifstream(file.path()).rdbuf();
    boost::system::error_code bad;
    const auto document = json::parse(text.str(), bad);
    if (!bad) collect(document, "", out);
  }
  for (const auto& invite : player.invites())
    if (const auto secret = secret_part(invite)) out.push_back({"invite", *secret});
  return out;
}

std::vector<std::string> found_in(const std::string& text, const std::vector<KnownSecret>& secrets,
                                  const Server* server) {
  std::vector<std::string> out;
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const auto& secret : secrets) {
    const auto bytes = as_bytes(secret.bytes);
    std::string url = without_padding(to_base64(bytes));
    const std::string plain = url;
    std::ranges::replace(url, '+', '-');
    std::ranges::replace(url, '/', '_');
    const bool found = text.contains(secret.bytes) || text.contains(plain) || text.contains(url) ||
                       lower.contains(to_hex(bytes)) || lower.contains(to_base32(bytes));
    if (found) out.push_back(secret.name);
  }
  if (server != nullptr && holds_token(text, *server)) out.emplace_back("session token");
  return out;
}

}  // namespace lanrage::lab
