// Signals waiting for members that aren't connected. Their content is sealed: we can't read it.
#pragma once

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "protocol/rest.hpp"
#include "server/limits.hpp"

namespace lanrage::server {

class SignalQueue {
 public:
  // Numbers begin above any that an earlier process gave, as they begin at the time in ms.
  SignalQueue(const Limits& limits, UnixTime now)
      : limits_(limits), last_(static_cast<std::uint64_t>(now.time_since_epoch().count())) {}

  enum class Added { yes, for_oldest, no };  // no: the whole queue is full
  // Beyond the limit for one sender its oldest goes.
  Added add(const PartyId& party, const PeerId& from, const PeerId& to, Bytes data, UnixTime now);
  // Those numbered above `after`; they stay, so a request may be repeated.
  std::vector<protocol::QueuedSignal> after(const PartyId& party, const PeerId& to,
                                            std::uint64_t after, UnixTime now) const;
  // All, and removes them: for a WebSocket.
  std::vector<protocol::QueuedSignal> take(const PartyId& party, const PeerId& to, UnixTime now);

  std::size_t expire(UnixTime now);                       // how many
  void forget(const PartyId& party, const PeerId& peer);  // to and from this peer
  void forget(const PartyId& party);
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    protocol::QueuedSignal signal;
    UnixTime expires;
  };
  using Key = std::pair<PartyId, PeerId>;

  const Limits& limits_;
  std::uint64_t last_;
  std::size_t size_ = 0;
  std::map<Key, std::deque<Entry>> queues_;
};

}  // namespace lanrage::server
