// Signatures checked ahead of whoever judges the records that carry them, on other threads: they
// cost a hundred times what the rest of judging does, and depend on nothing but the record.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "party/command.hpp"

namespace lanrage::party {

// Which signatures were found good. Only the functions below put any in; what isn't here is checked
// by whoever judges the record.
class ProvenSignatures {
 public:
  ProvenSignatures() = default;
  // This very signature, by this key, over this message.
  bool contains(const crypto::VerifyKey& key, ByteView message,
                const crypto::Signature& signature) const;
  void merge(ProvenSignatures other);

 private:
  struct Check {
    crypto::Signature signature;
    crypto::VerifyKey key;
    Bytes message;
  };
  class Prover;
  friend ProvenSignatures prove(const PartyId& party, const Action& action);
  friend ProvenSignatures prove(const PartyId& party, std::span<const Bytes> records);

  std::vector<Check> checks_;  // in order of their signatures
};

// Whether there is anything to prove: all commands but closing, barring and changes of hints.
bool carries_records(const Action& action);

// Checks the signatures of the action's records, each by the key that the record itself names,
// until one is bad. Whether that key may sign such a record is the Ledger's to say.
ProvenSignatures prove(const PartyId& party, const Action& action);
// Likewise of records of a log.
ProvenSignatures prove(const PartyId& party, std::span<const Bytes> records);

// The latter on several threads, for core has none; it returns when all is checked. Empty: nothing
// is checked ahead.
using LogProver = std::function<ProvenSignatures(const PartyId&, std::span<const Bytes>)>;

// Walks a log with a LogProver, a stretch at a time: records that break a rule, which costs nothing
// to see, waste the work of one stretch at most.
class ProofsAhead {
 public:
  static constexpr std::size_t kStretch = 256;
  // With fewer records than that it isn't worth waking another thread.
  static constexpr std::size_t kLeast = 8;

  ProofsAhead(const PartyId& party, std::span<const Bytes> log, const LogProver& prover)
      : party_(party), log_(log), prover_(prover) {}
  // What is proven of record number `index` (from 0), and of some after it. Ask in order.
  const ProvenSignatures& at(std::size_t index);

 private:
  const PartyId& party_;
  std::span<const Bytes> log_;
  const LogProver& prover_;
  ProvenSignatures proven_;
  std::size_t proven_until_ = 0;
};

}  // namespace lanrage::party
