// The conditions of nftables' rules, as its JSON writes them (libnftables-json(5)), against one
// packet.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/firewall_rules.hpp"

namespace lanrage::agent {

enum class Match { no, maybe, yes };

// The elements of a named set or map ("@name" without the @), or null.
using NamedElements = std::function<const boost::json::value*(std::string_view name)>;

// A "match" statement.
Match match_statement(const boost::json::value& statement, const FirewallPacket& packet,
                      const NamedElements& named);

// The verdicts of a "vmap" statement that apply: a sure one alone, or all that may.
std::vector<std::pair<Match, const boost::json::value*>> verdicts_of_map(
    const boost::json::value& statement, const FirewallPacket& packet, const NamedElements& named);

// Of the same family, and equal in its first `length` bits.
bool is_in_network(const IpAddress& address, const IpAddress& network, std::size_t length);

// Reading JSON that may be of any shape: null where there is no such member.
const boost::json::value* member(const boost::json::value& value, std::string_view key);
std::string_view text_member(const boost::json::value& value, std::string_view key);

}  // namespace lanrage::agent
