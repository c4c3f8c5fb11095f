// The two threads of a load.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <sys/socket.h>
#include <vector>

#include "relay/load.hpp"

namespace lanrage::bench {

// What the threads tell each other and their owner.
struct Progress {
  std::atomic<std::uint64_t> sent = 0;
  std::atomic<std::uint64_t> received = 0;
  std::atomic<std::uint64_t> lost = 0;
  std::atomic<bool> measuring = false;  // latencies are kept
  std::atomic<bool> sender_stops = false;
  std::atomic<bool> receiver_stops = false;
  std::uint64_t run = 0;  // in every packet, so that a late one of an earlier run isn't counted

  Progress();
};

struct Pace {
  std::size_t window;        // packets on their way; 0: any number
  std::uint64_t per_second;  // 0: as many as the window allows
};

class Sender {
 public:
  Sender(const ClientPorts& ports, const LoadShape& shape, const std::vector<Flow>& flows,
         const Pace& pace, Progress& progress);
  ~Sender();
  void run();

 private:
  static constexpr std::size_t kBatch = 64;
  struct Arrays;
  std::size_t room();  // for how many packets there is room, or time, now
  void send(std::size_t count);

  const ClientPorts& ports_;
  LoadShape shape_;
  Pace pace_;
  Progress& progress_;
  struct Queued {
    std::vector<const Flow*> flows;
    std::size_t next = 0;
    std::size_t sent = 0;  // of the burst
  };
  std::array<Queued, ClientPorts::kSockets> queues_;
  std::size_t turn_ = 0;
  std::uint64_t number_ = 0;
  std::int64_t began_ = 0;
  std::uint64_t last_received_ = 0;
  std::int64_t last_progress_ = 0;
  std::unique_ptr<Arrays> arrays_;
};

class Receiver {
 public:
  Receiver(const ClientPorts& ports, const LoadShape& shape, Progress& progress);
  ~Receiver();
  void run();
  std::size_t last_size() const { return last_size_; }
  std::vector<std::uint32_t> take_latencies() { return std::move(latencies_); }

 private:
  static constexpr std::size_t kBatch = 64;
  struct Arrays;
  bool read(int fd);

  const ClientPorts& ports_;
  std::size_t message_size_;
  Progress& progress_;
  std::size_t last_size_ = 0;
  std::vector<std::uint32_t> latencies_;
  std::unique_ptr<Arrays> arrays_;
};

}  // namespace lanrage::bench
