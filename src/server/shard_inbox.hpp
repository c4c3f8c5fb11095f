// Where the other threads of a relay leave messages for one of them. Only binds, handshakes and
// moves go this way, so a lock for each is cheap; while there is nothing, looking costs one load.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "relay/shard.hpp"
#include "server/udp_socket.hpp"

namespace lanrage::server {

class ShardInbox {
 public:
  // Packets beyond so many messages are dropped: their thread is far behind, and what it has to
  // know still has room.
  static constexpr std::size_t kMostWithPackets = 16'384;

  static Result<std::unique_ptr<ShardInbox>> open();

  // Readable when there may be something new.
  int fd() const { return wake_.get(); }

  // From any thread. False: full, the packet is lost.
  bool post(relay::ShardMessage message);
  // Readable now, though there may be nothing new; from any thread.
  void wake() const;
  // Everything in the order of posting; of the thread whose inbox it is.
  std::vector<relay::ShardMessage> take();
  void clear_wake() const;

 private:
  explicit ShardInbox(FileDescriptor wake) : wake_(std::move(wake)) {}

  FileDescriptor wake_;
  std::atomic<bool> filled_ = false;
  std::mutex mutex_;
  std::vector<relay::ShardMessage> messages_;
};

}  // namespace lanrage::server
