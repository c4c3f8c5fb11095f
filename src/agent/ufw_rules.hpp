// What ufw's configuration says about incoming traffic. Its chains use matches that nftables' JSON
// doesn't spell out, so its own files say more than they do.
#pragma once

#include <string_view>

#include "agent/firewall_rules.hpp"

namespace lanrage::agent {

// `user_rules`: /etc/ufw/user.rules (of IPv6 user6.rules), whose comments hold each rule as "###
// tuple ### ...". The first rule about the packet decides; without one `default_input_policy` of
// /etc/default/ufw does. Established traffic and echo requests are let in before ufw's users have a
// say.
Passage ufw_passage(std::string_view user_rules, std::string_view default_input_policy,
                    const FirewallPacket& packet);

// The value of `KEY=value` or KEY="value" in a file of shell assignments; empty when absent.
std::string_view shell_assignment(std::string_view text, std::string_view key);

}  // namespace lanrage::agent
