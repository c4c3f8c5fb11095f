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

  std::size_t address_cells = 8'192;  // buckets for addresses, shared where hashes fall together
  std::size_t notice_cells = 16'384;

  Duration client_lifetime = std::chrono::minutes(5);     // without a bind
  Duration session_lifetime = std::chrono::seconds(200);  // WireGuard rejects after 180 s
  Duration pending_lifetime = std::chrono::seconds(15);
  Duration nonce_lifetime = std::chrono::seconds(60);

  Rate client_bytes{64u << 20, 4u << 20};    // forwarded for one client
  Rate group_bytes{256u << 20, 16u << 20};   // for one party
  Rate address_bytes{128u << 20, 8u << 20};  // for one IPv4 address or IPv6 /64
  Rate initiations_a_client{20, 80};         // before the search for whom they are meant
  Rate initiations_a_pair{1, 4};
  Rate routes_a_client{32, 256};    // told, whether new or not
  Rate stun_an_address{50, 200};    // Bindings and challenges, by IPv4 address or IPv6 /64
  Rate verify_an_address{10, 100};  // requests with a fresh nonce: signatures to check
  Duration notice_spacing = std::chrono::seconds(1);  // unbound notices to one source
  Rate notices{2'000, 2'000};                         // to all sources
};

}  // namespace lanrage::relay
