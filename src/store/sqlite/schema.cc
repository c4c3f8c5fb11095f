#include "store/sqlite/schema.hpp"

#include <string>

namespace lanrage::store {

namespace {

Result<std::int64_t> read_integer(Database& database, const char* sql) {
  auto statement = database.prepare(sql);
  auto row = statement.step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement.integer(0) : 0;
}

}  // namespace

Result<void> check_whole(Database& database, const std::string& path) {
  auto statement = database.prepare("PRAGMA quick_check(1)");
  auto row = statement.step();
  if (!row) return std::unexpected(row.error());
  const std::string verdict = *row ? statement.text(0) : "no answer";
  if (verdict == "ok") return {};
  return fail(Errc::database_corrupt,
              path + " is damaged (" + verdict +
                  "). It was left as it is: restore a backup in its place, or move it away to "
                  "start empty (members then have to create their parties again)");
}

Result<std::int64_t> check_schema(Database& database, const std::string& path) {
  auto version = read_integer(database, "PRAGMA user_version");
  if (!version) return version;
  auto application = read_integer(database, "PRAGMA application_id");
  if (!application) return application;
  auto tables = read_integer(database, "SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables;

  if (*application != kApplicationId && (*tables != 0 || *version != 0))
    return fail(Errc::database_foreign,
                path +
                    " is a database of another program; name another file with --store "
                    "sqlite:PATH");
  if (*version > kNewestSchema)
    return fail(Errc::database_newer,
                path + " was written by a newer lanrage-server (schema " +
                    std::to_string(*version) + ", this one knows " + std::to_string(kNewestSchema) +
                    "): install that version again, or restore a backup made before it");
  return version;
}

Result<void> migrate(Database& database, std::int64_t version) {
  for (auto next = version; next < kNewestSchema; ++next) {
    const std::string step = "BEGIN IMMEDIATE;" +
                             std::string(kMigrations[static_cast<std::size_t>(next)]) +
                             "PRAGMA application_id = " + std::to_string(kApplicationId) +
                             "; PRAGMA user_version = " + std::to_string(next + 1) + "; COMMIT;";
    if (auto done = database.execute(step.c_str()); !done) {
      (void)database.execute("ROLLBACK");
      return done;
    }
  }
  return {};
}

}  // namespace lanrage::store
