#include "agent/firewall_match.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <optional>
#include <tuple>
#include <variant>

namespace lanrage::agent {
namespace {

namespace json = boost::json;

struct Unknown {};  // the packet has it, but we can't tell
struct Absent {};   // such a packet hasn't got it: no comparison holds, not even !=

using Value = std::variant<Unknown, Absent, std::string_view, std::uint64_t, bool, IpAddress>;

Match either(Match a, Match b) {
  return std::max(a, b);
}
Match opposite(Match match) {
  if (match == Match::maybe) return match;
  return match == Match::yes ? Match::no : Match::yes;
}
Match sure(bool holds) {
  return holds ? Match::yes : Match::no;
}

std::optional<std::uint64_t> number(const json::value& value) {
  boost::system::error_code bad;
  if (!value.is_number()) return std::nullopt;
  const auto out = value.to_number<std::uint64_t>(bad);
  return bad ? std::nullopt : std::optional(out);
}

std::uint64_t protocol_number(std::string_view name) {
  if (name == "udp") return 17;
  return name == "tcp" ? 6 : 1;
}

// ---- what the packet has

Value meta_value(std::string_view key, const FirewallPacket& packet) {
  if (key == "iif" || key == "iifname")
    return packet.incoming ? Value(std::string_view(packet.interface)) : Value(Absent{});
  if (key == "oif" || key == "oifname")
    return packet.incoming ? Value(Absent{}) : Value(std::string_view(packet.interface));
  if (key == "l4proto") return std::string_view(packet.protocol);
  if (key == "protocol") return std::string_view(packet.is_v6() ? "ip6" : "ip");
  if (key == "nfproto") return std::string_view(packet.is_v6() ? "ipv6" : "ipv4");
  if (key == "pkttype") return std::string_view(packet.broadcast ? "broadcast" : "host");
  return Unknown{};
}

Value port_value(std::string_view field, const FirewallPacket& packet) {
  if (field == "sport") return std::uint64_t{packet.source_port};
  if (field == "dport") return std::uint64_t{packet.destination_port};
  return Unknown{};
}

Value payload_value(const json::value& payload, const FirewallPacket& packet) {
  const auto protocol = text_member(payload, "protocol");
  const auto field = text_member(payload, "field");
  if (protocol == "ip" || protocol == "ip6") {
    if (packet.is_v6() != (protocol == "ip6")) return Absent{};
    if (field == "saddr") return packet.source;
    if (field == "daddr") return packet.destination;
    if (field == "protocol" || field == "nexthdr") return std::string_view(packet.protocol);
    if (field == "version") return std::uint64_t{packet.is_v6() ? 6u : 4u};
    return Unknown{};
  }
  if (protocol == "th")
    return packet.protocol == "icmp" ? Value(Absent{}) : port_value(field, packet);
  if (protocol == "udp" || protocol == "tcp")
    return packet.protocol == protocol ? port_value(field, packet) : Value(Absent{});
  if (protocol == "icmp") {
    if (packet.protocol != "icmp") return Absent{};
    return field == "type" ? Value(std::string_view("echo-request")) : Value(Unknown{});
  }
  constexpr std::array<std::string_view, 9> kOthers{"icmpv6",  "arp", "vlan", "sctp", "dccp",
                                                    "udplite", "esp", "ah",   "comp"};
  if (std::ranges::find(kOthers, protocol) != kOthers.end()) return Absent{};
  return Unknown{};
}

Value ct_value(std::string_view key, const FirewallPacket& packet) {
  if (key == "state") return std::string_view(packet.established ? "established" : "new");
  if (key == "status") return std::string_view();  // neither dnat nor snat
  if (key == "direction" && !packet.established) return std::string_view("original");
  return Unknown{};
}

Value value_of(const json::value& left, const FirewallPacket& packet) {
  if (const auto* meta = member(left, "meta")) return meta_value(text_member(*meta, "key"), packet);
  if (const auto* payload = member(left, "payload")) return payload_value(*payload, packet);
  if (const auto* ct = member(left, "ct")) return ct_value(text_member(*ct, "key"), packet);
  // Reverse path checks: taken as passed, since our routes lead where our packets come from.
  if (const auto* fib = member(left, "fib"); fib && text_member(*fib, "result") == "oif")
    return true;
  return Unknown{};
}

// ---- comparing

Match same_text(std::string_view have, std::string_view wanted) {
  if (wanted.ends_with('*')) return sure(have.starts_with(wanted.substr(0, wanted.size() - 1)));
  return sure(have == wanted);
}

Match is_text(const Value& have, std::string_view wanted) {
  if (const auto* text = std::get_if<std::string_view>(&have)) return same_text(*text, wanted);
  if (const auto* address = std::get_if<IpAddress>(&have)) {
    const auto other = IpAddress::parse(wanted);
    return other ? sure(*address == *other) : Match::maybe;
  }
  return Match::maybe;
}

Match is_number(const Value& have, std::uint64_t wanted) {
  if (const auto* value = std::get_if<std::uint64_t>(&have)) return sure(*value == wanted);
  if (const auto* text = std::get_if<std::string_view>(&have))
    return sure(protocol_number(*text) == wanted);
  return Match::maybe;
}

Match in_range(const Value& have, const json::value& range) {
  const auto* ends = range.if_array();
  if (ends == nullptr || ends->size() != 2) return Match::maybe;
  const auto& [first, last] = std::tie((*ends)[0], (*ends)[1]);
  if (const auto* value = std::get_if<std::uint64_t>(&have)) {
    const auto from = number(first);
    const auto to = number(last);
    return from && to ? sure(*from <= *value && *value <= *to) : Match::maybe;
  }
  if (const auto* address = std::get_if<IpAddress>(&have);
      address && first.is_string() && last.is_string()) {
    const auto from = IpAddress::parse(std::string_view(first.get_string()));
    const auto to = IpAddress::parse(std::string_view(last.get_string()));
    return from && to ? sure(*from <= *address && *address <= *to) : Match::maybe;
  }
  return Match::maybe;
}

Match in_prefix(const Value& have, const json::value& prefix) {
  const auto* address = std::get_if<IpAddress>(&have);
  const auto base = IpAddress::parse(text_member(prefix, "addr"));
  const auto* length_value = member(prefix, "len");
  const auto length = length_value ? number(*length_value) : std::nullopt;
  if (address == nullptr || !base || !length || *length > base->bytes().size() * 8)
    return Match::maybe;
  return sure(is_in_network(*address, *base, *length));
}

Match is_in(const Value& have, const json::value& right, const NamedElements& named);

Match in_any(const Value& have, const json::value& list, const NamedElements& named) {
  const auto* elements = list.if_array();
  if (elements == nullptr) return Match::maybe;
  auto out = Match::no;
  for (const auto& element : *elements) {
    out = either(out, is_in(have, element, named));
    if (out == Match::yes) break;
  }
  return out;
}

Match is_in(const Value& have, const json::value& right, const NamedElements& named) {
  if (std::holds_alternative<Absent>(have)) return Match::no;
  if (std::holds_alternative<Unknown>(have)) return Match::maybe;
  if (const auto* text = right.if_string()) {
    const std::string_view wanted = *text;
    if (!wanted.starts_with('@')) return is_text(have, wanted);
    const auto* elements = named(wanted.substr(1));
    // Sets don't hold names of sets: a lookup inside one finds none.
    static const NamedElements kNone = [](std::string_view) { return nullptr; };
    return elements != nullptr ? in_any(have, *elements, kNone) : Match::maybe;
  }
  if (const auto wanted = number(right)) return is_number(have, *wanted);
  if (const auto* flag = right.if_bool()) {
    const auto* value = std::get_if<bool>(&have);
    return value != nullptr ? sure(*value == *flag) : Match::maybe;
  }
  if (right.is_array()) return in_any(have, right, named);
  if (const auto* set = member(right, "set")) return in_any(have, *set, named);
  if (const auto* range = member(right, "range")) return in_range(have, *range);
  if (const auto* prefix = member(right, "prefix")) return in_prefix(have, *prefix);
  if (const auto* element = member(right, "elem"))
    if (const auto* inner = member(*element, "val")) return is_in(have, *inner, named);
  return Match::maybe;
}

Match is_ordered(const Value& have, std::string_view op, const json::value& right) {
  const auto* value = std::get_if<std::uint64_t>(&have);
  const auto other = number(right);
  if (value == nullptr || !other) return Match::maybe;
  if (op == "<") return sure(*value < *other);
  if (op == ">") return sure(*value > *other);
  if (op == "<=") return sure(*value <= *other);
  if (op == ">=") return sure(*value >= *other);
  return Match::maybe;
}

}  // namespace

bool is_in_network(const IpAddress& address, const IpAddress& network, std::size_t length) {
  const auto have = address.bytes();
  const auto want = network.bytes();
  if (have.size() != want.size() || length > 8 * want.size()) return false;
  const auto whole = length / 8;
  if (!std::equal(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(whole), have.begin()))
    return false;
  const auto rest = length % 8;
  return rest == 0 || (have[whole] ^ want[whole]) >> (8 - rest) == 0;
}

const json::value* member(const json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object != nullptr ? object->if_contains(key) : nullptr;
}

std::string_view text_member(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  if (found == nullptr || !found->is_string()) return {};
  return found->get_string();
}

Match match_statement(const json::value& statement, const FirewallPacket& packet,
                      const NamedElements& named) {
  const auto* left = member(statement, "left");
  const auto* right = member(statement, "right");
  if (left == nullptr || right == nullptr) return Match::maybe;
  const auto have = value_of(*left, packet);
  if (std::holds_alternative<Absent>(have)) return Match::no;
  const auto op = text_member(statement, "op");
  if (op == "!=") return opposite(is_in(have, *right, named));
  if (op == "==" || op == "in") return is_in(have, *right, named);
  return is_ordered(have, op, *right);
}

std::vector<std::pair<Match, const json::value*>> verdicts_of_map(const json::value& statement,
                                                                  const FirewallPacket& packet,
                                                                  const NamedElements& named) {
  std::vector<std::pair<Match, const json::value*>> out;
  const auto* key = member(statement, "key");
  const auto* data = member(statement, "data");
  if (key == nullptr || data == nullptr) return out;
  const auto have = value_of(*key, packet);
  const auto* entries = member(*data, "set");
  if (const auto* name = data->if_string(); name != nullptr && name->starts_with('@'))
    entries = named(std::string_view(*name).substr(1));
  if (entries == nullptr || !entries->is_array()) return out;
  for (const auto& entry : entries->get_array()) {
    const auto* pair = entry.if_array();
    if (pair == nullptr || pair->size() != 2) continue;
    const auto match = is_in(have, (*pair)[0], named);
    if (match == Match::yes) return {{match, &(*pair)[1]}};
    if (match == Match::maybe) out.emplace_back(match, &(*pair)[1]);
  }
  return out;
}

}  // namespace lanrage::agent
