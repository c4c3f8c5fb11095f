// The kernel's tables of one VXLAN device as values: what they should hold, what they hold, and the
// operations between.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <variant>
#include <vector>

#include "lan/segment.hpp"

namespace lanrage::lan {

// Frames to `mac` go to `underlay`; with the zero MAC, those to a group or to nobody known, of
// which each such entry gets a copy.
struct ForwardingEntry {
  Mac mac{};
  IpAddress underlay;

  friend auto operator<=>(const ForwardingEntry&, const ForwardingEntry&) = default;
};

struct Tables {
  std::set<ForwardingEntry> forwarding{};
  std::map<IpAddress, Mac> neighbours{};  // both families; nobody is asked by ARP or NDP

  friend bool operator==(const Tables&, const Tables&) = default;
};

Tables tables_of(const Segment& segment);

struct RemoveForwarding {
  ForwardingEntry entry;
};
struct AddForwarding {
  ForwardingEntry entry;
};
struct RemoveNeighbour {
  IpAddress address;
};
// Replaces what the address had.
struct SetNeighbour {
  IpAddress address;
  Mac mac{};
};
using TableOperation = std::variant<RemoveForwarding, AddForwarding, RemoveNeighbour, SetNeighbour>;

// What turns `actual` into `desired`, in the order to apply: whoever is gone goes first. Nothing
// that is right is touched, so running traffic doesn't notice.
std::vector<TableOperation> diff(const Tables& desired, const Tables& actual);

}  // namespace lanrage::lan
