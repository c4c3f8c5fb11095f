// What a control server says of a party beside the records that it passes on: who the peers are,
// who is gone, who hosts. Nothing of it counts (but who is online); where it contradicts what was
// signed, the player should know. Sentences without full stop, nothing where all fits.
#pragma once

#include <optional>
#include <string>

#include "party/ledger.hpp"
#include "protocol/types.hpp"

namespace lanrage::agent {

std::optional<std::string> false_peer(const party::Ledger& ledger, const protocol::Peer& shown);
std::optional<std::string> unsigned_removal(const party::Ledger& ledger, const PeerId& gone);
std::optional<std::string> false_host(const party::Ledger& ledger, const PeerId& shown);

// Of a whole party, as of the ledger's last record.
struct FalseClaims {
  std::optional<std::string> peer;
  std::optional<std::string> removal;
  std::optional<std::string> charter;
};
FalseClaims false_claims(const party::Ledger& ledger, const protocol::Party& shown);

}  // namespace lanrage::agent
