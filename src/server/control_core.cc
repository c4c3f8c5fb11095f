#include "server/control_core.hpp"

#include <utility>

namespace lanrage::server {

namespace {

constexpr std::chrono::seconds kCheckInterval{1};
// Further than this off within a cleanup interval, a calendar clock was set, or the machine slept.
constexpr std::chrono::minutes kClockWasSet{5};

Duration offset_of(const Clock& clock) {
  return std::chrono::duration_cast<Duration>(clock.unix_time().time_since_epoch()) -
         clock.monotonic().time_since_epoch();
}

}  // namespace

ControlCore::ControlCore(const Surroundings& around, CoreConfig config)
    : around_(around),
      config_(std::move(config)),
      authentication_(around.store, around.clock, around.random, config_.limits,
                      {config_.keys.nonce_secret, config_.binding}),
      registry_({around.store, around.clock, around.random, around.metrics, around.prover},
                config_.limits),
      presence_(config_.limits, around.clock),
      signals_(config_.limits, around.clock.unix_time()),
      relay_table_(config_.limits, config_.services.relay_id),
      relays_(config_.services, config_.public_address, config_.keys.relay_key, relay_table_,
              config_.limits.relays_a_grant),
      registrar_(
          {relay_table_, around.store, around.clock, around.metrics, around.audit, around.log},
          config_.limits, config_.keys.enrolment_key, config_.keys.relay_key.public_key()),
      sessions_({registry_, presence_, signals_, authentication_, around.clock, around.random,
                 around.metrics, around.audit, around.log},
                config_.limits),
      service_({registry_, presence_, signals_, relays_, sessions_, around.clock, around.metrics,
                around.audit},
               config_.limits,
               {config_.keys.incarnation, config_.binding, {}, config_.keys.backed_up_at},
               config_.creation),
      routes_({service_, registry_, authentication_, relays_, registrar_, sessions_, around.clock,
               around.random, around.metrics, around.audit},
              config_.limits, {config_.version, config_.pin}) {
  sessions_.serve(service_);
  registry_.listen([this](const auto& party, const auto& event) { on_event(party, event); });
  next_check_ = next_flush_ = next_cleanup_ = watching_since_ = around.clock.monotonic();
  clock_offset_ = offset_of(around.clock);
}

Result<void> ControlCore::load() {
  if (auto loaded = authentication_.load(); !loaded) return loaded;
  if (auto loaded = registrar_.load(config_.services.relay.has_value()); !loaded) return loaded;
  std::vector<store::StoredParty> parties;
  auto read = around_.store.for_each_party([&](store::StoredParty party) -> Result<void> {
    for (const auto& peer : std::exchange(party.peers, {}))
      presence_.recall(party.row.id, peer.id, peer.last_seen);
    parties.push_back(std::move(party));
    return {};
  });
  if (!read) return read;
  if (auto loaded = registry_.load(parties); !loaded) return loaded;
  presence_.resume();
  around_.store.watch([this](const PartyId& party) { registry_.catch_up(party); });
  return {};
}

void ControlCore::on_request(io::HttpRequest request, io::Responder responder) {
  routes_.on_request(std::move(request), std::move(responder));
}

std::variant<io::WebSocketOpened, io::HttpResponse> ControlCore::on_upgrade(
    const io::HttpRequest& request) {
  return routes_.on_upgrade(request);
}

void ControlCore::tick() {
  for (const auto& [party, peer] : presence_.expire()) {
    around_.metrics.removed(Removed::offline);
    sessions_.presence_changed(party, peer);
  }
  sessions_.tell_presence();
  const Instant monotonic = around_.clock.monotonic();
  if (monotonic >= next_check_) {
    next_check_ = monotonic + kCheckInterval;
    around_.metrics.removed(Removed::signals, signals_.expire(around_.clock.unix_time()));
    sessions_.check();
    around_.audit.tick();
    watch_store();
  }
  if (monotonic >= next_flush_) {
    next_flush_ = monotonic + config_.limits.last_seen_flush;
    flush();
  }
  if (monotonic >= next_cleanup_) {
    next_cleanup_ = monotonic + config_.limits.cleanup_interval;
    clean_up();
  }
}

void ControlCore::flush() {
  auto changes = presence_.take_changes();
  if (changes.empty()) return;
  around_.store.touch(std::move(changes), [&log = around_.log](const Result<void>& stored) {
    if (!stored) log.warning("last_seen_not_stored", {{"reason", stored.error().message()}});
  });
}

void ControlCore::clean_up() {
  around_.metrics.removed(Removed::tokens, authentication_.clean_up());
  registrar_.clean_up();
  watch_clock();
  if (around_.clock.monotonic() - watching_since_ >= config_.limits.party_expiry_wait)
    close_unused_parties();
}

void ControlCore::watch_clock() {
  const Duration offset = offset_of(around_.clock);
  const Duration set = offset - std::exchange(clock_offset_, offset);
  if (std::chrono::abs(set) < kClockWasSet) return;
  watching_since_ = around_.clock.monotonic();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(set).count();
  around_.log.warning("clock_was_set", {{"by_s", std::to_string(seconds)}});
}

void ControlCore::watch_store() {
  const auto failing = around_.store.counters().failing;
  if (failing.has_value() == routes_.failing()) return;
  routes_.set_failing(failing.has_value());
  if (failing)
    around_.log.error("changes_refused",
                      {{"reason", *failing},
                       {"what", "nothing new is stored until this is mended; readers go on"}});
  else
    around_.log.info("changes_taken_again", {});
}

// Unused means that no member was seen; a party that its charter keeps stays.
void ControlCore::close_unused_parties() {
  const UnixTime limit = around_.clock.unix_time() - config_.limits.party_unused_for;
  for (const PartyId& id : registry_.ids()) {
    const auto since = presence_.unused_since(id);
    const auto* party = registry_.find(id);
    if (!since || *since > limit || party->created_at > limit || party->ledger.charter().keep)
      continue;
    registry_.execute(id, {{}, {}, party::Close{party::CloseReason::expired}},
                      [this](const Result<party::Outcome>& closed) {
                        if (closed) around_.metrics.removed(Removed::parties);
                      });
  }
}

void ControlCore::on_event(const party::Party& party, const party::Event& event) {
  using enum party::EventType;
  const PartyId id = party.id();
  if (event.type == created || event.type == peer_joined) presence_.joined(id, event.subject);
  sessions_.on_event(party, event);
  const auto gone = [&](const PeerId& peer) {
    presence_.forget(id, peer);
    signals_.forget(id, peer);
  };
  if (event.type == peer_left || event.type == peer_barred) gone(event.subject);
  if (event.type == key_rotated)
    for (const auto& peer : event.removed)
      gone(peer);
  if (event.type == party_closed) {
    presence_.forget(id);
    signals_.forget(id);
  }
  note(party, event);
}

void ControlCore::note(const party::Party& party, const party::Event& event) {
  const PartyId id = party.id();
  switch (event.type) {
    using enum party::EventType;
    case peer_left:
      around_.audit.left(id, event.subject, "left");
      break;
    case key_rotated:
      for (const auto& peer : event.removed)
        around_.audit.kicked(id, peer, event.subject);
      break;
    case peer_barred:
      around_.audit.kicked(id, event.subject, {});
      break;
    case party_closed:
      around_.audit.closed(id, event.close_reason ? name_of(*event.close_reason) : "unknown");
      break;
    case created:  // these two by the service, which knows where they came from
    case peer_joined:
    case peer_updated:
    case invite_added:
    case charter_changed:
      break;
  }
  around_.log.debug("party_event", {{"party", id.to_string()},
                                    {"seq", std::to_string(event.seq)},
                                    {"type", std::string(name_of(event.type))},
                                    {"peer", event.subject.to_string()}});
}

std::vector<AdminParty> ControlCore::parties() const {
  std::vector<AdminParty> out;
  for (const PartyId& id : registry_.ids()) {
    const auto& party = *registry_.find(id);
    AdminParty shown;
    shown.id = id;
    shown.name = party.ledger.charter().name;
    shown.host = party.ledger.host_id();
    shown.seq = party.seq;
    shown.key_epoch = party.ledger.key_epoch();
    shown.created_at = party.created_at;
    for (const auto& [peer, member] : party.ledger.members()) {
      const auto presence = presence_.of(id, peer);
      shown.peers.push_back({peer, member.nick, member.vip, presence.online,
                             party.barred.contains(peer), presence.last_seen});
    }
    out.push_back(std::move(shown));
  }
  return out;
}

std::vector<AdminRelay> ControlCore::relays() const {
  return relays_.listed(around_.clock.unix_time());
}

void ControlCore::kick(const PartyId& party, const PeerId& peer, Done done) {
  service_.bar(party, peer, std::move(done));
}

void ControlCore::backup(const std::string& path, Done done) {
  around_.store.backup(path, std::move(done));
}

}  // namespace lanrage::server
