// One party's LAN device: VXLAN in the kernel on the party's WireGuard device, its tables kept as
// the membership wants them, and the packet filter without which it mustn't be (lan/rules.hpp).
//
// In the network namespace of the calling thread, synchronously (milliseconds), from one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/lan_filter.hpp"
#include "base/result.hpp"
#include "lan/rules.hpp"
#include "lan/segment.hpp"
#include "lan/tables.hpp"

namespace lanrage::agent {

// Whether LAN devices can be made by this kernel, whose module it then loads; nothing where that
// can't be told, without CAP_NET_ADMIN.
std::optional<bool> kernel_has_vxlan();

// Removes devices and filters of agents that were killed: of a party that is left since, nobody
// else would. Those of living agents stay.
void remove_dead_segments();

struct LanOptions {
  // Empty: the first free of lan0 to lan255. A name that is kept across restarts finds and removes
  // what a killed agent left behind; an interface that isn't ours is never touched.
  std::string interface_name;
  bool or_numbered = false;       // where interface_name is taken: the first free numbered one
  std::string wireguard;          // the party's WireGuard device, which has segment.self.underlay
  std::uint16_t listen_port = 0;  // of that WireGuard
  lan::Segment segment;
  lan::Access access{};
};

class LanSegment {
 public:
  // The filter is there before the device is, and the device has addresses and neighbours before it
  // is up.
  static Result<std::unique_ptr<LanSegment>> open(LanOptions options);
  ~LanSegment();  // removes the device, then the filter

  // Of the same party and device, with other members or another MTU. The filter changes first:
  // whoever is gone is shut out, and nobody's frames come before theirs are known. After an error,
  // call it again: what was done is not done twice.
  Result<void> set(const lan::Segment& segment);
  // Takes effect on connections that are open, too. Where it fails, all stays as it was.
  Result<void> set_access(lan::Access access);

  // Whether somebody removed or renamed the device (device_gone), or changed the filter
  // (unguarded): set() then puts it back, and while it can't the device is down. Routes that were
  // lost are set again.
  Result<void> look();

  const std::string& interface_name() const { return interfaces_.lan; }
  Result<lan::Tables> tables();  // as the kernel has them

 private:
  class Impl;
  LanSegment(lan::Interfaces interfaces, std::unique_ptr<Impl> impl);

  lan::Interfaces interfaces_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanrage::agent
