#include "agent/ufw_rules.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "agent/firewall_match.hpp"
#include "base/lines.hpp"

namespace lanrage::agent {
namespace {

constexpr std::string_view kTuple = "### tuple ### ";

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (std::size_t begin = line.find_first_not_of(' '); begin != std::string_view::npos;) {
    const auto end = std::min(line.find(' ', begin), line.size());
    out.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(' ', end);
  }
  return out;
}

bool parse_number(std::string_view text, std::uint16_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

// "80" or "6000:6007".
bool is_in_range(std::string_view range, std::uint16_t port) {
  const auto colon = range.find(':');
  const bool one = colon == std::string_view::npos;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  return parse_number(range.substr(0, colon), first) &&
         parse_number(one ? range : range.substr(colon + 1), last) && first <= port && port <= last;
}

// "any", or ports and ranges of them: "80,6000:6007".
bool has_port(std::string_view list, std::uint16_t port) {
  if (list == "any") return true;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    if (is_in_range(list.substr(0, end), port)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

bool has_address(std::string_view wanted, const IpAddress& address) {
  if (wanted == "any") return true;
  const auto slash = wanted.find('/');
  const auto network = IpAddress::parse(wanted.substr(0, slash));
  if (!network) return false;
  std::uint16_t length = 0;
  if (slash == std::string_view::npos) return *network == address;
  return parse_number(wanted.substr(slash + 1), length) && is_in_network(address, *network, length);
}

// "in", "in_eth0"; of the other direction: no.
bool comes_by(std::string_view direction, const std::string& interface) {
  if (direction == "in") return true;
  return direction.starts_with("in_") && direction.substr(3) == interface;
}

// allow udp 51820 0.0.0.0/0 any 0.0.0.0/0 in: action, protocol, port and address of the
// destination, of the source, direction. Rules for applications have two names before the last.
bool applies(const std::vector<std::string_view>& words, const FirewallPacket& packet) {
  return words.size() >= 7 && (words[1] == "any" || words[1] == packet.protocol) &&
         has_port(words[2], packet.destination_port) && has_address(words[3], packet.destination) &&
         has_port(words[4], packet.source_port) && has_address(words[5], packet.source) &&
         comes_by(words.back(), packet.interface);
}

}  // namespace

Passage ufw_passage(std::string_view user_rules, std::string_view default_input_policy,
                    const FirewallPacket& packet) {
  if (!packet.incoming || packet.established || packet.protocol == "icmp") return Passage::open;
  auto out = default_input_policy == "ACCEPT" ? Passage::open : Passage::blocked;
  bool decided = false;
  for_each_line(user_rules, [&](std::string_view line) {
    if (decided || !line.starts_with(kTuple)) return;
    line.remove_prefix(kTuple.size());
    line = line.substr(0, line.find(" comment="));  // ufw writes it hexadecimal
    const auto words = words_of(line);
    if (!applies(words, packet)) return;
    decided = true;
    // "allow", "allow_log", "limit"; against "deny" and "reject".
    const bool lets_in = words[0].starts_with("allow") || words[0].starts_with("limit");
    out = lets_in ? Passage::open : Passage::blocked;
  });
  return out;
}

std::string_view shell_assignment(std::string_view text, std::string_view key) {
  std::string_view out;
  for_each_line(text, [&](std::string_view line) {
    if (!line.starts_with(key) || line.substr(key.size(), 1) != "=") return;
    out = line.substr(key.size() + 1);
    if (out.size() >= 2 && out.front() == '"' && out.back() == '"')
      out = out.substr(1, out.size() - 2);
  });
  return out;
}

}  // namespace lanrage::agent
