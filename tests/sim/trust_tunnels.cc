#include "sim/trust_tunnels.hpp"

namespace lanrage::trust_sim {
namespace {

using namespace std::chrono_literals;
constexpr Duration kSession = 180s, kRenew = 120s, kAttempt = 5s;

}  // namespace

void Tunnels::bring_up(const PeerId& device) {
  interfaces_.try_emplace(device);
}

void Tunnels::bring_down(const PeerId& device) {
  interfaces_.erase(device);
  std::erase_if(sessions_, [&](const auto& entry) {
    return entry.first.first == device || entry.first.second == device;
  });
}

void Tunnels::configure(const PeerId& device, Peers peers) {
  const auto found = interfaces_.find(device);
  if (found == interfaces_.end()) return;
  for (const auto& [peer, key] : found->second)
    if (!peers.contains(peer)) {
      const auto both = pair(device, peer);
      sessions_.erase(both);
      events_.forgotten(both.first, both.second);
    }
  found->second = std::move(peers);
  for (const auto& [peer, key] : found->second)
    if (!std::exchange(ticking_[pair(device, peer)], true))
      timeline_.in(timeline_.between(0s, kAttempt),
                   [this, both = pair(device, peer)] { tick(both); });
}

bool Tunnels::has_session(const PeerId& a, const PeerId& b) const {
  const auto found = sessions_.find(pair(a, b));
  return found != sessions_.end() && timeline_.now() < found->second + kSession;
}

bool Tunnels::knows(const PeerId& device, const PeerId& peer) const {
  const auto found = interfaces_.find(device);
  return found != interfaces_.end() && found->second.contains(peer);
}

const Secret<32>* Tunnels::key(const PeerId& device, const PeerId& peer) const {
  return knows(device, peer) ? &interfaces_.at(device).at(peer) : nullptr;
}

bool Tunnels::keys_agree(const PeerId& a, const PeerId& b) const {
  return knows(a, b) && knows(b, a) && interfaces_.at(a).at(b) == interfaces_.at(b).at(a);
}

void Tunnels::tick(const Pair& both) {
  const auto& [a, b] = both;
  events_.ticked(a, b);
  const auto since = sessions_.find(both);
  const bool fresh = since != sessions_.end() && timeline_.now() < since->second + kRenew;
  if (fresh) {
    const auto renewal = since->second + kRenew + timeline_.between(0s, 1s);
    timeline_.at(std::min(renewal, timeline_.now() + kAttempt), [this, both] { tick(both); });
    return;
  }
  if (keys_agree(a, b) && !timeline_.chance(loss) && !timeline_.chance(loss)) {
    sessions_[both] = timeline_.now();
    for (const auto& [at, with] : {std::pair{a, b}, std::pair{b, a}})
      timeline_.in(delay, [this, at, with] {
        if (has_session(at, with)) events_.shook_hands(at, with);
      });
  }
  timeline_.in(kAttempt, [this, both] { tick(both); });
}

void Tunnels::send(const PeerId& from, const PeerId& to, const Bytes& datagram) {
  if (!has_session(from, to) || timeline_.chance(loss)) return;
  timeline_.in(delay + timeline_.between(0ms, 10ms), [this, from, to, datagram] {
    if (has_session(from, to) && knows(to, from)) events_.received(to, from, datagram);
  });
}

}  // namespace lanrage::trust_sim
