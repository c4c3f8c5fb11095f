// Lets one unbound notice a second through for each source, and a bounded number altogether, in
// constant memory. Sources that share a cell share its second: fewer notices, never more.
#pragma once

#include <cstdint>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "relay/flat_table.hpp"
#include "relay/pacer.hpp"

namespace lanrage::relay {

class NoticeGate {
 public:
  NoticeGate(Duration spacing, const Rate& total, std::uint64_t seed, std::size_t cells = 16384)
      : spacing_(spacing), rate_(total), seed_(seed), last_(cells) {}

  bool open(Instant now, const Endpoint& source) {
    Cell& cell = last_[seeded_hash(source, seed_) % last_.size()];
    if (cell.used && now - cell.at < spacing_) return false;
    if (!total_.take(now, 1, rate_)) return false;
    cell = {now, true};
    return true;
  }

 private:
  struct Cell {
    Instant at;
    bool used = false;
  };
  Duration spacing_;
  PacerRate rate_;
  std::uint64_t seed_;
  Pacer total_;
  std::vector<Cell> last_;
};

}  // namespace lanrage::relay
