// Relays that take turns under the same load, so that whatever else the machine does meets all of
// them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "relay/coturn.hpp"
#include "relay/lanrage_relay.hpp"
#include "relay/load.hpp"
#include "relay/metrics.hpp"

namespace lanrage::bench {

// A testbed with a load in it.
struct Arena {
  explicit Arena(Testbed::Veths veths = Testbed::Veths::plain, const LoadShape& shape = {})
      : testbed(veths), load(senders, receivers, shape) {}

  Testbed testbed;
  ClientPorts senders{testbed.senders(), Testbed::senders_prefix()};
  ClientPorts receivers{testbed.receivers(), Testbed::receivers_prefix()};
  Load load;
};

// From each sender straight to its receiver, without a relay.
std::vector<Flow> direct_flows(const Arena& arena, std::size_t pairs);

struct Contestant {
  const Arena* arena;
  std::unique_ptr<RelayUnderTest> relay;
  // A round each:
  std::vector<double> own{};        // ns of the relay's processor time a packet
  std::vector<double> machine{};    // the same of all, less what the load costs without a relay
  std::vector<double> in_kernel{};  // the share of packets that a program there forwarded
  std::vector<double> delivered{};  // packets a second
  std::size_t delivered_size = 0;
};

// Ready for flows.
std::unique_ptr<RelayUnderTest> make_lanrage(const Arena& arena, const LanrageSettings& settings,
                                             std::size_t pairs);
std::unique_ptr<RelayUnderTest> make_coturn(const Arena& arena, Coturn::Receiver receiver,
                                            std::size_t pairs);

// Sessions in use are forwarded in the kernel.
LanrageSettings xdp_settings(const Options& options);

// Both ends of the load without a relay between them: ns a packet.
double cost_of_load(const Arena& arena, const Options& options);
// As fast as it delivers.
void run_round(Contestant& one, double load_ns, const Options& options);
// As fast as they deliver.
void contest(std::vector<Contestant>& contestants, const Options& options);

// Packets that a second of processor time delivers, by the median round.
void report_cost(const char* metric, const Contestant& ours, const Contestant* peer,
                 std::vector<double> Contestant::* cost);

}  // namespace lanrage::bench
