// How values stand in the tables: ids and addresses as text, times as milliseconds since 1970 UTC.
// What doesn't read back is damage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "store/sqlite/database.hpp"
#include "store/store.hpp"

namespace lanrage::store {

inline std::int64_t to_row(UnixTime time) {
  return time.time_since_epoch().count();
}
inline UnixTime from_row(std::int64_t ms) {
  return UnixTime(std::chrono::milliseconds(ms));
}
std::string to_row(const std::vector<Endpoint>& endpoints);  // separated by spaces

Error damaged(const std::string& what);

template <class IdType>
Result<IdType> id_column(const Statement& row, int column) {
  auto id = IdType::parse(row.text(column));
  if (!id) return std::unexpected(damaged("the id \"" + row.text(column) + "\""));
  return *id;
}
Result<ByteArray<32>> key_column(const Statement& row, int column);
Result<IpAddress> address_column(const Statement& row, int column);
Result<std::vector<Endpoint>> endpoints_column(const Statement& row, int column);

}  // namespace lanrage::store
