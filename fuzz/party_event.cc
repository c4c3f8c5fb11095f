// Any bytes as a stored event: what is accepted has one spelling, and never breaks evolve().
#include <cstdlib>

#include "party/party_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  const auto event = party::decode_event({data, size});
  if (!event) return 0;
  if (party::encode_event(*event) != Bytes(data, data + size)) std::abort();
  PartyId id;
  if (!event->records.empty())
    if (const auto named = party::party_id_of(event->records[0])) id = *named;
  party::Party party(id);
  (void)party::evolve(party, *event);
  return 0;
}
