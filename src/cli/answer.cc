#include "cli/answer.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdio>

namespace lanrage::cli {

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return "";
  if (const auto* text = value->if_string()) return std::string(*text);
  if (const auto* flag = value->if_bool()) return *flag ? "yes" : "no";
  return boost::json::serialize(*value);
}

std::string milliseconds(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", value->to_number<double>());
  return text;
}

std::string port_mapping(const boost::json::object& object) {
  const auto& mapping = object_of(object, "portmap");
  auto method = text_of(mapping, "method");
  if (method.empty()) return "none";
  if (method == "pcp") method = "PCP";
  if (method == "nat_pmp") method = "NAT-PMP";
  if (method == "upnp") method = "UPnP";
  const auto endpoint = text_of(mapping, "endpoint");
  return method + ", " + (endpoint.empty() ? "of no use: another router is in front" : endpoint);
}

const boost::json::object& object_of(const boost::json::object& object, std::string_view key) {
  static const boost::json::object kNothing;
  const auto* value = object.if_contains(key);
  const auto* inner = value != nullptr ? value->if_object() : nullptr;
  return inner != nullptr ? *inner : kNothing;
}

}  // namespace lanrage::cli
