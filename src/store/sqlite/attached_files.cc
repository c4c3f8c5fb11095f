#include "store/attached_files.hpp"

#include "store/sqlite/database.hpp"

namespace lanrage::store {

namespace {

// Overwritten with zeros when dropped: one of the files is a private key.
Result<std::unique_ptr<Database>> open(const std::string& path) {
  auto database = Database::open(path, {});
  if (!database) return database;
  if (auto ready = (*database)->execute("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;");
      !ready)
    return std::unexpected(ready.error());
  return database;
}

Result<void> insert(Database& database, const std::vector<AttachedFile>& files) {
  if (auto begun = database.execute(
          "BEGIN IMMEDIATE; CREATE TABLE attached_files ("
          "name TEXT PRIMARY KEY NOT NULL, content BLOB NOT NULL) STRICT, WITHOUT ROWID;");
      !begun)
    return begun;
  for (const auto& file : files)
    if (auto done = database.prepare("INSERT INTO attached_files (name, content) VALUES (?, ?)")
                        .bind(file.name)
                        .bind(file.content)
                        .run();
        !done)
      return done;
  return database.execute("COMMIT;");
}

Result<bool> has_table(Database& database) {
  auto row = database.prepare(
      "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'attached_files'");
  return row.step();
}

}  // namespace

Result<void> attach_files(const std::string& path, const std::vector<AttachedFile>& files) {
  auto database = open(path);
  if (!database) return std::unexpected(database.error());
  auto done = insert(**database, files);
  if (!done && (*database)->in_transaction()) (void)(*database)->execute("ROLLBACK;");
  return done;
}

Result<std::optional<std::vector<AttachedFile>>> detach_files(const std::string& path) {
  auto database = open(path);
  if (!database) return std::unexpected(database.error());
  const auto there = has_table(**database);
  if (!there) return std::unexpected(there.error());
  if (!*there) return std::nullopt;
  std::vector<AttachedFile> files;
  {
    auto row = (*database)->prepare("SELECT name, content FROM attached_files ORDER BY name");
    for (;;) {
      const auto more = row.step();
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      files.push_back({row.text(0), row.blob(1)});
    }
  }
  if (auto dropped = (*database)->execute("DROP TABLE attached_files;"); !dropped)
    return std::unexpected(dropped.error());
  return files;
}

Result<void> renew_incarnation(const std::string& path) {
  auto database = open(path);
  if (!database) return std::unexpected(database.error());
  return (*database)->execute(
      "UPDATE settings SET value = randomblob(16) WHERE name = 'incarnation';");
}

}  // namespace lanrage::store
