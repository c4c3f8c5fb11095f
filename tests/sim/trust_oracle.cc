// What must hold in a simulated party, while it runs and in the end.
#include <algorithm>

#include "sim/trust_world.hpp"
#include "trust/fork.hpp"

namespace lanrage::trust_sim {

using namespace std::chrono_literals;
using trust::Topic;

void World::on_tick(const PeerId& a, const PeerId& b) {
  const auto* one = find(a);
  const auto* other = find(b);
  if (one == nullptr || other == nullptr) return;
  auto& seen = seen_[{a, b}];
  const bool same_lives = seen.life_a == one->life && seen.life_b == other->life;
  const bool together = one->online() && other->online() && !one->out && !other->out &&
                        tunnels_.knows(a, b) && tunnels_.knows(b, a);
  const bool session = together && tunnels_.has_session(a, b);
  if (same_lives && seen.session && together && !session)
    complain(one->name + " and " + other->name + " lost their session");
  if (!same_lives || !session) {
    seen.split_since.reset();
    seen.lacking.reset();
  }
  seen.life_a = one->life;
  seen.life_b = other->life;
  seen.session = session;
  if (session) check_heads_told(*one, *other);
}

// Whoever is behind learns it from the other, after a fetch that failed at the latest. Where
// neither log is the beginning of the other, both say so within 10 s.
void World::check_heads_told(const Player& a, const Player& b) {
  auto& seen = seen_[{a.id, b.id}];
  const auto& [shorter, longer] =
      std::minmax(a.trust->log(), b.trust->log(),
                  [](const auto& x, const auto& y) { return x.length() < y.length(); });
  if (longer.has(shorter.head())) {
    seen.split_since.reset();
    auto& lacking = seen.lacking;
    if (!lacking || shorter.has(lacking->first) || !longer.has(lacking->first))
      lacking = {longer.head(), timeline_.now()};
    else if (timeline_.now() > lacking->second + 45s)
      complain(a.name + " and " + b.name + " don't tell each other what one lacks");
    return;
  }
  seen.lacking.reset();
  if (!seen.split_since) seen.split_since = timeline_.now();
  if (timeline_.now() < *seen.split_since + 10s) return;
  for (const auto& [who, whom] : {std::pair{&a, &b}, std::pair{&b, &a}})
    if (!who->raised.contains({Topic::member_split, whom->id}))
      complain(who->name + " says nothing of another history of " + whom->name);
}

// What a deputy left out in the other history that the player has seen, as far as `whole` or to
// some record, nobody follows but to keep it out.
void World::check_overruled(const Player& player, std::span<const Bytes> other_log, bool whole) {
  const auto& log = player.trust->log();
  const std::span ours(log.records());
  const auto parted = std::ranges::mismatch(other_log, ours);
  const auto common = static_cast<std::size_t>(parted.in2 - ours.begin());
  if (common == other_log.size() || common == ours.size()) return;
  party::Ledger past(pooled_.made.id);
  for (const auto& record : ours.first(common))
    if (!past.append_trusted(record)) return complain("a log that doesn't replay");
  const auto rest = other_log.subspan(common);
  for (auto seen = whole ? rest.size() : 1; seen <= rest.size(); ++seen) {
    const auto out = trust::overruled(past, rest.first(seen), ours.subspan(common), log.ledger());
    const auto& kept = log.overruled();
    if (std::ranges::includes(kept.outcasts, out.outcasts) &&
        std::ranges::includes(kept.invites, out.invites))
      return;
  }
  complain(player.name + " doesn't keep out what another history left out");
}

// Who knows that an invite was revoked talks to nobody who joined by it later, whatever the server
// let in: also where the roster stands in a history that isn't followed, until the next one.
void World::check_revoked(const Player& player) {
  const auto& log = player.trust->log();
  for (const auto& revoked : revoked_) {
    if (!log.has(revoked.head) && !log.overruled().invites.contains(revoked.invite)) continue;
    for (const auto& row : player.trust->access()) {
      const auto* other = find(row.peer);
      if (other != nullptr && other->joined_by == revoked.invite && other->joined_at > revoked.at)
        complain(player.name + " lets " + other->name + " in by an invite that was revoked");
    }
  }
}

void World::check_revoked_end(const trust::VerifiedLog& log) {
  for (const auto& revoked : revoked_)
    for (const auto& player : players_)
      if (log.has(revoked.head) && player->joined_by == revoked.invite &&
          player->joined_at > revoked.at && log.ledger().member(player->id) != nullptr)
        complain(player->name + " is a member in the end, by an invite that was revoked");
}

// It may end at any time. (What costs little to compare; stop() compares all.)
void World::check_kept(const Player& player) {
  const auto& log = player.trust->log();
  const auto& keys = player.trust->keys();
  const auto& kept = *player.kept;
  if (kept.log.size() != log.length() || kept.overruled != log.overruled() ||
      kept.key != keys.newest() || kept.older.size() + 1 != keys.ids().size())
    complain(player.name + " doesn't keep what it believes");
}

// A session is renewed with the keys of both sides: nobody changes its own before the other has the
// new one.
void World::check_key_change(const Player& player, const trust::Access& access) {
  const auto* before = tunnels_.key(player.id, access.peer);
  const auto* other = find(access.peer);
  if (before == nullptr || *before == access.preshared_key) return;
  const bool knows_of_session = seen_[std::minmax(player.id, access.peer)].session &&
                                tunnels_.has_session(player.id, access.peer);
  if (!knows_of_session || other == nullptr || !other->online()) return;
  const auto has = [&](const Player& one, const Secret<32>& preshared) {
    const auto& keys = one.trust->keys();
    return std::ranges::any_of(keys.ids(), [&](const trust::KeyId& id) {
      return keys.find(id)->preshared_key(pooled_.made.id, player.keys.wireguard.public_key(),
                                          other->keys.wireguard.public_key()) == preshared;
    });
  };
  // Unless it had to, because there are too many newer ones.
  if (has(player, *before) && !has(*other, access.preshared_key))
    complain(player.name + " takes a key for " + other->name + " who doesn't have it");
}

void World::calm() {
  calm_ = true;
  if (server_ends_) {
    if (!honest_) be_honest();  // what it was given is known to somebody
    timeline_.run_until(timeline_.now() + 20s);
    say("the server is gone for good");
    server_.down = true;
    for (auto& player : players_)
      disconnect(*player);
  } else {
    be_honest();
  }
  say("calm");
  for (auto& player : players_)
    if (!player->online() && !player->out && !player->gone && player->kept) resume(*player);
  if (server_ends_) find_reachable();
  timeline_.run_until(timeline_.now() + 60s);
  if (!server_ends_) {
    // Histories in which nobody has decided since go on side by side: somebody decides.
    auto* governor = host();
    const auto able = governors();
    if (governor == nullptr && !able.empty()) governor = able.front();
    if (governor != nullptr) rotate(*governor, false);
  }
  // Without a server, whoever was away is found by turns.
  timeline_.run_until(timeline_.now() + (server_ends_ ? 1'500s : 400s));
}

// Without a server, whoever is behind hears of it from somebody whom it knows, who knows it, and
// who has a key in common with it. (A newcomer has none with who was away when the key changed.)
void World::find_reachable() {
  const auto longest = std::ranges::max_element(players_, {}, [](const auto& player) {
    return player->online() && !player->out ? player->trust->log().length() : 0;
  });
  if (!(*longest)->online()) return;
  const auto meet = [](const Player& a, const Player& b) {
    if (a.trust->ledger().member(b.id) == nullptr || b.trust->ledger().member(a.id) == nullptr)
      return false;
    return std::ranges::any_of(a.trust->keys().ids(),
                               [&](const auto& id) { return b.trust->keys().find(id) != nullptr; });
  };
  reachable_ = {(*longest)->id};
  for (std::size_t before = 0; before != reachable_.size();) {
    before = reachable_.size();
    for (const auto& player : players_)
      if (player->online() && !player->out &&
          std::ranges::any_of(reachable_, [&](const auto& id) { return meet(*find(id), *player); }))
        reachable_.insert(player->id);
  }
}

// The host has the root key, and nobody else whom it reaches. (Whose device broke, or who was
// removed by a history that lacks the charter that made it the host, has taken it along.)
void World::check_root_key(const party::Ledger& ledger, const std::vector<Player*>& members) {
  for (const auto& player : players_)
    if ((player->gone || player->out) && player->disk && player->disk->root) return;
  const auto* host = find(ledger.host_id());
  if (std::ranges::find(members, host) == members.end()) return;
  for (const auto* player : members)
    if ((player->trust->root().held() != nullptr) != (player == host))
      complain(player->name + (player == host ? " is the host and lacks the root key in the end"
                                              : " still has the root key in the end"));
}

void World::check_end() {
  std::vector<Player*> online;
  for (auto& player : players_)
    if (player->online() && !player->out) online.push_back(player.get());
  // The longest history; where the server is there, its own.
  const trust::VerifiedLog* longest = server_ends_ ? nullptr : &server_.view(0).log;
  for (const auto* player : online)
    if (server_ends_ && (longest == nullptr || player->trust->log().length() > longest->length()))
      longest = &player->trust->log();
  if (longest == nullptr) return;
  std::vector<Player*> members;
  for (auto* player : online)
    if (longest->ledger().member(player->id) != nullptr &&
        (!server_ends_ || reachable_.contains(player->id)))
      members.push_back(player);
  check_root_key(longest->ledger(), members);
  check_revoked_end(*longest);
  for (const auto* player : members) {
    const auto& trust = *player->trust;
    if (trust.log().head() != longest->head())
      complain(player->name + " has another log in the end: " +
               std::to_string(trust.log().length()) + " of " + std::to_string(longest->length()));
    if (!trust.key_is_current()) complain(player->name + " lacks the party key in the end");
    const bool alone = server_ends_ && members.size() == 1;
    if (!trust.confirmed() && !alone) complain(player->name + " isn't confirmed in the end");
    for (const auto* other : online) {
      const bool member = longest->ledger().member(other->id) != nullptr;
      if (player == other || (member && std::ranges::count(members, other) == 0)) continue;
      if (member && !trust.has_applied(other->id, longest->length()))
        complain(player->name + " doesn't know that " + other->name + " has all");
      if (!member && tunnels_.knows(player->id, other->id))
        complain(player->name + " still knows " + other->name + " who isn't a member");
      if (!member || player->id > other->id) continue;
      if (!tunnels_.keys_agree(player->id, other->id))
        complain(player->name + " and " + other->name +
                 " have different preshared keys in the end");
      else if (!tunnels_.has_session(player->id, other->id))
        complain(player->name + " and " + other->name + " have no tunnel in the end");
    }
  }
}

}  // namespace lanrage::trust_sim
