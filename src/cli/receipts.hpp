// What commands that change a party's key have in common.
#pragma once

#include <boost/json/object.hpp>
#include <ostream>

namespace lanrage::cli {

// Registers, sends, fetches the newest log and sends again.
inline constexpr int kGoverningTimeout = 120;  // seconds

// Who works by the new roster already, and who hasn't said so yet.
void print_receipts(const boost::json::object& result, std::ostream& out);

}  // namespace lanrage::cli
