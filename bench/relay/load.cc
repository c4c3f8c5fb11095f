#include "relay/load.hpp"

#include <algorithm>
#include <thread>

#include "relay/load_threads.hpp"

namespace lanrage::bench {
namespace {

constexpr Nanoseconds kWarmUp = std::chrono::milliseconds(200);
constexpr Nanoseconds kLastArrivals = std::chrono::milliseconds(50);

struct Snapshot {
  std::uint64_t sent, received, lost;
  Nanoseconds relay, all;
  std::chrono::steady_clock::time_point at;
};

Snapshot look(const Progress& progress, std::optional<pid_t> relay) {
  Snapshot out{
      progress.sent, progress.received, progress.lost, {}, {}, std::chrono::steady_clock::now()};
  if (relay) out.relay = cpu_of(*relay);
  out.all = out.relay + own_cpu() + softirq_threads_cpu();
  return out;
}

LoadResult run(const ClientPorts& senders, const ClientPorts& receivers, const LoadShape& shape,
               const std::vector<Flow>& flows, const Pace& pace, Nanoseconds time,
               std::optional<pid_t> relay) {
  Progress progress;
  Receiver receiver(receivers, shape, progress);
  Sender sender(senders, shape, flows, pace, progress);
  std::thread receiving([&] { receiver.run(); });
  std::thread sending([&] { sender.run(); });
  std::this_thread::sleep_for(kWarmUp);
  progress.measuring = true;
  const Snapshot before = look(progress, relay);
  std::this_thread::sleep_for(time);
  const Snapshot after = look(progress, relay);
  progress.measuring = false;
  progress.sender_stops = true;
  sending.join();
  std::this_thread::sleep_for(kLastArrivals);
  progress.receiver_stops = true;
  receiving.join();
  LoadResult result;
  result.seconds = std::chrono::duration<double>(after.at - before.at).count();
  result.sent = after.sent - before.sent;
  result.delivered = after.received - before.received;
  result.lost = after.lost - before.lost;
  result.arrived = progress.received;
  result.delivered_size = receiver.last_size();
  result.latencies = receiver.take_latencies();
  result.relay_cpu = after.relay - before.relay;
  result.all_cpu = after.all - before.all;
  return result;
}

}  // namespace

PacketHead::PacketHead(ByteView framing, std::uint32_t receiver_index)
    : size_(static_cast<std::uint8_t>(framing.size() + kMessageHeaderSize)) {
  std::uint8_t* message = std::ranges::copy(framing, bytes_.data()).out;
  message[0] = 4;
  for (std::size_t i = 0; i < 4; ++i)  // little-endian, as WireGuard writes it
    message[4 + i] = static_cast<std::uint8_t>(receiver_index >> 8 * i);
}

LoadResult Load::saturate(const std::vector<Flow>& flows, std::size_t window, Nanoseconds time,
                          std::optional<pid_t> relay) const {
  return run(senders_, receivers_, shape_, flows, {.window = window, .per_second = 0}, time, relay);
}

LoadResult Load::at_rate(const std::vector<Flow>& flows, std::uint64_t per_second, Nanoseconds time,
                         std::optional<pid_t> relay) const {
  return run(senders_, receivers_, shape_, flows, {.window = 0, .per_second = per_second}, time,
             relay);
}

}  // namespace lanrage::bench
