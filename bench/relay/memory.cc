// What a relay's process grows by with each client, and with each pair that talks. The kernel's
// share (a socket for each of coturn's allocations) isn't in it.
#include <vector>

#include "common/cpu.hpp"
#include "common/report.hpp"
#include "relay/coturn.hpp"
#include "relay/lanrage_relay.hpp"
#include "relay/metrics.hpp"

namespace lanrage::bench {
namespace {

struct Growth {
  double client = 0;  // bytes
  double pair = 0;
};

// Who came before the count: what these take once (a batch's buffers, say) isn't each one's.
std::size_t first_pairs(std::size_t pairs) {
  return pairs / 16;
}

Growth growth_of(std::size_t empty, std::size_t bound, std::size_t talking, std::size_t pairs) {
  const auto count = static_cast<double>(pairs - first_pairs(pairs));
  return {(static_cast<double>(bound) - static_cast<double>(empty)) / (2 * count),
          (static_cast<double>(talking) - static_cast<double>(bound)) / count};
}

Growth grow_lanrage(const Options& options) {
  const Testbed testbed;
  const ClientPorts senders(testbed.senders(), Testbed::senders_prefix());
  const ClientPorts receivers(testbed.receivers(), Testbed::receivers_prefix());
  LanrageRelay relay(testbed, senders, receivers, {options.server});
  relay.clients().bind(first_pairs(options.memory_pairs));
  relay.clients().shake_hands();
  const auto empty = resident_bytes(relay.pid());
  relay.clients().bind(options.memory_pairs);
  const auto bound = resident_bytes(relay.pid());
  relay.clients().shake_hands();
  return growth_of(empty, bound, resident_bytes(relay.pid()), options.memory_pairs);
}

Growth grow_coturn(const Options& options) {
  const Testbed testbed;
  const ClientPorts senders(testbed.senders(), Testbed::senders_prefix());
  const ClientPorts receivers(testbed.receivers(), Testbed::receivers_prefix());
  Coturn relay(testbed, senders, receivers, Coturn::Receiver::allocated);
  relay.allocate(first_pairs(options.coturn_memory_pairs));
  relay.bind_channels();
  const auto empty = resident_bytes(relay.pid());
  relay.allocate(options.coturn_memory_pairs);
  const auto bound = resident_bytes(relay.pid());
  relay.bind_channels();
  return growth_of(empty, bound, resident_bytes(relay.pid()), options.coturn_memory_pairs);
}

}  // namespace

void measure_memory(const Options& options) {
  if (!options.wants("client_bytes") && !options.wants("pair_bytes")) return;
  const Growth ours = grow_lanrage(options);
  std::optional<Growth> theirs;
  if (Coturn::installed()) theirs = grow_coturn(options);
  const auto print = [&](const char* metric, double Growth::* what) {
    std::optional<Peer> peer;
    if (theirs) peer = {"coturn", (*theirs).*what};
    report(metric, ours.*what, "bytes", peer);
  };
  print("client_bytes", &Growth::client);
  print("pair_bytes", &Growth::pair);
}

}  // namespace lanrage::bench
