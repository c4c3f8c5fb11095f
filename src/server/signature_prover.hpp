// Where the signatures of commands are checked before the control loop judges them.
#pragma once

#include <functional>

#include "party/proven_signatures.hpp"

namespace lanrage::server {

class SignatureProver {
 public:
  using Done = std::move_only_function<void(party::ProvenSignatures)>;

  virtual ~SignatureProver() = default;
  // Calls `done` later on the control loop's thread, never from within. False: it has too much to
  // do already, and `done` is dropped.
  virtual bool prove(const PartyId& id, const party::Action& action, Done done) = 0;
};

}  // namespace lanrage::server
