#include "server/signal_queue.hpp"

#include <algorithm>

namespace lanrage::server {

SignalQueue::Added SignalQueue::add(const PartyId& party, const PeerId& from, const PeerId& to,
                                    Bytes data, UnixTime now) {
  auto result = Added::yes;
  auto& queue = queues_[{party, to}];
  const auto from_sender = [&](const Entry& entry) { return entry.signal.from_peer_id == from; };
  const auto waiting = std::count_if(queue.begin(), queue.end(), from_sender);
  if (static_cast<std::size_t>(waiting) >= limits_.signals_waiting) {
    queue.erase(std::find_if(queue.begin(), queue.end(), from_sender));
    --size_;
    result = Added::for_oldest;
  } else if (size_ >= limits_.signals_waiting_in_all) {
    if (queue.empty()) queues_.erase({party, to});
    return Added::no;
  }
  queue.push_back({{++last_, from, std::move(data)}, now + limits_.signal_lifetime});
  ++size_;
  return result;
}

std::vector<protocol::QueuedSignal> SignalQueue::after(const PartyId& party, const PeerId& to,
                                                       std::uint64_t after, UnixTime now) const {
  std::vector<protocol::QueuedSignal> out;
  if (const auto found = queues_.find({party, to}); found != queues_.end())
    for (const auto& entry : found->second)
      if (entry.signal.n > after && entry.expires > now) out.push_back(entry.signal);
  return out;
}

std::vector<protocol::QueuedSignal> SignalQueue::take(const PartyId& party, const PeerId& to,
                                                      UnixTime now) {
  auto out = after(party, to, 0, now);
  if (const auto found = queues_.find({party, to}); found != queues_.end()) {
    size_ -= found->second.size();
    queues_.erase(found);
  }
  return out;
}

std::size_t SignalQueue::expire(UnixTime now) {
  const std::size_t before = size_;
  for (auto it = queues_.begin(); it != queues_.end();) {
    auto& queue = it->second;
    while (!queue.empty() && queue.front().expires <= now) {
      queue.pop_front();
      --size_;
    }
    it = queue.empty() ? queues_.erase(it) : std::next(it);
  }
  return before - size_;
}

void SignalQueue::forget(const PartyId& party, const PeerId& peer) {
  for (auto it = queues_.lower_bound({party, PeerId{}});
       it != queues_.end() && it->first.first == party;) {
    auto& queue = it->second;
    size_ -= queue.size();
    if (it->first.second == peer)
      queue.clear();
    else
      std::erase_if(queue, [&](const Entry& entry) { return entry.signal.from_peer_id == peer; });
    size_ += queue.size();
    it = queue.empty() ? queues_.erase(it) : std::next(it);
  }
}

void SignalQueue::forget(const PartyId& party) {
  for (auto it = queues_.lower_bound({party, PeerId{}});
       it != queues_.end() && it->first.first == party; it = queues_.erase(it))
    size_ -= it->second.size();
}

}  // namespace lanrage::server
