#include "sim/trust_world.hpp"

#include <algorithm>

#include "trust/hand_back.hpp"

namespace lanrage::trust_sim {

using namespace std::chrono_literals;

World::World(std::uint64_t seed, bool trace)
    : timeline_(seed),
      tracing_(trace),
      pooled_(Pool::get().parties[seed % Pool::get().parties.size()]),
      server_(pooled_.sizes[seed / 4 % pooled_.sizes.size()].ledger,
              pooled_.sizes[seed / 4 % pooled_.sizes.size()].log, pooled_.made.boxes),
      tunnels_(timeline_,
               {[this](const PeerId& at, const PeerId& with) {
                  if (auto* player = find(at); player != nullptr && player->online())
                    take(*player, player->trust->on_handshake(timeline_.now(), with));
                },
                [this](const PeerId& to, const PeerId& from, const Bytes& datagram) {
                  if (auto* player = find(to); player != nullptr && player->online())
                    hear(*player, from, datagram);
                },
                [this](const PeerId& a, const PeerId& b) { on_tick(a, b); },
                [this](const PeerId& a, const PeerId& b) { seen_[{a, b}].session = false; }}),
      invites_{pooled_.invite},
      revokes_(timeline_.chance(40)),
      server_ends_(timeline_.chance(30)) {
  tunnels_.loss = timeline_.random.below(11);
  tunnels_.delay = timeline_.between(5ms, 80ms);
  const auto& size = pooled_.sizes[seed / 4 % pooled_.sizes.size()];
  for (std::size_t device = 0; device < size.ledger.members().size(); ++device) {
    auto& player = add_player(device);
    start(player, size.ledger, size.log, trust::KeyRing(pooled_.made.id, pooled_.made.key), true,
          {}, device == 0 ? std::optional(pooled_.made.root) : std::nullopt);
    connect(player);
  }
}

void World::run() {
  const auto actions = 4 + timeline_.random.below(6);
  Duration when = 20s;
  for (std::uint64_t n = 0; n < actions; ++n) {
    when += timeline_.chance(25) ? timeline_.between(0s, 200ms) : timeline_.between(1s, 90s);
    timeline_.in(when, [this] { act(); });
  }
  if (timeline_.chance(70))
    timeline_.in(timeline_.between(15s, when), [this] { disturb_server(); });
  if (timeline_.chance(30))
    timeline_.in(timeline_.between(0s, when), [this] { server_.back_up(); });
  timeline_.run_until(timeline_.now() + when + 30s);
  calm();
  check_end();
}

// ---- players

Player& World::add_player(std::size_t device) {
  players_.push_back(
      std::make_unique<Player>(Pool::get().devices[device], "player " + std::to_string(device)));
  players_.back()->clock_error = std::chrono::hours(timeline_.random.below(49)) - 24h;
  return *players_.back();
}

Player* World::find(const PeerId& id) {
  for (auto& player : players_)
    if (player->id == id) return player.get();
  return nullptr;
}

void World::start(Player& player, party::Ledger ledger, std::vector<Bytes> log, trust::KeyRing keys,
                  bool fresh, trust::Overruled overruled, std::optional<crypto::SigningKey> root) {
  ++player.life;
  player.writing = false;
  tunnels_.bring_up(player.id);
  player.trust = std::make_unique<trust::PartyTrust>(
      timeline_.now(),
      trust::PartyTrust::Device{player.id, player.keys.box, player.keys.wireguard.public_key(),
                                std::move(root)},
      std::move(ledger), std::move(log), std::move(keys), fresh, timeline_.random,
      std::move(overruled));
  player.disk = player.kept = believed(player);
  trust::Effects first;
  first.access_changed = true;
  take(player, first);
}

void World::resume(Player& player) {
  say(player.name + " is back");
  party::Ledger ledger(pooled_.made.id);
  for (const auto& record : player.disk->log)
    if (!ledger.append_trusted(record)) return complain(player.name + " kept a damaged log");
  std::optional<crypto::SigningKey> root;
  if (player.disk->root) root = crypto::SigningKey::from_seed(*player.disk->root);
  start(player, std::move(ledger), player.disk->log,
        trust::KeyRing(pooled_.made.id, player.disk->key, player.disk->older), false,
        player.disk->overruled, std::move(root));
  later(player, timeline_.between(100ms, 2s), [this, &player] { connect(player); });
}

void World::stop(Player& player) {
  if (!player.online()) return;
  say(player.name + " stops");
  if (player.kept != believed(player)) complain(player.name + " didn't keep what it believes");
  ++player.life;
  disconnect(player);
  tunnels_.bring_down(player.id);
  player.trust.reset();
  player.timer.reset();
}

void World::later(Player& player, Duration time, std::function<void()> then) {
  timeline_.in(time, [&player, life = player.life, then = std::move(then)] {
    if (player.online() && player.life == life) then();
  });
}

Player::Kept World::believed(const Player& player) {
  const auto& trust = *player.trust;
  const auto* root = trust.root().held();
  return {trust.log().records(), trust.keys().newest(), trust.keys().older(),
          trust.log().overruled(), root == nullptr ? std::nullopt : std::optional(root->seed())};
}

// Whoever stops before has the state of before.
void World::write(Player& player) {
  if (std::exchange(player.writing, true)) return;
  later(player, timeline_.between(0ms, 200ms), [this, &player] {
    player.writing = false;
    player.disk = player.kept;
    take(player, player.trust->on_stored(timeline_.now()));
  });
}

void World::hear(Player& player, const PeerId& from, const Bytes& datagram) {
  const auto before = player.trust->log().head();
  const auto effects = player.trust->on_datagram(timeline_.now(), from, datagram);
  const bool told = std::ranges::any_of(effects.findings, [](const trust::Finding& finding) {
    return finding.topic == trust::Topic::member_split;
  });
  if (!told && !player.trust->log().has(before))
    complain(player.name + " follows another history and says nothing of it");
  take(player, effects);
}

void World::take(Player& player, const trust::Effects& effects) {
  if (effects.keep) {
    const auto before = std::exchange(player.kept, believed(player));
    write(player);
    check_overruled(player, before->log, true);
  } else {
    check_kept(player);
  }
  for (const auto& send : effects.sends)
    tunnels_.send(player.id, send.to, send.datagram);
  for (const auto& finding : effects.findings) {
    if (finding.raised) player.raised[{finding.topic, finding.member}] = timeline_.now();
    const auto* other = find(finding.member);
    if (finding.raised && finding.topic == trust::Topic::member_split && other != nullptr &&
        other->online())
      check_overruled(player, other->trust->log().records(), false);
    if (tracing_)
      say(player.name + (finding.raised ? " raises " : " heals ") +
          std::to_string(static_cast<int>(finding.topic)) + " " + finding.detail);
    if (finding.topic == trust::Topic::server_record_refused)
      complain(player.name + " was sent no forged record by the server: " + finding.detail);
    if (finding.topic == trust::Topic::member_record_refused)
      complain(player.name + " was sent no forged record by a member: " + finding.detail);
    const bool lacks =
        finding.topic == trust::Topic::server_behind || finding.topic == trust::Topic::server_split;
    if (lacks && finding.raised) later(player, 1s, [this, &player] { hand_back(player); });
  }
  if (effects.removed) {
    say(player.name + " was removed");
    player.out = true;
    const auto life = player.life;
    timeline_.in(0s, [this, &player, life] {
      if (player.life == life) stop(player);
    });
  }
  if (effects.want_snapshot && player.linked)
    later(player, timeline_.between(10ms, 200ms), [this, &player, link = player.link] {
      if (player.link == link && player.linked) show_snapshot(player, false);
    });
  if (effects.access_changed) {
    Tunnels::Peers peers;
    for (const auto& row : player.trust->access()) {
      check_key_change(player, row);
      peers.emplace(row.peer, row.preshared_key);
    }
    check_revoked(player);
    tunnels_.configure(player.id, std::move(peers));
  }
  set_timer(player);
}

void World::set_timer(Player& player) {
  const auto due = player.trust->next_timeout(timeline_.now());
  if (!due || (player.timer && *player.timer <= *due)) return;
  player.timer = std::max(*due, timeline_.now());
  timeline_.at(*player.timer, [this, &player, life = player.life, when = *player.timer] {
    if (player.life != life || player.timer != when) return;
    player.timer.reset();
    take(player, player.trust->on_timeout(timeline_.now()));
  });
}

// ---- links to the server

void World::connect(Player& player) {
  if (server_.down || player.linked || player.out) return;
  player.linked = true;
  ++player.link;
  player.trust->on_new_link();
  show_snapshot(player, true);
}

void World::disconnect(Player& player) {
  if (!player.linked) return;
  player.linked = false;
  ++player.link;
  player.trust->on_link_lost();
}

void World::show_snapshot(Player& player, bool caught_up) {
  const auto& view = server_.view(player.view);
  const auto box = view.boxes.find(player.keys.box.public_key());
  const auto sealed = box == view.boxes.end() ? std::nullopt : std::optional(box->second);
  player.last_told = std::max(player.last_told, timeline_.now() + timeline_.between(5ms, 100ms));
  later(player, player.last_told - timeline_.now(),
        [this, &player, caught_up, sealed, link = player.link, seq = view.seq,
         log = view.log.records(), incarnation = std::to_string(server_.incarnation)] {
          if (player.link != link) return;
          take(player, player.trust->on_snapshot(timeline_.now(), log, seq, incarnation, sealed));
          if (caught_up) take(player, player.trust->on_caught_up(timeline_.now(), seq));
          // It may have been told so by a server that took nothing back then.
          if (player.trust->has_open(trust::Topic::server_behind))
            later(player, 1s, [this, &player] { hand_back(player); });
        });
}

void World::tell(std::size_t view, const Server::Commit& commit, const Player* author) {
  for (auto& entry : players_) {
    auto& player = *entry;
    if (!player.linked || player.view != view) continue;
    std::optional<Bytes> box;
    for (const auto& sealed : commit.boxes)
      if (&player == author && sealed.recipient == player.keys.box.public_key()) box = sealed.box;
    auto when = timeline_.now() + timeline_.between(5ms, 150ms);
    const bool out_of_order = !honest_ && timeline_.chance(20);
    if (!out_of_order) when = player.last_told = std::max(player.last_told, when);
    later(player, when - timeline_.now(),
          [this, &player, box, link = player.link, seq = server_.view(view).seq,
           records = commit.records] {
            if (player.link == link)
              take(player, player.trust->on_event(timeline_.now(), seq, records, box));
          });
  }
}

// What the server lacks; an honest one takes it back.
void World::hand_back(Player& player) {
  if (!player.linked || !honest_ || player.view != 0) return;
  auto& view = server_.view(0);
  if (!server_.take_back(view, player.trust->log().records())) return;
  // With boxes for the roster that the server had none for: all of it fits one piece here.
  const auto& trust = *player.trust;
  if (const auto back = trust::next_hand_back(timeline_.random, trust.log(), trust.keys(), 0))
    for (const auto& box : back->boxes)
      view.boxes[box.recipient] = box.box;
  say(player.name + " hands back what the server lacked");
  show_all();
}

void World::show_all() {
  for (auto& player : players_)
    if (player->linked) show_snapshot(*player, false);
}

void World::say(const std::string& what) {
  if (!tracing_) return;
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(timeline_.now().time_since_epoch())
          .count() -
      1'000'000;
  trace_.push_back(std::to_string(ms) + " ms: " + what);
}

void World::complain(const std::string& what) {
  say("COMPLAINT " + what);
  if (!complaint_) complaint_ = what;
}

}  // namespace lanrage::trust_sim
