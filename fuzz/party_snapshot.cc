// Any bytes as a stored party: what is accepted has one spelling, and takes the next event.
#include <cstdlib>

#include "party/snapshot.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  // Of the seeds: root key 01 repeated, as in docs/protocol/records.md.
  static const auto kId = *PartyId::parse("gr2q7gf5lh6pzfdnurnkvputhm");
  party::Limits limits;
  limits.journal_events = SIZE_MAX;
  auto decoded = party::decode_party({data, size}, kId, limits);
  if (!decoded) return 0;
  if (party::encode_party(*decoded) != Bytes(data, data + size)) std::abort();
  if (decoded->peers.size() != decoded->ledger.members().size()) std::abort();
  for (const auto& entry : decoded->journal)
    if (decoded->entry(entry.seq) != &entry) std::abort();
  if (decoded->closed) return 0;
  party::Event event;
  event.seq = decoded->seq + 1;
  event.type = party::EventType::invite_added;
  if (!party::evolve(*decoded, event, limits)) std::abort();
  return 0;
}
