// When members are told who came and went: of a first change at once, of those that follow within
// a while together, each peer once, as it is then.
#pragma once

#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace lanrage::server {

class PresenceFeed {
 public:
  explicit PresenceFeed(Duration wait) : wait_(wait) {}

  // True: tell now. False: take_due() will name it.
  bool changed(const PartyId& party, const PeerId& peer, Instant now);
  // Those whose wait is over.
  std::vector<std::pair<PartyId, PeerId>> take_due(Instant now);
  void forget(const PartyId& party) { parties_.erase(party); }
  void forget(const PartyId& party, const PeerId& peer);
  std::size_t size() const { return parties_.size(); }

 private:
  struct Recent {
    Instant told{};
    std::set<PeerId> waiting;
  };
  Duration wait_;
  std::unordered_map<PartyId, Recent> parties_;  // only those told of within the last wait
};

}  // namespace lanrage::server
