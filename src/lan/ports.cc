#include "lan/ports.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace lanrage::lan {
namespace {

constexpr std::size_t kLongest = 32;  // bytes; of texts that are repeated in an error

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<Transport> parse_transport(std::string_view text) {
  for (const auto transport : {Transport::tcp, Transport::udp})
    if (text == name_of(transport)) return transport;
  return std::nullopt;
}

bool overlap(const PortRange& a, const PortRange& b) {
  return a.transport == b.transport && a.first <= b.last && b.first <= a.last;
}

// Or one begins where the other ends.
bool touch(const PortRange& a, const PortRange& b) {
  return a.transport == b.transport && a.first <= b.last + 1 && b.first <= a.last + 1;
}

}  // namespace

Result<PortRange> PortRange::parse(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    const auto what = text.size() > kLongest ? "a text of " + std::to_string(text.size()) + " bytes"
                                             : "\"" + std::string(text) + "\"";
    return fail(PortsErrc::malformed,
                what + " " + std::string(why) +
                    "; expected PORT/tcp or PORT/udp with a port from 1 to 65535, such as 22/tcp, "
                    "or a range of them, such as 6000-6010/udp",
                "ports");
  };
  const auto slash = std::min(text.find('/'), text.size());
  const auto ports = text.substr(0, slash);
  const auto dash = ports.find('-');
  const auto first = parse_port(ports.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_port(ports.substr(dash + 1));
  if (!first || !last) return wrong("names no port");
  if (slash == text.size()) return wrong("doesn't say whether TCP or UDP");
  const auto transport = parse_transport(text.substr(slash + 1));
  if (!transport) return wrong("names neither tcp nor udp");
  if (*first > *last) return wrong("ends before it begins");
  return PortRange{*transport, *first, *last};
}

std::string PortRange::to_string() const {
  auto out = std::to_string(first);
  if (last != first) out += "-" + std::to_string(last);
  return out + "/" + std::string(name_of(transport));
}

PortSet::PortSet(std::initializer_list<PortRange> ranges) {
  for (const auto& range : ranges)
    add(range);
}

void PortSet::add(const PortRange& range) {
  auto whole = range;
  std::erase_if(ranges_, [&](const PortRange& other) {
    if (!touch(other, range)) return false;
    whole.first = std::min(whole.first, other.first);
    whole.last = std::max(whole.last, other.last);
    return true;
  });
  ranges_.insert(std::ranges::lower_bound(ranges_, whole), whole);
}

void PortSet::add(const PortSet& ports) {
  for (const auto& range : ports.ranges_)
    add(range);
}

void PortSet::remove(const PortRange& range) {
  std::vector<PortRange> left;
  for (const auto& other : ranges_) {
    const bool cut = overlap(other, range);
    if (!cut) left.push_back(other);
    if (cut && other.first < range.first)
      left.push_back({other.transport, other.first, static_cast<std::uint16_t>(range.first - 1)});
    if (cut && range.last < other.last)
      left.push_back({other.transport, static_cast<std::uint16_t>(range.last + 1), other.last});
  }
  ranges_ = std::move(left);
}

void PortSet::remove(const PortSet& ports) {
  for (const auto& range : ports.ranges_)
    remove(range);
}

PortSet PortSet::within(const PortRange& range) const {
  PortSet out;
  for (const auto& other : ranges_)
    if (overlap(other, range))
      out.ranges_.push_back(
          {range.transport, std::max(range.first, other.first), std::min(range.last, other.last)});
  return out;
}

}  // namespace lanrage::lan
