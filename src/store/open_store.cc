#include "store/sqlite/sqlite_store.hpp"
#include "store/store.hpp"

namespace lanrage::store {

Result<std::unique_ptr<Store>> open_store(std::string_view location, Executor executor) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (location.starts_with(kSqlite) && location.size() > kSqlite.size()) {
    SqliteOptions options;
    options.path = std::string(location.substr(kSqlite.size()));
    return open_sqlite_store(options, std::move(executor));
  }
  if (location.starts_with("postgresql://") || location.starts_with("postgres://"))
    return fail(Errc::unsupported_store,
                "this version keeps its data in SQLite only: use --store sqlite:PATH, or leave "
                "--store away",
                "--store");
  return fail(Errc::unsupported_store,
              "--store must be sqlite:PATH, for example sqlite:/var/lib/lanrage-server/server.db",
              "--store");
}

}  // namespace lanrage::store
