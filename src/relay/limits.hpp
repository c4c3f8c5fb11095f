// Every limit of a relay in one place. Rates are token buckets: a rate, and what may come at once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace lanrage::relay {

struct Rate {
  std::uint64_t per_second;
  std::uint64_t burst;
};

struct Limits {
  std::size_t clients = 10'000;
  std::size_t clients_a_group = 128;
  std::size_t rows_a_client = 256;  // sessions seen from one side, both as first and second
  std::size_t pending_a_pair = 4;   // initiations waiting for their response
  std::size_t pairs = 65'536;       // (initiator, responder) pairs remembered at a time

  std::size_t address_cells = 8'192;  // budgets for addresses, shared where hashes fall together
  std::size_t notice_cells = 16'384;

  Duration client_lifetime = std::chrono::minutes(5);     // without a bind
  Duration session_lifetime = std::chrono::seconds(200);  // WireGuard rejects after 180 s
  Duration pending_lifetime = std::chrono::seconds(15);
  Duration nonce_lifetime = std::chrono::seconds(60);

  // Forwarded for one client, for one IPv4 address or IPv6 /64, for one party. A client can't use
  // up the others alone; where several do, everybody keeps a share (SharedPacer).
  Rate client_bytes{64u << 20, 4u << 20};
  Rate address_bytes{128u << 20, 8u << 20};
  Rate group_bytes{256u << 20, 16u << 20};
  // Small packets cost a relay as much as large ones. 64 MiB are 47,000 of the largest that players
  // send (1,420 bytes), which so aren't slowed down by this; a game's host that tells 127 others
  // something 128 times a second sends 16,256. A quarter of a second may come at once: after a
  // hiccup of the network, or as a lease (Leases).
  Rate client_packets{50'000, 12'500};
  Rate address_packets{100'000, 25'000};
  Rate group_packets{200'000, 50'000};
  // Handshakes begun. Each costs a search for whom it is meant, a hash for each member of the
  // party, so this comes before it. A party of 128 whose members are all connected makes 68 a
  // second, and 8,128 at once when it comes together; what is too much comes again in 5 s.
  Rate initiations_a_client{20, 80};
  Rate initiations_an_address{250, 2'000};
  Rate initiations_a_group{500, 8'192};
  Rate initiations_a_pair{1, 4};
  Rate routes_a_client{32, 256};    // told, whether new or not
  Rate stun_an_address{50, 200};    // Bindings and challenges, by IPv4 address or IPv6 /64
  Rate verify_an_address{10, 100};  // requests with a fresh nonce: signatures to check
  Duration notice_spacing = std::chrono::seconds(1);  // unbound notices to one source
  Rate notices{2'000, 2'000};                         // to all sources
};

}  // namespace lanrage::relay
