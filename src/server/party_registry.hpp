// All parties of this server, in memory, and the one way to change them: a command is judged by
// the party module, its events are stored, and only then do they count.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/random.hpp"
#include "party/apply.hpp"
#include "server/authentication.hpp"
#include "server/clock.hpp"
#include "server/limits.hpp"
#include "server/metrics.hpp"
#include "server/signature_prover.hpp"
#include "store/store.hpp"

namespace lanrage::server {

class PartyRegistry {
 public:
  // After each committed event, with the party as it is then; before the command's answer.
  using Listener = std::function<void(const party::Party&, const party::Event&)>;

  struct Parts {
    store::Store& store;
    const Clock& clock;
    Random& random;
    Metrics& metrics;
    SignatureProver* prover = nullptr;  // null: signatures are checked while judging
  };
  PartyRegistry(const Parts& parts, const Limits& limits) : parts_(parts), limits_(limits) {}
  // From each party's snapshot and the events behind it. What doesn't fit is database_corrupt.
  Result<void> load(const std::vector<store::StoredParty>& stored);
  void listen(Listener listener) { listener_ = std::move(listener); }

  // Commands of one party are judged one after the other, each against what the one before it
  // left; those of different parties share the store's commits. The party named in a Create is the
  // one its charter commits to. `unavailable`: it couldn't be stored and changed nothing.
  void execute(const PartyId& id, party::Command command, Done<party::Outcome> done);
  // Takes up what the store holds beyond what we know: another server process wrote it.
  void catch_up(const PartyId& id);

  const party::Party* find(const PartyId& id) const;  // existing ones
  std::uint64_t relay_group(const PartyId& id) const;
  std::vector<PartyId> ids() const;
  std::size_t size() const { return entries_.size(); }
  std::size_t peers() const { return peers_; }
  std::size_t hosted_by(const PeerId& host) const;

 private:
  // Of a command's signatures, by the prover.
  struct Proof {
    bool ready = false;
    party::ProvenSignatures signatures;
  };
  struct Pending {
    party::Command command;
    Done<party::Outcome> done;
    Instant since{};
    int attempts = 0;
    std::shared_ptr<Proof> proof = nullptr;  // null: none is wanted
    bool ready() const { return !proof || proof->ready; }
  };
  struct Entry {
    explicit Entry(const PartyId& id) : party(id) {}
    party::Party party;
    std::uint64_t relay_group = 0;
    std::uint64_t snapshot_seq = 0;  // of the store's latest snapshot
    bool writing = false;
    bool unsure = false;          // the store may know more than we do, and couldn't be asked
    std::deque<Pending> waiting;  // for their turn; the first one perhaps for its proof
  };

  Result<Entry> restore(const store::StoredParty& stored) const;
  std::shared_ptr<Proof> ask_for_proof(const party::Party& party, const party::Command& command);
  void start(Entry& entry, Pending pending);
  void commit(Entry& entry, party::Outcome outcome, Pending pending);
  void on_committed(const PartyId& id, party::Outcome outcome, Pending pending,
                    const Result<void>& stored);
  // Carries in what the store has beyond `entry`; `ending` if it has the party no more (and it was
  // ours that would end it). False: the store can't be read.
  bool read_on(Entry& entry, const std::vector<party::Event>& ending = {});
  void carry_in(Entry& entry, const party::Event& event);
  // What a party adds to the sums over all; nothing where it doesn't exist.
  struct Share {
    std::optional<PeerId> host;
    std::size_t peers = 0;
  };
  static Share share_of(const party::Party& party);
  void recount(const Share& before, const Share& after);
  void finish(Pending pending, Result<party::Outcome> outcome);
  void go_on(const PartyId& id);
  void keep_snapshot(Entry& entry);

  Parts parts_;
  const Limits& limits_;
  Listener listener_;
  std::unordered_map<PartyId, Entry> entries_;
  std::unordered_map<PeerId, std::size_t> hosted_;
  std::size_t peers_ = 0;
};

}  // namespace lanrage::server
