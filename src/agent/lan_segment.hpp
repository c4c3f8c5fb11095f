// One party's LAN device: VXLAN in the kernel on the party's WireGuard device, its tables kept as
// the membership wants them, and the packet filter without which it mustn't be (lan/rules.hpp).
//
// In the network namespace of the calling thread, synchronously (milliseconds), from one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "lan/rules.hpp"
#include "lan/segment.hpp"
#include "lan/tables.hpp"

namespace lanrage::agent {

enum class LanErrc {
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

struct LanOptions {
  // Empty: the first free of lan0 to lan255. A name that is kept across restarts finds and removes
  // what a killed agent left behind; an interface that isn't ours is never touched.
  std::string interface_name;
  bool or_numbered = false;  // where interface_name is taken: the first free numbered one
  std::string wireguard;     // the party's WireGuard device, which has segment.self.underlay
  lan::Segment segment;
  lan::Access access = lan::Access::games;
};

class LanSegment {
 public:
  // The filter is there before the device is, and the device has addresses and neighbours before it
  // is up.
  static Result<std::unique_ptr<LanSegment>> open(LanOptions options);
  ~LanSegment();  // removes the device, then the filter

  // Of the same party and device, with other members or another MTU. The filter changes first:
  // whoever is gone is shut out, and nobody's frames come before theirs are known.
  Result<void> set(const lan::Segment& segment);
  Result<void> set_access(lan::Access access);

  const std::string& interface_name() const { return interfaces_.lan; }
  Result<lan::Tables> tables();  // as the kernel has them

 private:
  class Impl;
  LanSegment(lan::Interfaces interfaces, std::unique_ptr<Impl> impl);

  lan::Interfaces interfaces_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanrage::agent
