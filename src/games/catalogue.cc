#include "games/catalogue.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace lanrage::games {

void Catalogue::set_peers(std::set<IpAddress> peers) {
  peers_ = std::move(peers);
  std::erase_if(hosted_, [&](const auto& entry) { return !peers_.contains(entry.first.address); });
}

bool Catalogue::observe(Instant now, const Datagram& datagram) {
  return note(now, datagram) != nullptr;
}

bool Catalogue::observe_answer(Instant now, const Datagram& datagram, Duration rtt) {
  auto* hosted = note(now, datagram);
  if (hosted != nullptr) hosted->rtt = rtt;
  return hosted != nullptr;
}

std::vector<Hosted> Catalogue::hosted(Instant now) {
  forget(now);
  std::vector<Hosted> out;
  out.reserve(hosted_.size());
  for (const auto& [at, hosted] : hosted_)
    out.push_back(hosted);
  std::ranges::sort(out, [](const Hosted& a, const Hosted& b) {
    return std::tie(a.game, a.at) < std::tie(b.game, b.at);
  });
  return out;
}

Hosted* Catalogue::note(Instant now, const Datagram& datagram) {
  const auto& peer = datagram.from.address;
  if (!peers_.contains(peer)) return nullptr;
  auto told = recognise(table_, datagram);
  if (!told) return nullptr;
  forget(now);
  const Endpoint at{peer, told->port};
  auto found = hosted_.find(at);
  if (found == hosted_.end()) {
    if (!make_room(peer)) return nullptr;
    found = hosted_.emplace(at, Hosted{.at = at}).first;
  }
  auto& hosted = found->second;
  hosted.game = std::move(told->game);
  hosted.title = std::move(told->title);
  hosted.players = told->players;
  hosted.max_players = told->max_players;
  hosted.seen = now;
  return &hosted;
}

// Whoever says more than fits loses what they said longest ago.
bool Catalogue::make_room(const IpAddress& peer) {
  const auto first = hosted_.lower_bound({peer, 0});
  auto last = first;
  std::size_t count = 0;
  for (; last != hosted_.end() && last->first.address == peer; ++last)
    ++count;
  if (count >= kMostOfPeer)
    hosted_.erase(std::min_element(
        first, last, [](const auto& a, const auto& b) { return a.second.seen < b.second.seen; }));
  return hosted_.size() < kMostHosted;
}

void Catalogue::forget(Instant now) {
  std::erase_if(hosted_, [&](const auto& entry) { return entry.second.seen + kForgotten <= now; });
}

}  // namespace lanrage::games
