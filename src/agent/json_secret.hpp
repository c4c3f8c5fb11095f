// Secrets in the agent's own state files (mode 0600), and only there.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <cstring>
#include <optional>

#include "base/encoding.hpp"
#include "base/secret.hpp"

namespace lanrage::agent {

template <std::size_t N>
boost::json::string secret_to_json(const Secret<N>& secret) {
  return boost::json::string(to_base64(secret.expose()));
}

template <std::size_t N>
std::optional<Secret<N>> secret_from_json(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  if (text == nullptr) return std::nullopt;
  auto bytes = from_base64(*text);
  if (!bytes || bytes->size() != N) return std::nullopt;
  Secret<N> out;
  std::memcpy(out.expose_mutable().data(), bytes->data(), N);
  return out;
}

}  // namespace lanrage::agent
