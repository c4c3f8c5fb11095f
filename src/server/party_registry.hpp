// All parties of this server, in memory, and the one way to change them: a command is judged by
// the party module, its events are stored, and only then do they count.
#pragma once

#include <deque>
#include <functional>
#include <unordered_map>

#include "base/random.hpp"
#include "party/apply.hpp"
#include "server/authentication.hpp"
#include "server/clock.hpp"
#include "server/limits.hpp"
#include "store/store.hpp"

namespace lanrage::server {

class PartyRegistry {
 public:
  // After each committed event, with the party as it is then; before the command's answer.
  using Listener = std::function<void(const party::Party&, const party::Event&)>;

  PartyRegistry(store::Store& store, const Clock& clock, Random& random, const Limits& limits)
      : store_(store), clock_(clock), random_(random), limits_(limits) {}
  // Replays every journal. An event that doesn't fit is database_corrupt.
  Result<void> load(const std::vector<store::StoredParty>& stored);
  void listen(Listener listener) { listener_ = std::move(listener); }

  // Commands of one party are judged one after the other, each against what the one before it
  // left; those of different parties share the store's commits. The party named in a Create is the
  // one its charter commits to.
  void execute(const PartyId& id, party::Command command, Done<party::Outcome> done);

  const party::Party* find(const PartyId& id) const;  // existing ones
  std::uint64_t relay_group(const PartyId& id) const;
  std::size_t size() const { return entries_.size(); }
  std::size_t peers() const;
  std::size_t hosted_by(const PeerId& host) const;

 private:
  struct Waiting {
    party::Command command;
    Done<party::Outcome> done;
  };
  struct Entry {
    explicit Entry(const PartyId& id) : party(id) {}
    party::Party party;
    std::uint64_t relay_group = 0;
    bool writing = false;
    std::deque<Waiting> waiting;
  };

  void start(Entry& entry, party::Command command, Done<party::Outcome> done);
  void commit(Entry& entry, party::Outcome outcome, Done<party::Outcome> done);
  void on_committed(const PartyId& id, party::Outcome outcome, Done<party::Outcome> done,
                    Result<void> stored);
  void go_on(const PartyId& id);

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  const Limits& limits_;
  Listener listener_;
  std::unordered_map<PartyId, Entry> entries_;
};

}  // namespace lanrage::server
