// The packet filter of one party's devices (lan/rules.hpp), and at the same time the claim to be
// its only agent in this network namespace, that of the calling thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "agent/nftables.hpp"
#include "base/result.hpp"
#include "io/unique_fd.hpp"
#include "lan/rules.hpp"

namespace lanrage::agent {

enum class LanErrc {
  switched_off,     // by the player
  unavailable,      // this kernel has no VXLAN: go without, the VIP on the WireGuard device
  unguarded,        // nftables refused the rules: nothing was made
  bad_name,         // of an interface
  interface_taken,  // exists and isn't a dead agent's of ours; or another agent has this party
  port_taken,       // another program has the party's UDP port
  no_permission,    // CAP_NET_ADMIN is missing
  device_gone,      // removed by somebody, perhaps with the WireGuard device
  failed,           // anything else the system said
};
constexpr std::string_view name_of(LanErrc e) {
  switch (e) {
    case LanErrc::switched_off:
      return "lan_switched_off";
    case LanErrc::unavailable:
      return "lan_unavailable";
    case LanErrc::unguarded:
      return "lan_unguarded";
    case LanErrc::bad_name:
      return "lan_bad_name";
    case LanErrc::interface_taken:
      return "lan_interface_taken";
    case LanErrc::port_taken:
      return "lan_port_taken";
    case LanErrc::no_permission:
      return "lan_no_permission";
    case LanErrc::device_gone:
      return "lan_device_gone";
    case LanErrc::failed:
      return "lan_failed";
  }
  return "unknown";
}

class LanFilter {
 public:
  // Filters nothing yet. Errors: interface_taken, unguarded, failed.
  static Result<std::unique_ptr<LanFilter>> open(const lan::SegmentNumbers& numbers);
  LanFilter(const LanFilter&) = delete;
  LanFilter& operator=(const LanFilter&) = delete;
  ~LanFilter();  // lifts it

  // In place of what it was, without a moment between. Error: unguarded; it stays as it was.
  Result<void> set(const lan::Segment& segment, const lan::Interfaces& interfaces,
                   const lan::Access& access);
  // Nobody has removed, emptied or changed it, as `nft flush ruleset` does and restarts of some
  // firewalls.
  bool stands();
  // It isn't lifted: what it guards couldn't be removed.
  void leave() { removal_.clear(); }

 private:
  LanFilter(io::UniqueFd claim, Nftables nftables)
      : claim_(std::move(claim)), nftables_(std::move(nftables)) {}

  io::UniqueFd claim_;  // none where a program that isn't an agent has taken its name
  Nftables nftables_;
  std::string table_;    // with its family
  std::string listed_;   // as nftables told it right after it was set
  std::string removal_;  // empty: nothing is filtered
};

// Those that killed agents left, and no other has taken over.
void remove_dead_filters();

}  // namespace lanrage::agent
