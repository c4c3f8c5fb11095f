// Reading the agent's answers: missing or null members become an empty text.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace lanrage::cli {

// Text as it is, numbers in their shortest form, booleans as yes/no.
std::string text_of(const boost::json::object& object, std::string_view key);
// "12.3 ms", or "-" when there is none.
std::string milliseconds(const boost::json::object& object, std::string_view key);
const boost::json::object& object_of(const boost::json::object& object, std::string_view key);

}  // namespace lanrage::cli
