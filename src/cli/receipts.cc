#include "cli/receipts.hpp"

#include <boost/json/array.hpp>
#include <string_view>

#include "cli/answer.hpp"

namespace lanrage::cli {
namespace {

void print_names(const boost::json::object& result, std::string_view key, std::string_view title,
                 std::ostream& out) {
  const auto* value = result.if_contains(key);
  if (value == nullptr || !value->is_array() || value->get_array().empty()) return;
  std::string_view before = title;
  for (const auto& peer : value->get_array()) {
    const auto nick = text_of(peer.as_object(), "nick");
    out << before << (nick.empty() ? text_of(peer.as_object(), "peer_id") : nick);
    before = ", ";
  }
  out << '\n';
}

}  // namespace

void print_receipts(const boost::json::object& result, std::ostream& out) {
  print_names(result, "confirmed", "Confirmed by: ", out);
  print_names(result, "waiting", "Not confirmed yet by: ", out);
}

}  // namespace lanrage::cli
