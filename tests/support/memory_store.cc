#include "support/memory_store.hpp"

#include <algorithm>
#include <utility>

namespace lanrage::store {

namespace {

using Tables = MemoryTables;

Result<void> add_peer(Tables::Party& party, const PeerRow& peer) {
  for (const auto& [id, other] : party.peers)
    if (other.id != peer.id && (other.vip == peer.vip || other.wireguard_key == peer.wireguard_key))
      return fail(Errc::storage_failed, "another peer has this address or key");
  party.peers.insert_or_assign(peer.id.to_string(), peer);
  return {};
}

Result<void> apply_append(Tables& tables, const Append& append) {
  const std::string id = append.party.id.to_string();
  const auto found = tables.parties.find(id);
  const bool there = found != tables.parties.end();
  if (append.expected_seq == 0 ? there : !there || found->second.seq != append.expected_seq)
    return fail(Errc::conflict, "the party's seq is no longer the expected one");
  if (!there && tables.relay_groups.contains(append.party.relay_group))
    return fail(Errc::storage_failed, "another party has this relay group");

  Tables::Party party;
  if (there) party.peers = found->second.peers;
  for (const PeerId& gone : append.gone)
    party.peers.erase(gone.to_string());
  for (const PeerRow& peer : append.changed)
    if (auto added = add_peer(party, peer); !added) return added;
  if (append.closes) {
    if (there) tables.relay_groups.erase(found->second.row.relay_group);
    tables.parties.erase(id);
    return {};
  }
  Tables::Party& kept = tables.parties[id];
  kept.peers = std::move(party.peers);
  if (there) {
    kept.row.name = append.party.name;
    kept.row.host = append.party.host;
  } else {
    kept.row = append.party;
    tables.relay_groups.insert(append.party.relay_group);
  }
  kept.seq = append.events.back().seq;
  kept.events.insert(kept.events.end(), append.events.begin(), append.events.end());
  return {};
}

Result<void> apply_snapshot(Tables& tables, const PartyId& id, SnapshotRow snapshot,
                            std::uint64_t keep_events_after) {
  const auto found = tables.parties.find(id.to_string());
  if (found == tables.parties.end()) return fail(Errc::not_found, "the party is gone");
  auto& party = found->second;
  if (party.seq < snapshot.seq || (party.snapshot && party.snapshot->seq > snapshot.seq))
    return fail(Errc::conflict, "the snapshot isn't of the party's newest state");
  const std::uint64_t last = std::min(keep_events_after, snapshot.seq);
  std::erase_if(party.events, [last](const EventRow& event) { return event.seq <= last; });
  party.snapshot = std::move(snapshot);
  return {};
}

StoredParty stored(const Tables::Party& party) {
  StoredParty out{party.row, party.seq, {}, party.snapshot, {}};
  out.peers.reserve(party.peers.size());
  for (const auto& [id, peer] : party.peers)
    out.peers.push_back(peer);
  const std::uint64_t after = party.snapshot ? party.snapshot->seq : 0;
  std::ranges::copy_if(party.events, std::back_inserter(out.events),
                       [after](const EventRow& event) { return event.seq > after; });
  return out;
}

}  // namespace

struct MemoryOpening {
  using Work = std::move_only_function<Result<void>(MemoryTables&)>;
  struct Job {
    Work work;
    Completion done;
    std::optional<PartyId> party;
    std::optional<Result<void>> result;
  };

  std::shared_ptr<MemoryStorage> storage;
  Executor executor;
  std::deque<Job> jobs;
  std::deque<InjectedFailure> failures;
  std::function<void(const PartyId&)> watcher;
  StoreCounters counters;
  bool killed = false;

  void apply(Job& job);
  void answer_next();
  void tell_others(const PartyId& party) const;
};

void MemoryOpening::apply(Job& job) {
  const auto failure =
      failures.empty() ? std::nullopt : std::optional<InjectedFailure>(failures.front());
  if (failure) {
    failures.pop_front();
    ++counters.failures;
  }
  if (failure == InjectedFailure::refused) {
    counters.failing = "injected: the disk is full";
    job.result = fail(Errc::storage_failed, *counters.failing);
    return;
  }
  if (failure == InjectedFailure::lost) {
    job.result = fail(Errc::outcome_unknown, "injected: nobody knows whether it was written");
    return;
  }
  job.result = job.work(storage->tables);
  if (*job.result && job.party) tell_others(*job.party);
  if (*job.result && failure)
    job.result = fail(Errc::outcome_unknown, "injected: nobody knows whether it was written");
  if (failure) return;
  counters.failing.reset();
  ++counters.commits;
  ++counters.works;
  ++counters.batches[0];
  counters.largest = 1;
}

void MemoryOpening::answer_next() {
  if (jobs.empty()) return;  // killed
  if (!jobs.front().result) apply(jobs.front());
  Job job = std::move(jobs.front());
  jobs.pop_front();
  job.done(std::move(*job.result));
}

void MemoryOpening::tell_others(const PartyId& party) const {
  for (const auto& entry : storage->openings) {
    const auto other = entry.lock();
    if (!other || other.get() == this || !other->watcher) continue;
    other->executor([weak = entry, party] {
      if (const auto opening = weak.lock(); opening && !opening->killed && opening->watcher)
        opening->watcher(party);
    });
  }
}

MemoryStore::MemoryStore(std::shared_ptr<MemoryStorage> storage, Executor executor)
    : storage_(std::move(storage)), opening_(std::make_shared<MemoryOpening>()) {
  opening_->storage = storage_;
  opening_->executor = std::move(executor);
  std::erase_if(storage_->openings, [](const auto& opening) { return opening.expired(); });
  storage_->openings.push_back(opening_);
}

MemoryStore::~MemoryStore() {
  opening_->watcher = nullptr;
  for (auto& job : opening_->jobs)
    if (!job.result) opening_->apply(job);
}

void MemoryStore::fail_next(std::size_t count, InjectedFailure kind) {
  opening_->failures.insert(opening_->failures.end(), count, kind);
}

void MemoryStore::kill() {
  opening_->killed = true;
  opening_->jobs.clear();
}

std::size_t MemoryStore::waiting() const {
  return opening_->jobs.size();
}

void MemoryStore::submit(Work work, Completion done, const PartyId* party) {
  if (opening_->killed) return;
  opening_->jobs.push_back({std::move(work), std::move(done),
                            party ? std::optional<PartyId>(*party) : std::nullopt, std::nullopt});
  opening_->executor([opening = opening_] { opening->answer_next(); });
}

void MemoryStore::append(Append append, Completion done) {
  const PartyId id = append.party.id;
  submit([append = std::move(append)](Tables& tables) { return apply_append(tables, append); },
         std::move(done), &id);
}

void MemoryStore::put_snapshot(const PartyId& party, std::uint64_t seq, Bytes body,
                               std::uint64_t keep_events_after, Completion done) {
  submit([party, snapshot = SnapshotRow{seq, std::move(body)}, keep_events_after](
             Tables& tables) { return apply_snapshot(tables, party, snapshot, keep_events_after); },
         std::move(done));
}

void MemoryStore::add_token(TokenRow token, Completion done) {
  submit(
      [token](Tables& tables) -> Result<void> {
        const auto same = [&](const TokenRow& other) {
          return other.nonce_hash == token.nonce_hash || other.token_hash == token.token_hash;
        };
        if (std::ranges::any_of(tables.tokens, same))
          return fail(Errc::nonce_used, "this challenge was answered before");
        tables.tokens.push_back(token);
        return {};
      },
      std::move(done));
}

void MemoryStore::revoke_token(const ByteArray<32>& token_hash, UnixTime at, Completion done) {
  submit(
      [token_hash, at](Tables& tables) -> Result<void> {
        for (TokenRow& token : tables.tokens)
          if (token.token_hash == token_hash) token.expires_at = std::min(token.expires_at, at);
        return {};
      },
      std::move(done));
}

void MemoryStore::remove_tokens_expired_before(UnixTime limit, Completion done) {
  submit(
      [limit](Tables& tables) -> Result<void> {
        std::erase_if(tables.tokens,
                      [limit](const TokenRow& token) { return token.expires_at < limit; });
        return {};
      },
      std::move(done));
}

void MemoryStore::touch(std::vector<Lease> leases, Completion done) {
  submit(
      [leases = std::move(leases)](Tables& tables) -> Result<void> {
        for (const Lease& lease : leases) {
          const auto party = tables.parties.find(lease.party.to_string());
          if (party == tables.parties.end()) continue;
          const auto peer = party->second.peers.find(lease.peer.to_string());
          if (peer == party->second.peers.end()) continue;
          peer->second.last_seen = std::max(peer->second.last_seen, lease.last_seen);
        }
        return {};
      },
      std::move(done));
}

void MemoryStore::put_relay(RelayRow relay, Completion done) {
  submit(
      [relay = std::move(relay)](Tables& tables) -> Result<void> {
        const auto [place, fresh] = tables.relays.try_emplace(relay.id, relay);
        const UnixTime registered_at = place->second.registered_at;
        place->second = relay;
        place->second.registered_at = registered_at;
        return {};
      },
      std::move(done));
}

void MemoryStore::remove_relay(std::string id, Completion done) {
  submit(
      [id = std::move(id)](Tables& tables) -> Result<void> {
        tables.relays.erase(id);
        return {};
      },
      std::move(done));
}

void MemoryStore::backup(std::string path, Completion done) {
  submit(
      [storage = storage_.get(), path = std::move(path)](Tables& tables) -> Result<void> {
        if (storage->backups.contains(path)) return fail(Errc::file_exists, path + " exists");
        auto copy = std::make_shared<MemoryStorage>();
        copy->tables = tables;
        const auto incarnation = copy->tables.settings.find(kIncarnation);
        if (incarnation != copy->tables.settings.end()) {  // repeatable, and another one each time
          const std::size_t number = storage->backups.size() + 1;
          for (std::size_t i = 0; i < std::min<std::size_t>(8, incarnation->second.size()); ++i)
            incarnation->second[i] ^= static_cast<std::uint8_t>(number >> 8 * i);
        }
        // It has no clock: of long ago.
        copy->tables.settings.insert_or_assign(std::string(kBackedUpAt),
                                               ByteWriter().u64(1).bytes());
        storage->backups.emplace(path, std::move(copy));
        return {};
      },
      std::move(done));
}

Result<void> MemoryStore::for_each_party(const PartyVisitor& visit) {
  for (const auto& [id, party] : storage_->tables.parties)
    if (auto visited = visit(stored(party)); !visited) return visited;
  return {};
}

Result<std::optional<StoredParty>> MemoryStore::party(const PartyId& id) {
  const auto found = storage_->tables.parties.find(id.to_string());
  if (found == storage_->tables.parties.end()) return std::nullopt;
  return stored(found->second);
}

Result<std::vector<EventRow>> MemoryStore::events_since(const PartyId& party, std::uint64_t seq) {
  std::vector<EventRow> out;
  const auto found = storage_->tables.parties.find(party.to_string());
  if (found != storage_->tables.parties.end())
    std::ranges::copy_if(found->second.events, std::back_inserter(out),
                         [seq](const EventRow& event) { return event.seq > seq; });
  return out;
}

Result<std::vector<TokenRow>> MemoryStore::tokens() {
  auto out = storage_->tables.tokens;
  std::ranges::sort(
      out, {}, [](const TokenRow& token) { return std::pair(token.expires_at, token.token_hash); });
  return out;
}

Result<std::vector<RelayRow>> MemoryStore::relays() {
  std::vector<RelayRow> out;
  out.reserve(storage_->tables.relays.size());
  for (const auto& [id, relay] : storage_->tables.relays)
    out.push_back(relay);
  return out;
}

Result<Bytes> MemoryStore::setting(std::string_view name, ByteView initial) {
  return storage_->tables.settings
      .try_emplace(std::string(name), Bytes(initial.begin(), initial.end()))
      .first->second;
}

void MemoryStore::watch(std::function<void(const PartyId&)> changed) {
  opening_->watcher = std::move(changed);
}

StoreCounters MemoryStore::counters() const {
  return opening_->counters;
}

}  // namespace lanrage::store
