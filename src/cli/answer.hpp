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
// Of an object with a "portmap": "PCP, 203.0.113.9:41641", or "none".
std::string port_mapping(const boost::json::object& object);
const boost::json::object& object_of(const boost::json::object& object, std::string_view key);

}  // namespace lanrage::cli
