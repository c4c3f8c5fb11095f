#include "agent/firewall_rules.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/firewall_match.hpp"

namespace lanrage::agent {
namespace {

namespace json = boost::json;

constexpr int kMaxDepth = 16;  // NFT_JUMP_STACK_SIZE: the kernel lets no ruleset jump deeper

// Of family, table and name.
using Name = std::tuple<std::string_view, std::string_view, std::string_view>;

struct Rule {
  const json::array* statements;
  std::int64_t handle;
};

struct Chain {
  Name name;
  std::string_view hook;  // empty: only jumped to
  std::int64_t priority = 0;
  bool policy_drops = false;
  std::vector<Rule> rules;
};

struct Drop {
  const Chain* chain;
  std::optional<std::int64_t> rule;  // nothing: by policy
};

// What may become of a packet, as far as can be told; several at once where a condition can't be.
struct Outcome {
  bool accept = false;
  bool next = false;   // on to the next rule
  bool leave = false;  // back to the chain that jumped here
  std::optional<Drop> drop{};

  void add(const Outcome& other) {
    accept |= other.accept;
    next |= other.next;
    leave |= other.leave;
    if (!drop) drop = other.drop;
  }
};

std::int64_t integer_member(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  boost::system::error_code bad;
  const auto out = found != nullptr && found->is_number() ? found->to_number<std::int64_t>(bad) : 0;
  return bad ? 0 : out;
}

Name name_in(const json::value& item, std::string_view key) {
  return {text_member(item, "family"), text_member(item, "table"), text_member(item, key)};
}

bool is_one_of(std::string_view key, std::span<const std::string_view> keys) {
  return std::ranges::find(keys, key) != keys.end();
}

FirewallOwner owner_of(const Chain& chain) {
  const auto& [family, table, name] = chain.name;
  if (table == "firewalld") return FirewallOwner::firewalld;
  if (name.starts_with("ufw-")) return FirewallOwner::ufw;
  // iptables-nft keeps iptables' names of tables and of built-in chains.
  constexpr std::array<std::string_view, 5> kTables{"filter", "mangle", "raw", "security", "nat"};
  constexpr std::array<std::string_view, 5> kChains{"INPUT", "OUTPUT", "FORWARD", "PREROUTING",
                                                    "POSTROUTING"};
  const bool jumped_to = chain.hook.empty();
  if (family.starts_with("ip") && is_one_of(table, kTables) &&
      (jumped_to || is_one_of(name, kChains)))
    return FirewallOwner::iptables;
  return FirewallOwner::nftables;
}

}  // namespace

struct FirewallRules::Impl {
  json::value document;
  std::map<Name, Chain> chains;
  std::map<Name, const json::value*> elements;  // of sets and maps
  std::vector<const Chain*> base;               // by priority

  void index();
  void add(std::string_view kind, const json::value& item);
};

void FirewallRules::Impl::add(std::string_view kind, const json::value& item) {
  if (kind == "chain") {
    auto& chain = chains[name_in(item, "name")];
    chain.name = name_in(item, "name");
    chain.hook = text_member(item, "hook");
    chain.priority = integer_member(item, "prio");
    chain.policy_drops = text_member(item, "policy") == "drop";
    // Chains that translate addresses drop nothing.
    if (!chain.hook.empty() && text_member(item, "type") != "nat") base.push_back(&chain);
  } else if (kind == "set" || kind == "map") {
    if (const auto* elem = member(item, "elem")) elements[name_in(item, "name")] = elem;
  } else if (kind == "rule") {
    const auto found = chains.find(name_in(item, "chain"));
    const auto* expr = member(item, "expr");
    if (found != chains.end() && expr != nullptr && expr->is_array())
      found->second.rules.push_back({&expr->get_array(), integer_member(item, "handle")});
  }
}

void FirewallRules::Impl::index() {
  const auto& items = document.get_object().at("nftables").get_array();
  for (const auto* kinds : {"chain", "rule"})
    for (const auto& item : items) {
      const auto* object = item.if_object();
      if (object == nullptr || object->empty()) continue;
      const std::string_view kind = object->begin()->key();
      if ((kind == "rule") == (std::string_view(kinds) == "rule"))
        add(kind, object->begin()->value());
    }
  std::ranges::sort(base, {}, &Chain::priority);
}

namespace {

// One packet's way through the rules.
class Walk {
 public:
  Walk(const std::map<Name, Chain>& chains, const std::map<Name, const json::value*>& elements,
       const FirewallPacket& packet)
      : chains_(chains), elements_(elements), packet_(packet) {}

  Outcome base(const Chain& chain) {
    auto out = through(chain, 0);
    if (out.leave && !chain.policy_drops) out.accept = true;
    if (out.leave && chain.policy_drops && !out.drop) out.drop = Drop{&chain, std::nullopt};
    return out;
  }

 private:
  Outcome through(const Chain& chain, int depth) {
    Outcome out;
    for (const auto& rule : chain.rules) {
      if (++steps_ > kMaxRuleSteps) {  // can't be told
        out.add({.accept = true, .leave = true, .drop = Drop{&chain, rule.handle}});
        return out;
      }
      auto done = apply(chain, rule, depth);
      const bool next = std::exchange(done.next, false);
      out.add(done);
      if (!next) return out;
    }
    out.leave = true;
    return out;
  }

  Outcome apply(const Chain& chain, const Rule& rule, int depth) {
    Outcome out;  // of the packets that no condition has sent on
    for (const auto& item : *rule.statements) {
      const auto* object = item.if_object();
      if (object == nullptr || object->empty()) continue;
      const std::string_view kind = object->begin()->key();
      const auto& statement = object->begin()->value();
      const auto match = condition(chain, rule, kind, statement);
      if (match == Match::no) {
        out.next = true;
        return out;
      }
      if (match == Match::maybe) out.next = true;
      if (kind == "vmap") {
        out.add(mapped(chain, rule, statement, depth));
        return out;
      }
      if (const auto end = verdict(chain, rule, kind, statement, depth)) {
        out.add(*end);
        return out;
      }
    }
    out.next = true;
    return out;
  }

  Match condition(const Chain& chain, const Rule& rule, std::string_view kind,
                  const json::value& statement) const {
    if (kind == "match") return match_statement(statement, packet_, named(chain));
    if (kind == "limit") {
      // One packet is below any limit.
      const auto* over = member(statement, "inv");
      return over != nullptr && over->is_bool() && over->get_bool() ? Match::no : Match::yes;
    }
    if (kind == "xt") {
      if (text_member(statement, "type") == "target") return Match::yes;
      const auto name = text_member(statement, "name");
      return name == "conntrack" || name == "state" ? by_state(rule) : Match::maybe;
    }
    constexpr std::array<std::string_view, 17> kNoConditions{
        "accept", "drop",    "reject", "jump",    "goto", "return", "continue", "vmap",   "counter",
        "log",    "comment", "mangle", "notrack", "set",  "map",    "last",     "secmark"};
    return is_one_of(kind, kNoConditions) ? Match::yes : Match::maybe;
  }

  // iptables' matches of states are told by name alone. Everybody writes the same three rules with
  // them: let in what is established, let new ones in to some port, drop what is invalid.
  Match by_state(const Rule& rule) const {
    bool about_port = false;
    for (const auto& item : *rule.statements) {
      if (const auto* match = member(item, "match"))
        if (const auto* left = member(*match, "left"))
          if (const auto* payload = member(*left, "payload"))
            about_port |= text_member(*payload, "field") == "dport";
      const auto* target = member(item, "xt");
      if (member(item, "drop") != nullptr || member(item, "reject") != nullptr ||
          (target != nullptr && is_drop(text_member(*target, "name"))))
        return Match::no;
    }
    return about_port || packet_.established ? Match::yes : Match::no;
  }

  static bool is_drop(std::string_view target) { return target == "REJECT" || target == "DROP"; }

  // Nothing where the statement doesn't end its rule.
  std::optional<Outcome> verdict(const Chain& chain, const Rule& rule, std::string_view kind,
                                 const json::value& statement, int depth) {
    const Drop here{&chain, rule.handle};
    if (kind == "accept") return Outcome{.accept = true};
    if (kind == "drop" || kind == "reject") return Outcome{.drop = here};
    if (kind == "return") return Outcome{.leave = true};
    if (kind == "continue") return Outcome{.next = true};
    if (kind == "queue") return Outcome{.accept = true, .drop = here};  // a program decides
    if (kind == "jump") return into(chain, statement, depth, &Outcome::next);
    if (kind == "goto") return into(chain, statement, depth, &Outcome::leave);
    // What iptables-nft has no words of nftables for.
    if (kind == "xt" && is_drop(text_member(statement, "name"))) return Outcome{.drop = here};
    return std::nullopt;
  }

  // `after`: where the packet is once the other chain has nothing more to say.
  Outcome into(const Chain& chain, const json::value& statement, int depth, bool Outcome::* after) {
    const auto& [family, table, name] = chain.name;
    const auto target = chains_.find({family, table, text_member(statement, "target")});
    Outcome out;
    if (target == chains_.end() || depth >= kMaxDepth)
      out.leave = true;
    else
      out = through(target->second, depth + 1);
    const bool back = std::exchange(out.leave, false);
    out.*after |= back;
    return out;
  }

  Outcome mapped(const Chain& chain, const Rule& rule, const json::value& statement, int depth) {
    Outcome out;
    bool decided = false;
    for (const auto& [match, entry] : verdicts_of_map(statement, packet_, named(chain))) {
      decided |= match == Match::yes;
      const auto* object = entry->if_object();
      if (object == nullptr || object->empty()) continue;
      const auto end =
          verdict(chain, rule, object->begin()->key(), object->begin()->value(), depth);
      out.add(end.value_or(Outcome{.next = true}));
    }
    if (!decided) out.next = true;
    return out;
  }

  NamedElements named(const Chain& chain) const {
    return [this, &chain](std::string_view name) -> const json::value* {
      const auto& [family, table, own] = chain.name;
      const auto found = elements_.find({family, table, name});
      return found != elements_.end() ? found->second : nullptr;
    };
  }

  const std::map<Name, Chain>& chains_;
  const std::map<Name, const json::value*>& elements_;
  const FirewallPacket& packet_;
  std::size_t steps_ = 0;
};

FirewallVerdict verdict_of(Passage passage, const Chain& base, const Drop& drop) {
  const auto& [family, table, name] = drop.chain->name;
  FirewallVerdict out{passage,
                      owner_of(*drop.chain),
                      std::string(family),
                      std::string(table),
                      std::string(std::get<2>(base.name)),
                      std::string(name),
                      {}};
  out.place = "table " + out.family + " " + out.table + ", chain " + std::string(name) +
              (drop.rule ? ", rule with handle " + std::to_string(*drop.rule) : ", by its policy");
  return out;
}

}  // namespace

Result<FirewallRules> FirewallRules::parse(std::string_view text) {
  if (text.size() > kMaxRuleset)
    return fail(FirewallErrc::too_large, "the firewall's ruleset is larger than 4 MiB");
  auto impl = std::make_unique<Impl>();
  boost::system::error_code bad;
  impl->document = json::parse(text, bad);
  const auto* items = bad ? nullptr : member(impl->document, "nftables");
  if (items == nullptr || !items->is_array())
    return fail(FirewallErrc::malformed, "nft's listing is no JSON of its documented form");
  impl->index();
  return FirewallRules(std::move(impl));
}

FirewallRules::FirewallRules(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FirewallRules::~FirewallRules() = default;
FirewallRules::FirewallRules(FirewallRules&&) noexcept = default;
FirewallRules& FirewallRules::operator=(FirewallRules&&) noexcept = default;

FirewallVerdict FirewallRules::judge(const FirewallPacket& packet) const {
  constexpr std::array<std::string_view, 2> kIn{"prerouting", "input"};
  constexpr std::array<std::string_view, 2> kOut{"output", "postrouting"};
  const std::string_view own_family = packet.is_v6() ? "ip6" : "ip";
  FirewallVerdict out;
  Walk walk(impl_->chains, impl_->elements, packet);
  for (const auto hook : packet.incoming ? kIn : kOut)
    for (const auto* chain : impl_->base) {
      const auto& [family, table, name] = chain->name;
      // Ours drop late relayed packets of single sessions, and what a party's LAN isn't for.
      const bool ours = table.starts_with("lanrage_");
      if (chain->hook != hook || ours || (family != "inet" && family != own_family)) continue;
      const auto end = walk.base(*chain);
      if (!end.drop) continue;
      if (!end.accept) return verdict_of(Passage::blocked, *chain, *end.drop);
      if (out.passage == Passage::open) out = verdict_of(Passage::uncertain, *chain, *end.drop);
    }
  return out;
}

}  // namespace lanrage::agent
