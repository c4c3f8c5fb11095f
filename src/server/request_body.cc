#include "server/request_body.hpp"

#include <algorithm>

namespace lanrage::server {

bool is_json(std::string_view content_type) {
  constexpr std::string_view kJson = "application/json";
  auto type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' '))
    type.remove_suffix(1);
  return std::ranges::equal(type, kJson, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

Result<std::uint64_t> number_from(const io::HttpRequest& request, std::string_view name,
                                  std::uint64_t absent) {
  const auto text = request.query(name);
  if (!text) return absent;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc{} && end == text->data() + text->size()) return value;
  return fail(protocol::Errc::invalid_field, "expected a whole number", std::string(name));
}

}  // namespace lanrage::server
