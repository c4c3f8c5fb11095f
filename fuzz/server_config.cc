// A file of settings: an error names its file; what is accepted is shown as something that is
// accepted again and means the same.
#include <cstdlib>
#include <map>
#include <string>

#include "server/config.hpp"
#include "server/settings.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto config = server::parse_config(text, "file");
  if (!config) {
    if (!config.error().message().starts_with("file:")) std::abort();
    return 0;
  }
  std::string again;
  for (const auto& setting : server::settings())
    if (const auto value = setting.show(*config); !value.empty())
      again += setting.key + " = " + value + "\n";
  const auto second = server::parse_config(again, "again");
  if (!second) std::abort();
  for (const auto& setting : server::settings())
    if (setting.show(*config) != setting.show(*second)) std::abort();
  return 0;
}
