// JSON that holds secrets: the agent's own state files (mode 0600) and the local API's lines about
// invites.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/string.hpp>
#include <optional>

#include "base/secret.hpp"
#include "base/secret_encoding.hpp"

namespace lanrage::agent {

// For values that hold secrets: what they give back is wiped. Whatever is put into such an object
// lives there, too.
boost::json::storage_ptr wiped_storage();

WipedString to_wiped_text(const boost::json::object& object);

template <std::size_t N>
boost::json::string secret_to_json(const Secret<N>& secret) {
  return {to_wiped_base64(secret.expose()), wiped_storage()};
}

template <std::size_t N>
std::optional<Secret<N>> secret_from_json(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  std::optional<Secret<N>> out(std::in_place);
  if (text == nullptr || !from_base64(*text, out->expose_mutable())) out.reset();
  return out;
}

}  // namespace lanrage::agent
