// Whether this machine's own firewall lets a packet pass, by the rules as `nft -j list ruleset`
// tells them. Decides only; what asks the kernel is elsewhere.
//
// ufw and firewalld show up here as what they have made: nftables chains of the same ruleset.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/result.hpp"

namespace lanrage::agent {

enum class FirewallErrc { malformed, too_large };
constexpr std::string_view name_of(FirewallErrc e) {
  return e == FirewallErrc::malformed ? "firewall_malformed" : "firewall_too_large";
}

inline constexpr std::size_t kMaxRuleset = 4 * 1024 * 1024;  // bytes of JSON
inline constexpr std::size_t kMaxRuleSteps = 100'000;        // rules looked at for one question

// A packet, either for us or from us; of the family of its addresses.
struct FirewallPacket {
  bool incoming = true;
  std::string interface;  // by which it comes or goes; empty: any that isn't named in a rule
  std::string protocol;   // "udp", "tcp" or, of IPv4, "icmp" (an echo request)
  IpAddress source;
  IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  bool established = false;  // belongs to a flow that we began, or have answered
  bool broadcast = false;    // to all of an IPv4 network

  bool is_v6() const { return source.is_v6(); }
};

enum class Passage {
  open,
  blocked,
  uncertain,  // a rule that may drop it has a condition that can't be told from here
};

// Who looks after the chain that drops, and so how to change it.
enum class FirewallOwner { nftables, iptables, ufw, firewalld };
constexpr std::string_view name_of(FirewallOwner owner) {
  switch (owner) {
    case FirewallOwner::nftables:
      return "nftables";
    case FirewallOwner::iptables:
      return "iptables";
    case FirewallOwner::ufw:
      return "ufw";
    case FirewallOwner::firewalld:
      return "firewalld";
  }
  return "unknown";
}

struct FirewallVerdict {
  Passage passage = Passage::open;
  // Where it is, or may be, dropped; empty when it passes.
  FirewallOwner owner = FirewallOwner::nftables;
  std::string family;
  std::string table;
  std::string base_chain;  // the one with the hook: a rule at its front comes before all others
  std::string chain;       // that drops: it, or one that it leads to
  std::string place;       // "table inet filter, chain input (policy drop)"
};

class FirewallRules {
 public:
  // `text`: the JSON of nft's listing. Statements that aren't known are conditions that can't be
  // told.
  static Result<FirewallRules> parse(std::string_view text);
  ~FirewallRules();
  FirewallRules(FirewallRules&&) noexcept;
  FirewallRules& operator=(FirewallRules&&) noexcept;

  FirewallVerdict judge(const FirewallPacket& packet) const;

 private:
  struct Impl;
  explicit FirewallRules(std::unique_ptr<Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace lanrage::agent
