// What a packet path below the relay may forward by itself, and for how long: leases. The relay
// stays the only judge. For a session in use it grants some traffic ahead of its coming, charged to
// all limits at once; whatever has no lease, or has used it up, comes to the relay as ever, and
// brings the next one. So limits hold to within a lease, and one packet in a thousand pays for all.
//
// Sizes follow the session: a lease that was used up doubles the next, one that ran out of time
// makes it smaller. It holds as many packets as its bytes are, by the size of the packets that came
// to the relay: were they larger than those to come, its packets are used up first, and the small
// ones that come then correct that.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "relay/budget.hpp"
#include "relay/client_table.hpp"
#include "relay/flat_table.hpp"

namespace lanrage::relay {

// Data packets from this endpoint with this receiver index, and where they go.
struct FastRoute {
  Endpoint from;
  IpAddress from_local;  // our address that they come to
  std::uint32_t index = 0;
  Endpoint to;
  IpAddress to_local;  // our address that they leave from
  friend bool operator==(const FastRoute&, const FastRoute&) = default;
};

// A packet path that holds leases.
class FastPath {
 public:
  virtual ~FastPath() = default;
  // Whether that route's packets come by it and can leave by it now, and it has a place for the
  // lease: only then is one paid for.
  virtual bool takes(const FastRoute& /*route*/) { return true; }
  // In place of the lease that this source and index had; it is used up by bytes or by packets. A
  // path that can't take it does nothing: the packets go on coming.
  virtual void grant(const FastRoute& route, const Traffic& traffic, Instant until) = 0;
  virtual void revoke(const Endpoint& from, std::uint32_t index) = 0;
};

class Leases {
 public:
  static constexpr std::uint64_t kLeast = 4u << 10;   // bytes
  static constexpr std::uint64_t kMost = 512u << 10;  // bytes
  static constexpr Duration kTime = std::chrono::seconds(1);

  explicit Leases(std::uint64_t seed) : states_(seed) {}

  // A packet of that session and `size` has come to the relay: what its next lease should hold, no
  // bytes for none. The first packet after a while gets none; a session that merely keeps itself
  // alive isn't worth it.
  Traffic wanted(Instant now, ClientRef source, std::uint32_t index, std::size_t size) const;
  // The lease was charged and granted (or, with `bytes` zero, refused: the session was seen).
  void note(Instant now, ClientRef source, ClientRef target, const Endpoint& from,
            std::uint32_t index, std::size_t size, std::uint64_t bytes);

  // Leases from and to that client hold no more.
  void revoke(std::uint32_t slot, FastPath& path);
  // Forgets sessions that have fallen silent.
  void expire(Instant now, FastPath& path);
  std::size_t size() const { return states_.size(); }

 private:
  struct State {
    ClientRef source;
    ClientRef target;
    Endpoint from;
    std::uint64_t bytes = 0;        // zero: seen, without a lease
    bool leased = false;            // the path may hold one still, even if the last was refused
    std::uint64_t packet_size = 0;  // of those that came to the relay, the latest counting most
    Instant until;
    Instant looked_at;  // when its entry in expiries_ is due
  };
  struct Expiry {
    std::uint64_t key;
    Instant at;
  };

  static std::uint64_t key(std::uint32_t slot, std::uint32_t index) {
    return std::uint64_t{slot} << 32 | index;
  }
  static std::uint64_t packet_size(const State* before, std::size_t size);
  void forget(std::uint64_t key, FastPath& path);
  std::vector<std::uint64_t>& keys_of(std::uint32_t slot);

  FlatTable<std::uint64_t, State> states_;
  std::vector<std::vector<std::uint64_t>> keys_;  // by slot: sessions from and to that client
  std::deque<Expiry> expiries_;
};

}  // namespace lanrage::relay
