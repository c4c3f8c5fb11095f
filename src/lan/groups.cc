#include "lan/groups.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "base/encoding.hpp"
#include "base/lines.hpp"
#include "lan/quiet.hpp"

namespace lanrage::lan {
namespace {

constexpr std::string_view kBlank = " \t";

// The next word of a line, which it is taken from.
std::string_view take_word(std::string_view& line) {
  const auto begin = line.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return line = {};
  const auto end = std::min(line.find_first_of(kBlank, begin), line.size());
  const auto word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

bool is_number(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::vector<Joined> parse_igmp(std::string_view text) {
  std::vector<Joined> out;
  std::string interface;
  for_each_line(text, [&](std::string_view line) {
    if (line.empty()) return;
    // "2\teth0      :     1      V3", then its groups, indented.
    if (kBlank.find(line[0]) == std::string_view::npos) {
      interface.clear();
      if (is_number(take_word(line))) interface = take_word(line);
      if (interface.ends_with(':')) interface.pop_back();  // a long name has it attached
      return;
    }
    const auto word = take_word(line);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, 16);
    if (error != std::errc{} || end != word.data() + word.size() || word.size() != 8) return;
    // The address as it lies in memory, printed as an integer of this machine.
    ByteArray<4> bytes{};
    std::memcpy(bytes.data(), &value, bytes.size());
    const auto group = IpAddress::v4(bytes);
    if (!interface.empty() && group.is_multicast()) out.push_back({interface, group});
  });
  return out;
}

std::vector<Joined> parse_igmp6(std::string_view text) {
  std::vector<Joined> out;
  for_each_line(text, [&](std::string_view line) {
    // "2    eth0            ff020000000000000000000000000001     1 0000000C 0"
    if (!is_number(take_word(line))) return;
    const auto interface = take_word(line);
    const auto bytes = from_hex(take_word(line));
    if (!bytes || bytes->size() != 16) return;
    ByteArray<16> address{};
    std::memcpy(address.data(), bytes->data(), address.size());
    const auto group = IpAddress::v6(address);
    if (group.is_multicast()) out.push_back({std::string(interface), group});
  });
  return out;
}

std::set<IpAddress> groups_to_join(const std::vector<Joined>& joined,
                                   const std::set<std::string>& segments) {
  std::set<IpAddress> out;
  for (const auto& [interface, group] : joined)
    if (!segments.contains(interface) && !is_quiet_group(group)) out.insert(group);
  while (out.size() > kMostGroups)
    out.erase(std::prev(out.end()));
  return out;
}

}  // namespace lanrage::lan
