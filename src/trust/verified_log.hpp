// The party's signed log as this device knows it, and what the control server and other members add
// to it. A server restored from a backup, or a lying one, can hold records back but never take one
// away: what was verified once stays, unless those who govern the party decided otherwise in
// another history (fork.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "party/ledger.hpp"
#include "trust/fork.hpp"

namespace lanrage::trust {

// A point in a history: what its first `length` records come to.
struct HeadAt {
  std::uint64_t length = 0;
  crypto::Hash head{};
  friend bool operator==(const HeadAt&, const HeadAt&) = default;
};

class VerifiedLog {
 public:
  enum class Outcome {
    adopted,   // new records were verified and added
    known,     // nothing new
    gap,       // an event is missing in between: ask for a snapshot
    behind,    // the other has fewer records than we
    split,     // the other has another history, which doesn't outrank ours
    replaced,  // it did: ours ends where the two part, and goes on with the other's
    refused,   // a record breaks the rules; those before it were adopted
  };
  struct Merge {
    Outcome outcome;
    std::optional<Error> why;     // refused
    std::vector<PeerId> removed;  // members before, and by a roster or another history no more
  };

  // `ledger` is what replaying `records` gives; `overruled` as an earlier one had it. `prover`
  // checks the signatures of many records at once.
  VerifiedLog(party::Ledger ledger, std::vector<Bytes> records, Overruled overruled = {},
              party::LogProver prover = {});

  // The server's whole log, as of event number `seq` of its store's `incarnation`.
  Merge merge(std::span<const Bytes> log, std::uint64_t seq, std::string incarnation);
  // The records of one event; known, where a member was faster. A gap as well while the server's
  // log isn't the beginning of ours.
  Merge append(std::uint64_t seq, std::span<const Bytes> records);
  // What a member has after our first `common` records, which it shares.
  Merge merge_branch(std::uint64_t common, std::span<const Bytes> branch);

  // After a gap or a refused record: whether to ask for a snapshot. Once, until a snapshot that
  // fits has come or the link is new: a server that answers nonsense must not make us loop.
  bool take_snapshot_wish() { return !std::exchange(asked_, true); }
  void on_new_link() { asked_ = false; }

  const party::Ledger& ledger() const { return ledger_; }
  const std::vector<Bytes>& records() const { return records_; }
  std::uint64_t length() const { return records_.size(); }
  HeadAt head() const { return head_at(length()); }
  HeadAt head_at(std::uint64_t length) const {
    return {length, heads_[length]};
  }  // at most length()
  bool has(const HeadAt& point) const;
  // Records up to and with the present roster.
  std::uint64_t roster_length() const { return roster_length_; }
  // What a deputy's roster in a history that we don't follow leaves out: nobody talks to such
  // members until a later roster decides.
  const Overruled& overruled() const { return overruled_; }
  // Whoever was admitted after the present roster while there is such: two deputies have decided
  // differently, perhaps about the very invite, and newcomers wait for the roster that ends it.
  std::set<PeerId> waiting() const;
  std::uint64_t seq() const { return seq_; }
  const std::string& incarnation() const { return incarnation_; }
  // As of seq(), the server's log is the beginning of ours; and it is all of it.
  bool in_step() const { return in_step_; }
  bool server_has_all() const { return in_step_ && server_length_ == length(); }
  // It is shorter than the server has shown it before, or than it was when we started.
  bool server_went_back() const { return in_step_ && server_length_ < server_most_; }
  // So many of our records it has, while in_step().
  std::uint64_t server_length() const { return server_length_; }

 private:
  Merge adopt(std::span<const Bytes> records);
  void follow_server(const Merge& merge, std::uint64_t length);
  Merge merge_after(std::uint64_t common, std::span<const Bytes> branch);

  party::Ledger ledger_;
  std::vector<Bytes> records_;
  std::vector<crypto::Hash> heads_;  // heads_[n] follows n records
  std::uint64_t roster_length_ = 0;
  Overruled overruled_;
  std::uint64_t seq_ = 0;  // of the server's events, not of records
  std::string incarnation_;
  bool in_step_ = true;
  std::uint64_t server_length_;  // of its log, while that is the beginning of ours
  std::uint64_t server_most_;    // the longest that it was
  bool asked_ = false;
  party::LogProver prover_;
};

}  // namespace lanrage::trust
