// The party's signed log as this agent knows it, and what the control server adds to it. A server
// restored from a backup, or a lying one, can hold records back but never take one away or change
// history: what was verified once stays.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "party/ledger.hpp"

namespace lanrage::agent {

class VerifiedLog {
 public:
  enum class Outcome {
    adopted,  // new records were verified and added
    known,    // nothing new
    gap,      // an event is missing in between: ask for a snapshot
    behind,   // the server has fewer records than we
    split,    // the server shows another history than before
    refused,  // a record breaks the rules; those before it were adopted
  };
  struct Merge {
    Outcome outcome;
    std::optional<Error> why;     // refused
    std::vector<PeerId> removed;  // members whom a new roster left out
  };

  // `ledger` is what replaying `records` gives.
  VerifiedLog(party::Ledger ledger, std::vector<Bytes> records)
      : ledger_(std::move(ledger)), records_(std::move(records)) {}

  // The server's whole log, as of event number `seq` of its store's `incarnation`.
  Merge merge(std::span<const Bytes> log, std::uint64_t seq, std::string incarnation);
  // The records of one event.
  Merge append(std::uint64_t seq, std::span<const Bytes> records);

  // After a gap or a refused record: whether to ask for a snapshot. Once, until a snapshot that
  // fits has come or the link is new: a server that answers nonsense must not make us loop.
  bool take_snapshot_wish() { return !std::exchange(asked_, true); }
  void on_new_link() { asked_ = false; }

  const party::Ledger& ledger() const { return ledger_; }
  const std::vector<Bytes>& records() const { return records_; }
  std::uint64_t seq() const { return seq_; }
  const std::string& incarnation() const { return incarnation_; }

 private:
  Merge adopt(std::span<const Bytes> records);

  party::Ledger ledger_;
  std::vector<Bytes> records_;
  std::uint64_t seq_ = 0;  // of the server's events, not of records
  std::string incarnation_;
  bool asked_ = false;
};

}  // namespace lanrage::agent
