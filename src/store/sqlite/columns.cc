#include "store/sqlite/columns.hpp"

#include <algorithm>
#include <string_view>

namespace lanrage::store {

std::string to_row(const std::vector<Endpoint>& endpoints) {
  std::string out;
  for (const Endpoint& endpoint : endpoints) {
    if (!out.empty()) out += ' ';
    out += endpoint.to_string();
  }
  return out;
}

Error damaged(const std::string& what) {
  return Error(Errc::database_corrupt,
               "the database holds " + what +
                   ", which no version of lanrage-server writes: restore a backup in its place");
}

Result<ByteArray<32>> key_column(const Statement& row, int column) {
  const Bytes blob = row.blob(column);
  if (blob.size() != 32) return std::unexpected(damaged("a key of the wrong length"));
  ByteArray<32> key;
  std::copy(blob.begin(), blob.end(), key.begin());
  return key;
}

Result<IpAddress> address_column(const Statement& row, int column) {
  auto address = IpAddress::parse(row.text(column));
  if (!address) return std::unexpected(damaged("the address \"" + row.text(column) + "\""));
  return *address;
}

Result<std::vector<Endpoint>> endpoints_column(const Statement& row, int column) {
  const std::string text = row.text(column);
  std::vector<Endpoint> out;
  std::string_view left = text;
  while (!left.empty()) {
    const auto end = std::min(left.find(' '), left.size());
    const auto endpoint = Endpoint::parse(left.substr(0, end));
    if (!endpoint)
      return std::unexpected(damaged("the address \"" + std::string(left.substr(0, end)) + "\""));
    out.push_back(*endpoint);
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return out;
}

}  // namespace lanrage::store
