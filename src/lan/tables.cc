#include "lan/tables.hpp"

namespace lanrage::lan {

Tables tables_of(const Segment& segment) {
  Tables out;
  for (const auto& station : segment.others) {
    out.forwarding.insert({Mac{}, station.underlay});
    out.forwarding.insert({station.mac, station.underlay});
    for (const auto& address : {station.vip, station.address, station.link_local})
      out.neighbours.emplace(address, station.mac);
  }
  return out;
}

std::vector<TableOperation> diff(const Tables& desired, const Tables& actual) {
  std::vector<TableOperation> out;
  for (const auto& entry : actual.forwarding)
    if (!desired.forwarding.contains(entry)) out.emplace_back(RemoveForwarding{entry});
  for (const auto& [address, mac] : actual.neighbours)
    if (!desired.neighbours.contains(address)) out.emplace_back(RemoveNeighbour{address});
  for (const auto& entry : desired.forwarding)
    if (!actual.forwarding.contains(entry)) out.emplace_back(AddForwarding{entry});
  for (const auto& [address, mac] : desired.neighbours) {
    const auto found = actual.neighbours.find(address);
    if (found == actual.neighbours.end() || found->second != mac)
      out.emplace_back(SetNeighbour{address, mac});
  }
  return out;
}

}  // namespace lanrage::lan
