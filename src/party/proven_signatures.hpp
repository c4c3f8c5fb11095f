// Signatures checked ahead of the command that carries them, on another thread: they cost a hundred
// times what the rest of judging a command does, and depend on nothing but the command.
#pragma once

#include <vector>

#include "party/command.hpp"

namespace lanrage::party {

// Which signatures were found good. Only prove() puts any in; what isn't here is checked by whoever
// judges the command.
class ProvenSignatures {
 public:
  ProvenSignatures() = default;
  // This very signature, by this key, over this message.
  bool contains(const crypto::VerifyKey& key, ByteView message,
                const crypto::Signature& signature) const;

 private:
  struct Check {
    crypto::VerifyKey key;
    crypto::Signature signature;
    Bytes message;
  };
  class Prover;
  friend ProvenSignatures prove(const PartyId& party, const Action& action);

  std::vector<Check> checks_;
};

// Whether there is anything to prove: all commands but closing, barring and changes of hints.
bool carries_records(const Action& action);

// Checks the signatures of the action's records, each by the key that the record itself names,
// until one is bad. Whether that key may sign such a record is the Ledger's to say.
ProvenSignatures prove(const PartyId& party, const Action& action);

}  // namespace lanrage::party
