#include "server/party_registry.hpp"

#include <cstdio>
#include <cstdlib>

#include "server/party_rows.hpp"

namespace lanrage::server {

namespace {

using protocol::Errc;

// A committed event that our own state refuses is a bug of ours: going on would answer from a
// state that the store contradicts.
[[noreturn]] void die(const PartyId& id, const Error& error) {
  std::fprintf(stderr, "fatal: a committed event of party %s doesn't fit: %s\n",
               id.to_string().c_str(), error.message().c_str());
  std::abort();
}

}  // namespace

Result<void> PartyRegistry::load(const std::vector<store::StoredParty>& stored) {
  for (const auto& row : stored) {
    auto events = store_.events_since(row.row.id, 0);
    if (!events) return std::unexpected(events.error());
    Entry entry(row.row.id);
    entry.relay_group = row.row.relay_group;
    for (const auto& event_row : *events) {
      auto event = party::decode_event(event_row.body);
      auto taken = event ? party::evolve(entry.party, *event, limits_.party)
                         : Result<void>(std::unexpected(event.error()));
      if (!taken)
        return fail(store::Errc::database_corrupt,
                    "the journal of party " + row.row.id.to_string() + " is damaged at event " +
                        std::to_string(event_row.seq) + " (" + taken.error().message() +
                        "): restore a backup of the database");
    }
    if (entry.party.seq != row.seq)
      return fail(store::Errc::database_corrupt,
                  "the journal of party " + row.row.id.to_string() + " ends at event " +
                      std::to_string(entry.party.seq) + " instead of " + std::to_string(row.seq) +
                      ": restore a backup of the database");
    entries_.emplace(row.row.id, std::move(entry));
  }
  return {};
}

const party::Party* PartyRegistry::find(const PartyId& id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.party.exists() ? &found->second.party : nullptr;
}

std::uint64_t PartyRegistry::relay_group(const PartyId& id) const {
  return entries_.at(id).relay_group;
}

std::size_t PartyRegistry::peers() const {
  std::size_t count = 0;
  for (const auto& [id, entry] : entries_)
    count += entry.party.peers.size();
  return count;
}

std::size_t PartyRegistry::hosted_by(const PeerId& host) const {
  std::size_t count = 0;
  for (const auto& [id, entry] : entries_)
    if (entry.party.exists() && entry.party.ledger.host_id() == host) ++count;
  return count;
}

void PartyRegistry::execute(const PartyId& id, party::Command command, Done<party::Outcome> done) {
  auto found = entries_.find(id);
  if (found == entries_.end()) {
    if (!std::holds_alternative<party::Create>(command.action))
      return done(fail(Errc::unknown_party, "no such party"));
    found = entries_.emplace(id, Entry(id)).first;
    found->second.relay_group = random_.u64();
  }
  Entry& entry = found->second;
  if (!entry.writing) return start(entry, std::move(command), std::move(done));
  if (entry.waiting.size() >= limits_.commands_waiting)
    return done(fail(Errc::unavailable, "too many changes of this party at once; try again"));
  entry.waiting.push_back({std::move(command), std::move(done)});
}

void PartyRegistry::start(Entry& entry, party::Command command, Done<party::Outcome> done) {
  const PartyId id = entry.party.id();
  auto outcome = party::apply(entry.party, command, clock_.unix_time(), limits_.party);
  if (outcome && !outcome->events.empty())
    return commit(entry, std::move(*outcome), std::move(done));
  // Taken out first: the answer may lead to the next command of this party.
  if (entry.party.seq == 0 && entry.waiting.empty()) entries_.erase(id);
  done(std::move(outcome));
}

void PartyRegistry::commit(Entry& entry, party::Outcome outcome, Done<party::Outcome> done) {
  auto append = rows_of(entry.party, outcome.events, entry.relay_group);
  if (!append) die(entry.party.id(), append.error());
  entry.writing = true;
  store_.append(std::move(*append), [this, id = entry.party.id(), outcome = std::move(outcome),
                                     done = std::move(done)](Result<void> stored) mutable {
    on_committed(id, std::move(outcome), std::move(done), std::move(stored));
  });
}

void PartyRegistry::on_committed(const PartyId& id, party::Outcome outcome,
                                 Done<party::Outcome> done, Result<void> stored) {
  Entry& entry = entries_.at(id);
  if (stored) {
    for (const auto& event : outcome.events) {
      if (auto taken = party::evolve(entry.party, event, limits_.party); !taken)
        die(id, taken.error());
      if (listener_) listener_(entry.party, event);
    }
    done(std::move(outcome));
  } else {
    done(fail(Errc::unavailable, "the change couldn't be stored, so nothing changed; try again"));
  }
  entry.writing = false;
  go_on(id);
}

void PartyRegistry::go_on(const PartyId& id) {
  for (;;) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    if (entry.writing) return;
    if (entry.waiting.empty()) {
      if (!entry.party.exists()) entries_.erase(found);
      return;
    }
    Waiting next = std::move(entry.waiting.front());
    entry.waiting.pop_front();
    start(entry, std::move(next.command), std::move(next.done));
  }
}

}  // namespace lanrage::server
