// One thread of a relay: a socket, a shard of the relay's core, and the way to the other threads.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "relay/relay.hpp"
#include "server/relay_latency.hpp"
#include "server/shard_inbox.hpp"
#include "server/udp_batch.hpp"
#include "server/udp_worker.hpp"

namespace lanrage::server {

struct RelayThreadCounters {
  relay::Counters relay;
  UdpCounters udp;
  std::uint64_t passed = 0;  // packets and binds that were another thread's to go on with
  std::size_t clients = 0;   // of all threads
  std::size_t sessions = 0;
  RelayLatency latency;  // of forwarded packets, from their receipt to having been sent
  double cpu_seconds = 0;
};

class RelayThread {
 public:
  // `inboxes` are all threads', by number, and outlive it.
  RelayThread(UdpSocket socket, std::unique_ptr<relay::Relay> relay,
              std::span<const std::unique_ptr<ShardInbox>> inboxes, std::size_t number);

  // Before start().
  void set_fast_path(relay::FastPath& path) { relay_->set_fast_path(path); }
  Result<void> start();
  void stop() { worker_.reset(); }

  const Endpoint& endpoint() const { return socket_.local(); }
  // As of the last batch or second; from any thread.
  RelayThreadCounters counters() const;
  // What its clients have sent, as of now, to `done` on the thread itself, whose counters() are
  // then as new. From any thread; never when it has stopped.
  using Looked = std::move_only_function<void(std::vector<relay::ClientTraffic>)>;
  void look(Looked done);
  // For packets that arrive from now on; from any thread. The first thread's business.
  void set_token_key(const crypto::VerifyKey& key);

 private:
  void on_readable(const UdpTimes& times);
  void take_messages(const UdpTimes& times);
  void send_passed();
  void post();
  void publish();
  void take_looks();
  void note_cpu_time();
  void adopt_token_key();

  UdpSocket socket_;
  // The thread's own, as are the batches.
  std::unique_ptr<relay::Relay> relay_;
  std::span<const std::unique_ptr<ShardInbox>> inboxes_;
  ShardInbox& inbox_;
  UdpBatch batch_;
  UdpBatch passed_batch_;     // what came from other threads
  std::deque<Bytes> passed_;  // its bytes, until it is sent
  RelayLatency latency_;
  double cpu_seconds_ = 0;
  std::uint64_t passed_on_ = 0;
  std::uint64_t passed_lost_ = 0;
  mutable std::mutex counters_mutex_;
  RelayThreadCounters published_;
  std::mutex looks_mutex_;
  std::vector<Looked> looks_;  // asked for
  std::mutex key_mutex_;
  std::optional<crypto::VerifyKey> next_key_;
  std::atomic<bool> has_next_key_ = false;
  std::unique_ptr<UdpWorker> worker_;
};

}  // namespace lanrage::server
