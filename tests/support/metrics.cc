#include "support/metrics.hpp"

#include <charconv>
#include <sstream>

#include "support/process.hpp"

namespace lanrage::lab {

std::map<std::string, std::int64_t> metrics(const NetNamespace& netns) {
  std::istringstream text(
      must_run({"python3", "-c",
                "import urllib.request as u\n"
                "print(u.urlopen('http://127.0.0.1:9667/metrics', timeout=10).read().decode())"},
               {.netns_fd = netns.fd()}));
  std::map<std::string, std::int64_t> out;
  for (std::string line; std::getline(text, line);) {
    const auto space = line.rfind(' ');
    if (line.starts_with('#') || space == std::string::npos) continue;
    std::int64_t value = 0;
    const char* end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + space + 1, end, value);
    if (error == std::errc() && stop == end) out[line.substr(0, space)] = value;
  }
  return out;
}

std::int64_t metric(const NetNamespace& netns, const std::string& name) {
  const auto all = metrics(netns);
  const auto found = all.find(name);
  if (found == all.end()) throw LabError("no metric " + name);
  return found->second;
}

}  // namespace lanrage::lab
