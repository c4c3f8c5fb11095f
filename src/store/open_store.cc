#include "store/sqlite/sqlite_store.hpp"
#include "store/store.hpp"

namespace lanrage::store {

namespace {

Result<std::string> sqlite_path(std::string_view location) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (location.starts_with(kSqlite) && location.size() > kSqlite.size())
    return std::string(location.substr(kSqlite.size()));
  if (location.starts_with("postgresql://") || location.starts_with("postgres://"))
    return fail(Errc::unsupported_store,
                "this version keeps its data in SQLite only: use --store sqlite:PATH, or leave "
                "--store away",
                "--store");
  return fail(Errc::unsupported_store,
              "--store must be sqlite:PATH, for example sqlite:/var/lib/lanrage-server/server.db",
              "--store");
}

}  // namespace

Result<std::vector<StoredParty>> Store::parties() {
  std::vector<StoredParty> out;
  auto read = for_each_party([&out](StoredParty party) -> Result<void> {
    out.push_back(std::move(party));
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

Result<std::unique_ptr<Store>> open_store(std::string_view location, Executor executor) {
  auto path = sqlite_path(location);
  if (!path) return std::unexpected(path.error());
  SqliteOptions options;
  options.path = std::move(*path);
  return open_sqlite_store(options, std::move(executor));
}

Result<StoreReport> check_store(std::string_view location) {
  const auto path = sqlite_path(location);
  if (!path) return std::unexpected(path.error());
  return check_sqlite_store(*path);
}

}  // namespace lanrage::store
