// Charges packets to the client that sent them, to its address and to its party: to all three, or,
// when one of them has no more to give, to none.
#pragma once

#include <cstddef>
#include <optional>

#include "base/time.hpp"
#include "relay/budget.hpp"
#include "relay/client_table.hpp"
#include "relay/limits.hpp"
#include "relay/verdict.hpp"

namespace lanrage::relay {

class Rates {
 public:
  Rates(const Limits& limits, Threads threads);

  // One packet of so many bytes; or why it is too much.
  std::optional<DropReason> charge(Instant now, Client& client, std::size_t bytes) const;
  // One handshake's begin, beside its packet.
  std::optional<DropReason> charge_initiation(Instant now, Client& client) const;
  // Traffic that is yet to come. False when there isn't so much but by shares, which are for who
  // comes packet by packet.
  bool charge_ahead(Instant now, Client& client, const Traffic& traffic) const;

 private:
  struct Each {
    PacerRate bytes;
    PacerRate packets;
    PacerRate initiations;
  };
  Threads threads_;
  Each client_;
  Each address_;
  Each group_;
};

}  // namespace lanrage::relay
