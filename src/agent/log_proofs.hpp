// The signatures of a party's log, checked on several threads (party::LogProver).
#pragma once

#include "party/proven_signatures.hpp"

namespace lanrage::agent {

// On as many as there are processors, but no more than four: a game may run here.
party::ProvenSignatures prove_on_threads(const PartyId& party, std::span<const Bytes> records);

}  // namespace lanrage::agent
