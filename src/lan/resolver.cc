#include "lan/resolver.hpp"

#include <algorithm>
#include <vector>

#include "base/lines.hpp"

namespace lanrage::lan {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  line = line.substr(0, line.find_first_of("#;"));
  std::vector<std::string_view> out;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    if (line.empty()) return out;
    const auto size = std::min(line.find_first_of(kBlank), line.size());
    out.push_back(line.substr(0, size));
    line.remove_prefix(size);
  }
}

}  // namespace

bool asks_resolved(std::string_view nsswitch, std::string_view resolv_conf) {
  bool asked = false;
  for_each_line(nsswitch, [&](std::string_view line) {
    const auto words = words_of(line);
    asked |= !words.empty() && words[0] == "hosts:" &&
             std::ranges::find(words, "resolve") != words.end();
  });
  // Its own two servers (systemd-resolved.service(8)); a client asks the first that it is told.
  bool first = true;
  for_each_line(resolv_conf, [&](std::string_view line) {
    const auto words = words_of(line);
    if (words.size() < 2 || words[0] != "nameserver") return;
    asked |= first && (words[1] == "127.0.0.53" || words[1] == "127.0.0.54");
    first = false;
  });
  return asked;
}

bool has_socket(std::string_view proc_net_unix, std::string_view path) {
  bool found = false;
  for_each_line(proc_net_unix, [&](std::string_view line) {
    const auto words = words_of(line);
    found |= words.size() == 8 && words[7] == path;
  });
  return found;
}

}  // namespace lanrage::lan
