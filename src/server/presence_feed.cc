#include "server/presence_feed.hpp"

namespace lanrage::server {

bool PresenceFeed::changed(const PartyId& party, const PeerId& peer, Instant now) {
  const auto [found, first] = parties_.try_emplace(party, Recent{now, {}});
  auto& recent = found->second;
  const bool rested = recent.waiting.empty() && now - recent.told >= wait_;
  if (first || rested) {
    recent.told = now;
    return true;
  }
  recent.waiting.insert(peer);
  return false;
}

std::vector<std::pair<PartyId, PeerId>> PresenceFeed::take_due(Instant now) {
  std::vector<std::pair<PartyId, PeerId>> due;
  for (auto next = parties_.begin(); next != parties_.end();) {
    auto& [party, recent] = *next;
    if (now - recent.told < wait_) {
      ++next;
    } else if (recent.waiting.empty()) {
      next = parties_.erase(next);
    } else {
      for (const auto& peer : std::exchange(recent.waiting, {}))
        due.emplace_back(party, peer);
      recent.told = now;
      ++next;
    }
  }
  return due;
}

void PresenceFeed::forget(const PartyId& party, const PeerId& peer) {
  if (const auto found = parties_.find(party); found != parties_.end())
    found->second.waiting.erase(peer);
}

}  // namespace lanrage::server
