#include "support/metrics.hpp"

#include "support/process.hpp"

namespace lanrage::lab {

std::int64_t metric(const NetNamespace& netns, const std::string& name) {
  const auto text =
      must_run({"python3", "-c",
                "import urllib.request as u\n"
                "print(u.urlopen('http://127.0.0.1:9667/metrics', timeout=10).read().decode())"},
               {.netns_fd = netns.fd()});
  const auto at = text.find("\n" + name + " ");
  if (at == std::string::npos) throw LabError("no metric " + name + " in:\n" + text);
  return std::stoll(text.substr(at + name.size() + 2));
}

}  // namespace lanrage::lab
