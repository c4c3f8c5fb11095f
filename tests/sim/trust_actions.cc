// What members of a simulated party and its server do.
#include <algorithm>

#include "sim/trust_world.hpp"

namespace lanrage::trust_sim {

using namespace std::chrono_literals;

Player* World::anybody(const std::function<bool(const Player&)>& fits) {
  std::vector<Player*> found;
  for (auto& player : players_)
    if (fits(*player)) found.push_back(player.get());
  return found.empty() ? nullptr : found[timeline_.random.below(found.size())];
}

UnixTime World::clock(const Player& player) const {
  return kStart + player.clock_error;
}

const crypto::SigningKey* World::signer(const Player& player) const {
  if (const auto* root = player.trust->root().root()) return root;
  const auto& ledger = player.trust->ledger();
  return ledger.may_govern(player.keys.identity.public_key()) ? &player.keys.identity : nullptr;
}

std::vector<Player*> World::governors() {
  std::vector<Player*> out;
  for (auto& player : players_)
    if (player->online() && !player->out && player->trust->ledger().member(player->id) != nullptr &&
        signer(*player) != nullptr)
      out.push_back(player.get());
  return out;
}

// Again with the server's present log when it says that ours is old, and later when it is away.
void World::command(Player& player, const std::string& what, Make make, std::function<void()> done,
                    int tries) {
  if (!player.online() || player.out || tries == 0) return;
  const auto again = [=, this, &player](Duration after) {
    later(player, after, [=, this, &player] { command(player, what, make, done, tries - 1); });
  };
  if (!player.linked) return again(10s);
  auto commit = make(player);
  if (!commit) return again(5s);
  later(player, timeline_.between(5ms, 100ms), [=, this, &player, link = player.link] {
    if (player.link != link) return again(5s);
    auto& view = server_.view(player.view);
    const auto refused = server_.commit(view, *commit);
    say(player.name + " " + what + " in view " + std::to_string(player.view) + ": " +
        refused.value_or("done"));
    if (!refused) {
      if (server_.changed_history())
        show_all();
      else
        tell(player.view, *commit, &player);
      if (done) done();
    } else {
      show_snapshot(player, false);
      again(timeline_.between(300ms, 2s));
    }
  });
}

void World::join(Player& player, std::size_t view_number, int tries) {
  if (tries == 0 || player.online() || player.out) return;
  const auto again = [=, this, &player](Duration after) {
    timeline_.in(after, [=, this, &player] { join(player, view_number, tries - 1); });
  };
  if (server_.down || view_number >= server_.views()) return again(10s);
  const auto& view = server_.view(view_number);
  const auto ledger = view.log.ledger();
  for (const auto& invite : invites_) {
    const auto* state = ledger.invite(invite.id());
    const auto box = view.boxes.find(invite.box.public_key());
    if (state == nullptr || state->used_up() || box == view.boxes.end()) continue;
    auto key = party::recover_party_key(ledger, invite.box, box->second);
    if (!key) continue;
    const auto vip = ledger.suggest_vip(player.id).value();
    const Server::Commit commit{
        {party::build_admission(ledger, invite, player.keys),
         party::build_statement(ledger, player.keys.identity, "guest", vip).value()},
        {},
        {}};
    timeline_.in(timeline_.between(5ms, 200ms), [=, this, &player] {
      if (server_.down || view_number >= server_.views()) return again(10s);
      auto& now = server_.view(view_number);
      const auto refused = server_.commit(now, commit);
      say(player.name + " joins view " + std::to_string(view_number) + ": " +
          refused.value_or("done"));
      if (refused) return again(1s);
      tell(view_number, commit, nullptr);
      player.view = view_number;
      player.joined_by = invite.id();
      player.joined_at = timeline_.now();
      start(player, now.log.ledger(), now.log.records(), trust::KeyRing(pooled_.made.id, *key),
            true);
      connect(player);
    });
    return;
  }
  // Nobody can join at present: those who govern make a new invite.
  if (const auto able = governors(); !able.empty()) invite(*able[0]);
  again(5s);
}

void World::invite(Player& governor) {
  command(
      governor, "invites",
      [this](Player& player) -> std::optional<Server::Commit> {
        const auto* key = signer(player);
        if (key == nullptr) return std::nullopt;
        party::InviteOptions options;
        options.lifetime = 100 * 24h;
        auto made =
            party::build_invite(timeline_.random, player.trust->ledger(),
                                player.trust->keys().newest(), *key, options, clock(player));
        if (!made) return std::nullopt;
        invites_.push_back(party::invite_keys(made->secret, pooled_.made.id));
        return Server::Commit{{made->record}, {made->box}, {}};
      },
      nullptr, 4);
}

void World::rotate(Player& governor, bool kick) {
  if (server_ends_ && rotations_ >= 4) return;
  ++rotations_;
  std::optional<PeerId> victim;
  if (kick) {
    const auto* by = signer(governor);
    const auto& ledger = governor.trust->ledger();
    const auto* chosen = anybody([&](const Player& player) {
      const auto* member = ledger.member(player.id);
      if (member == nullptr || player.id == ledger.host_id() || &player == &governor) return false;
      return by == governor.trust->root().root() || !ledger.may_govern(member->identity);
    });
    if (chosen != nullptr) victim = chosen->id;
  }
  command(
      governor, victim ? "kicks " + find(*victim)->name : "rotates",
      [this, victim](Player& player) {
        party::RotationOptions options;
        if (victim && player.trust->ledger().member(*victim) != nullptr)
          options.remove.insert(*victim);
        return rotation(player, std::move(options));
      },
      nullptr);
}

// A roster of the player's, which besides keeps out what another history left out.
std::optional<Server::Commit> World::rotation(const Player& player,
                                              party::RotationOptions options) {
  const auto* key = signer(player);
  const auto& ledger = player.trust->ledger();
  if (key == nullptr) return std::nullopt;
  const auto& log = player.trust->log();
  for (const auto& invite : log.overruled().invites)
    if (ledger.invite(invite) != nullptr) options.revoke.insert(invite);
  for (const auto& id : log.overruled().outcasts)
    if (const auto* member = ledger.member(id);
        member != nullptr &&
        (key == player.trust->root().root() || !ledger.may_govern(member->identity)))
      options.remove.insert(id);
  auto made = party::build_rotation(timeline_.random, ledger, *key, options, clock(player));
  if (!made) return std::nullopt;
  return Server::Commit{{made->roster},
                        made->boxes,
                        log.in_step() || !honest_ ? std::vector<Bytes>{} : log.records()};
}

void World::revoke(Player& governor) {
  const auto& known = governor.trust->ledger().invites();
  if (known.empty() || (server_ends_ && rotations_ >= 4)) return;
  ++rotations_;
  const auto chosen =
      std::next(known.begin(), static_cast<std::ptrdiff_t>(timeline_.random.below(known.size())));
  const auto invite = chosen->first;
  const auto before = std::make_shared<std::optional<party::Ledger>>();
  command(
      governor, "revokes an invite",
      [=, this](Player& player) -> std::optional<Server::Commit> {
        if (player.trust->ledger().invite(invite) == nullptr) return std::nullopt;
        *before = player.trust->ledger();
        return rotation(player, {{}, {invite}});
      },
      [=, this, &governor] {
        revoked_.push_back(
            {invite, timeline_.now(), server_.view(governor.view).log.head(), **before});
      });
}

// Somebody who kept a revoked invite tries it, with what it saw of the party before and with what
// there is of it now: neither a server nor a member takes it that knows of the roster.
void World::knock() {
  if (revoked_.empty() || players_.size() >= kDevices) return;
  const auto& revoked = revoked_[timeline_.random.below(revoked_.size())];
  const auto invite = std::ranges::find(invites_, revoked.invite, &party::InviteKeys::id);
  const auto& device = Pool::get().devices[players_.size()];
  std::vector<const trust::VerifiedLog*> logs;
  for (std::size_t n = 0; n < server_.views(); ++n)
    logs.push_back(&server_.view(n).log);
  for (const auto& player : players_)
    if (player->online()) logs.push_back(&player->trust->log());
  for (const auto* log : logs) {
    if (!log->has(revoked.head) || log->ledger().closed()) continue;
    for (const auto* seen : {&revoked.before, &log->ledger()})
      if (log->ledger().judge(party::build_admission(*seen, *invite, device)))
        complain("a revoked invite still admits");
  }
}

void World::leave(Player& player) {
  command(
      player, "leaves",
      [](Player& who) -> std::optional<Server::Commit> {
        if (who.trust->ledger().member(who.id) == nullptr) return std::nullopt;
        return Server::Commit{{party::build_leave(who.trust->ledger(), who.keys.identity)}, {}, {}};
      },
      [this, &player] {
        player.out = true;
        stop(player);
      });
}

void World::promote() {
  auto* by = host();
  if (by == nullptr) return;
  command(
      *by, "names deputies",
      [this](Player& player) -> std::optional<Server::Commit> {
        const auto* key = player.trust->root().root();
        if (key == nullptr) return std::nullopt;
        std::set<PeerId> deputies;
        for (const auto& [id, member] : player.trust->ledger().members())
          if (id != player.id && timeline_.chance(50)) deputies.insert(id);
        auto made = party::build_charter(player.trust->ledger(), *key, {std::nullopt, deputies});
        if (!made) return std::nullopt;
        return Server::Commit{{*made}, {}, {}};
      },
      nullptr);
}

Player* World::host() {
  return anybody([](const Player& player) {
    return player.online() && !player.out && player.trust->root().root() != nullptr;
  });
}

// As an agent does it: the key first, and the charter when that is kept.
void World::hand_over() {
  auto* by = host();
  const auto* to = anybody([by](const Player& player) {
    return by != nullptr && &player != by && player.online() && !player.out &&
           by->trust->ledger().member(player.id) != nullptr;
  });
  if (to == nullptr) return;
  say(by->name + " offers the root key to " + to->name);
  take(*by, by->trust->offer_root(timeline_.now(), to->id));
  name_host(*by, to->id, 100);
}

void World::name_host(Player& host, const PeerId& next, int looks) {
  later(host, 100ms, [=, this, &host] {
    if (!host.trust->root().taken() && looks > 0) return name_host(host, next, looks - 1);
    const bool taken = host.trust->root().taken();
    host.trust->withdraw_root();
    if (!taken) return;
    command(
        host, "hands the party over to " + find(next)->name,
        [next](Player& player) -> std::optional<Server::Commit> {
          const auto* key = player.trust->root().root();
          if (key == nullptr) return std::nullopt;
          auto made = party::build_charter(player.trust->ledger(), *key, {next, std::nullopt});
          if (!made) return std::nullopt;
          return Server::Commit{{*made}, {}, {}};
        },
        nullptr);
  });
}

void World::act() {
  const auto able = governors();
  if (revokes_ && timeline_.chance(30)) {
    if (timeline_.chance(30) || able.empty()) return knock();
    return revoke(*able[timeline_.random.below(able.size())]);
  }
  const auto choice = timeline_.random.below(100);
  if (choice < 25 && players_.size() < kDevices) {
    auto& player = add_player(players_.size());
    return join(player, timeline_.random.below(server_.views()));
  }
  if (choice < 45 && !able.empty())
    return rotate(*able[timeline_.random.below(able.size())], timeline_.chance(50));
  if (choice < 60) {  // all at once
    for (std::size_t n = 0; n < std::min<std::size_t>(able.size(), 2); ++n)
      rotate(*able[n], timeline_.chance(30));
    return;
  }
  if (choice < 66) return promote();
  if (choice < 72) return hand_over();
  auto* player = anybody([](const Player& one) { return one.online() && !one.out; });
  if (player == nullptr) return;
  if (choice < 78 && player->trust->root().held() == nullptr) return leave(*player);
  stop(*player);
  if (timeline_.chance(20)) {
    player->gone = true;
    return;
  }
  timeline_.in(timeline_.between(2s, timeline_.chance(50) ? 20s : 600s), [this, player] {
    if (!player->online() && !player->out) resume(*player);
  });
}

void World::disturb_server() {
  const auto choice = timeline_.random.below(server_ends_ ? 2 : 4);
  honest_ = false;
  std::vector<Player*> others;
  for (auto& player : players_)
    if (timeline_.chance(40)) others.push_back(player.get());
  switch (choice) {
    case 0:
      say("the server goes down");
      server_.down = true;
      for (auto& player : players_)
        disconnect(*player);
      break;
    case 1:
    case 2: {
      const auto view = server_.fork(choice == 1);
      for (auto* player : others) {
        say("the server shows " + player->name +
            (choice == 1 ? " nothing new" : " a second history"));
        player->view = view;
      }
      if (choice == 2 && timeline_.chance(80)) duel(view);
      break;
    }
    default:
      say("the server is restored from a backup");
      server_.restore();
      for (auto& player : players_)
        disconnect(*player);
      for (auto& player : players_)
        if (player->online())
          later(*player, timeline_.between(1s, 30s), [this, &one = *player] { connect(one); });
      honest_ = true;
      return;
  }
  timeline_.in(timeline_.between(20s, 240s), [this] { be_honest(); });
}

// While the host is away, two deputies are shown different things and each removes somebody; or one
// revokes an invite, by which somebody then joins where the other one is.
void World::duel(std::size_t view) {
  stop(*players_[0]);
  timeline_.in(timeline_.between(30s, 300s), [this] {
    if (!players_[0]->online() && !players_[0]->out) resume(*players_[0]);
  });
  players_[1]->view = 0;
  players_[2]->view = view;
  const auto* revoking = revokes_ ? players_[1 + timeline_.random.below(2)].get() : nullptr;
  // With a revocation at the same moment, before one hears of the other's roster.
  const auto moment = timeline_.between(0s, 20s);
  for (auto* deputy : {players_[1].get(), players_[2].get()})
    later(*deputy, revokes_ ? moment + timeline_.between(0ms, 100ms) : timeline_.between(0s, 20s),
          [this, deputy, revoking] {
            if (deputy == revoking) return revoke(*deputy);
            rotate(*deputy, true);
          });
  if (revoking == nullptr || players_.size() >= kDevices) return;
  auto& newcomer = add_player(players_.size());
  timeline_.in(moment + timeline_.between(1s, 10s),
               [=, this, &newcomer] { join(newcomer, revoking == players_[1].get() ? view : 0); });
}

void World::be_honest() {
  if (honest_) return;
  say("the server is honest again");
  honest_ = true;
  server_.down = false;
  for (auto& player : players_) {
    disconnect(*player);
    player->view = 0;
    if (player->online())
      later(*player, timeline_.between(0s, 3s), [this, &one = *player] { connect(one); });
  }
  server_.forget_forks();
}

}  // namespace lanrage::trust_sim
