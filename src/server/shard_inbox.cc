#include "server/shard_inbox.hpp"

#include <cerrno>
#include <cstring>
#include <sys/eventfd.h>
#include <unistd.h>

namespace lanrage::server {

Result<std::unique_ptr<ShardInbox>> ShardInbox::open() {
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake.get() < 0)
    return fail(UdpErrc::socket_failed, std::string("no eventfd: ") + std::strerror(errno));
  return std::unique_ptr<ShardInbox>(new ShardInbox(std::move(wake)));
}

bool ShardInbox::post(relay::ShardMessage message) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (messages_.size() >= kMostWithPackets && !relay::packet_of(message).empty()) return false;
    first = messages_.empty();
    messages_.push_back(std::move(message));
    filled_.store(true, std::memory_order_release);
  }
  if (first) wake();
  return true;
}

void ShardInbox::wake() const {
  const std::uint64_t one = 1;
  // Fails only when it is readable anyway.
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
}

std::vector<relay::ShardMessage> ShardInbox::take() {
  std::vector<relay::ShardMessage> out;
  if (!filled_.load(std::memory_order_acquire)) return out;
  const std::lock_guard lock(mutex_);
  out.swap(messages_);
  filled_.store(false, std::memory_order_relaxed);
  return out;
}

void ShardInbox::clear_wake() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(wake_.get(), &count, sizeof count);
}

}  // namespace lanrage::server
