// One append in progress. Private to ledger.cc and ledger_rules.cc.
#pragma once

#include "party/ledger.hpp"

namespace lanrage::party {

struct Ledger::Context {
  Envelope envelope;
  Hash hash;  // of the whole record
  const Reading& reading;
  const PartyId& party;

  // Exactly these keys signed, in this order: signers() of the body.
  Result<void> check_signed(std::span<const VerifyKey* const> keys) const;
};

}  // namespace lanrage::party
