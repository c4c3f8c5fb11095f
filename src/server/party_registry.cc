#include "server/party_registry.hpp"

#include <cstdio>
#include <cstdlib>

#include "party/snapshot.hpp"
#include "server/party_rows.hpp"

namespace lanrage::server {

namespace {

using protocol::Errc;

// Another server process may write faster than we can catch up; then the caller has to come again.
constexpr int kMostAttempts = 32;

// A committed event that our own state refuses is a bug of ours: going on would answer from a
// state that the store contradicts.
[[noreturn]] void die(const PartyId& id, const Error& error) {
  std::fprintf(stderr, "fatal: a committed event of party %s doesn't fit: %s\n",
               id.to_string().c_str(), error.message().c_str());
  std::abort();
}

std::unexpected<Error> damaged(const PartyId& id, const std::string& what) {
  return fail(store::Errc::database_corrupt,
              "party " + id.to_string() + ": " + what + ": restore a backup of the database");
}

// By another server process, for a reason that isn't known here.
party::Event closed_elsewhere(const party::Party& party, UnixTime now) {
  party::Event event;
  event.seq = party.seq + 1;
  event.type = party::EventType::party_closed;
  event.subject = party.ledger.host_id();
  event.at = now;
  return event;
}

std::string_view name_of_command(const party::Action& action) {
  constexpr std::array<std::string_view, std::variant_size_v<party::Action>> kNames{
      "create", "join",   "leave",   "update", "add_invite",
      "close",  "rotate", "charter", "bar",    "hand_back"};
  return kNames[action.index()];
}

// Whether judging is going to come as far as signatures, as it looks now. What is refused or
// answered before shall cost the prover nothing.
bool will_need_signatures(const party::Party& party, const party::Command& command) {
  if (!party::carries_records(command.action) ||
      party.requests.find(command.actor, command.request_id) != nullptr)
    return false;
  if (std::holds_alternative<party::Create>(command.action)) return party.seq == 0;
  if (std::holds_alternative<party::Join>(command.action))
    return party.exists() && !party.barred.contains(command.actor);
  return party.serves(command.actor);
}

}  // namespace

Result<PartyRegistry::Entry> PartyRegistry::restore(const store::StoredParty& stored) const {
  const PartyId& id = stored.row.id;
  Entry entry(id);
  entry.relay_group = stored.row.relay_group;
  if (stored.snapshot) {
    auto party = party::decode_party(stored.snapshot->body, id, limits_.party);
    if (!party || party->seq != stored.snapshot->seq)
      return damaged(id, "its snapshot is damaged" +
                             (party ? std::string() : " (" + party.error().message() + ")"));
    entry.party = std::move(*party);
    entry.snapshot_seq = stored.snapshot->seq;
  }
  const auto events = parts_.store.events_since(id, entry.party.seq);
  if (!events) return std::unexpected(events.error());
  for (const auto& row : *events) {
    auto event = party::decode_event(row.body);
    auto taken = event ? party::evolve(entry.party, *event, limits_.party)
                       : Result<void>(std::unexpected(event.error()));
    if (!taken)
      return damaged(id, "its journal is damaged at event " + std::to_string(row.seq) + " (" +
                             taken.error().message() + ")");
  }
  if (entry.party.seq != stored.seq)
    return damaged(id, "its journal ends at event " + std::to_string(entry.party.seq) +
                           " instead of " + std::to_string(stored.seq));
  return entry;
}

Result<void> PartyRegistry::load(const std::vector<store::StoredParty>& stored) {
  entries_.reserve(stored.size());
  for (const auto& row : stored) {
    auto entry = restore(row);
    if (!entry) return std::unexpected(entry.error());
    recount({}, share_of(entry->party));
    entries_.emplace(row.row.id, std::move(*entry));
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

std::vector<PartyId> PartyRegistry::ids() const {
  std::vector<PartyId> out;
  out.reserve(entries_.size());
  for (const auto& [id, entry] : entries_)
    if (entry.party.exists()) out.push_back(id);
  return out;
}

std::size_t PartyRegistry::hosted_by(const PeerId& host) const {
  const auto found = hosted_.find(host);
  return found == hosted_.end() ? 0 : found->second;
}

PartyRegistry::Share PartyRegistry::share_of(const party::Party& party) {
  if (!party.exists()) return {};
  return {party.ledger.host_id(), party.peers.size()};
}

void PartyRegistry::recount(const Share& before, const Share& after) {
  peers_ = peers_ - before.peers + after.peers;
  if (before.host == after.host) return;
  if (after.host) ++hosted_[*after.host];
  if (before.host && --hosted_[*before.host] == 0) hosted_.erase(*before.host);
}

void PartyRegistry::execute(const PartyId& id, party::Command command, Done<party::Outcome> done) {
  Pending pending{std::move(command), std::move(done), parts_.clock.monotonic()};
  auto found = entries_.find(id);
  if (found == entries_.end()) {
    if (!std::holds_alternative<party::Create>(pending.command.action)) {
      // Judged all the same: what else is wrong with it mustn't tell whether the party exists.
      auto refused =
          party::apply(party::Party(id), pending.command, parts_.clock.unix_time(), limits_.party);
      return finish(std::move(pending), std::move(refused));
    }
    found = entries_.emplace(id, Entry(id)).first;
    found->second.relay_group = parts_.random.u64();
  }
  Entry& entry = found->second;
  const bool its_turn = !entry.writing && entry.waiting.empty();
  if (!its_turn && entry.waiting.size() >= limits_.commands_waiting)
    return finish(std::move(pending),
                  fail(Errc::unavailable, "too many changes of this party at once; try again"));
  pending.proof = ask_for_proof(entry.party, pending.command);
  if (its_turn && pending.ready()) return start(entry, std::move(pending));
  entry.waiting.push_back(std::move(pending));
}

std::shared_ptr<PartyRegistry::Proof> PartyRegistry::ask_for_proof(const party::Party& party,
                                                                   const party::Command& command) {
  if (!parts_.prover || !will_need_signatures(party, command)) return nullptr;
  auto proof = std::make_shared<Proof>();
  const bool taken = parts_.prover->prove(
      party.id(), command.action, [this, id = party.id(), proof](party::ProvenSignatures proven) {
        proof->signatures = std::move(proven);
        proof->ready = true;
        go_on(id);
      });
  if (taken) return proof;
  parts_.metrics.prover_overflows.add();
  return nullptr;
}

void PartyRegistry::start(Entry& entry, Pending pending) {
  const PartyId id = entry.party.id();
  if (entry.unsure && !read_on(entry))
    return finish(std::move(pending),
                  fail(Errc::unavailable, "the database can't be read at the moment; try again"));
  auto outcome =
      party::apply(entry.party, pending.command, parts_.clock.unix_time(), limits_.party,
                   pending.proof ? pending.proof->signatures : party::ProvenSignatures());
  if (outcome && !outcome->events.empty())
    return commit(entry, std::move(*outcome), std::move(pending));
  // Taken out first: the answer may lead to the next command of this party.
  if (entry.party.seq == 0 && entry.waiting.empty()) entries_.erase(id);
  finish(std::move(pending), std::move(outcome));
}

void PartyRegistry::commit(Entry& entry, party::Outcome outcome, Pending pending) {
  auto append = rows_of(entry.party, outcome.events, entry.relay_group);
  if (!append) die(entry.party.id(), append.error());
  entry.writing = true;
  parts_.store.append(std::move(*append),
                      [this, id = entry.party.id(), outcome = std::move(outcome),
                       pending = std::move(pending)](const Result<void>& stored) mutable {
                        on_committed(id, std::move(outcome), std::move(pending), stored);
                      });
}

void PartyRegistry::on_committed(const PartyId& id, party::Outcome outcome, Pending pending,
                                 const Result<void>& stored) {
  Entry& entry = entries_.at(id);
  entry.writing = false;
  if (stored) {
    for (const auto& event : outcome.events)
      carry_in(entry, event);
    keep_snapshot(entry);
    finish(std::move(pending), std::move(outcome));
    return go_on(id);
  }
  // Whatever the store says, what it holds is the truth: after a conflict another process was
  // first, after an unknown outcome the events may have been written all the same. If they were,
  // judging the command again finds its request_id and gives the first answer; if not, it is
  // written now.
  const std::uint64_t before = entry.party.seq;
  const bool closes = outcome.events.back().type == party::EventType::party_closed;
  const bool readable = read_on(entry, closes ? outcome.events : std::vector<party::Event>{});
  if (closes && !entry.party.exists()) {
    finish(std::move(pending), std::move(outcome));
    return go_on(id);
  }
  const bool unknown = stored.error().is(store::Errc::outcome_unknown);
  if (readable && (unknown || entry.party.seq > before) && ++pending.attempts < kMostAttempts) {
    start(entry, std::move(pending));
  } else {
    finish(std::move(pending),
           fail(Errc::unavailable,
                readable && !unknown
                    ? "the change couldn't be stored, so nothing changed; try again"
                    : "the change couldn't be stored; try again with the same request_id"));
  }
  go_on(id);
}

bool PartyRegistry::read_on(Entry& entry, const std::vector<party::Event>& ending) {
  const PartyId id = entry.party.id();
  const auto rows = parts_.store.events_since(id, entry.party.seq);
  entry.unsure = !rows;
  if (!rows) return false;
  if (rows->empty() && entry.party.exists()) {
    const auto kept = parts_.store.party(id);
    entry.unsure = !kept;
    if (!kept) return false;
    // A closed party leaves nothing behind that could tell how it ended.
    if (!*kept)
      for (const auto& event :
           ending.empty() ? std::vector{closed_elsewhere(entry.party, parts_.clock.unix_time())}
                          : ending)
        carry_in(entry, event);
    return true;
  }
  for (const auto& row : *rows) {
    const auto event = party::decode_event(row.body);
    if (!event) die(id, event.error());
    carry_in(entry, *event);
  }
  return true;
}

void PartyRegistry::catch_up(const PartyId& id) {
  const auto found = entries_.find(id);
  // While we write ourselves, the commit's outcome will tell.
  if (found == entries_.end() || found->second.writing) return;
  read_on(found->second);
  go_on(id);
}

void PartyRegistry::carry_in(Entry& entry, const party::Event& event) {
  const Share before = share_of(entry.party);
  if (auto taken = party::evolve(entry.party, event, limits_.party); !taken)
    die(entry.party.id(), taken.error());
  recount(before, share_of(entry.party));
  parts_.metrics.events.add();
  if (listener_) listener_(entry.party, event);
}

void PartyRegistry::keep_snapshot(Entry& entry) {
  const party::Party& party = entry.party;
  if (!party.exists() || party.seq < entry.snapshot_seq + limits_.events_a_snapshot) return;
  const std::uint64_t kept = limits_.party.journal_events;
  entry.snapshot_seq = party.seq;
  // If it fails, the events are still there: the next one comes in its time.
  parts_.store.put_snapshot(party.id(), party.seq, party::encode_party(party),
                            party.seq > kept ? party.seq - kept : 0, [](const Result<void>&) {});
}

void PartyRegistry::finish(Pending pending, Result<party::Outcome> outcome) {
  parts_.metrics.command_seconds[name_of_command(pending.command.action)].observe(
      parts_.clock.monotonic() - pending.since);
  pending.done(std::move(outcome));
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
    if (!entry.waiting.front().ready()) return;
    Pending next = std::move(entry.waiting.front());
    entry.waiting.pop_front();
    start(entry, std::move(next));
  }
}

}  // namespace lanrage::server
