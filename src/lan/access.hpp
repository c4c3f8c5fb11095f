// What the party's members reach of this machine by the LAN: what games need, and what its player
// opened beside that.
#pragma once

#include <cstddef>

#include "lan/ports.hpp"

namespace lanrage::lan {

enum class AccessErrc { too_many, open_by_default, all_open };
constexpr std::string_view name_of(AccessErrc e) {
  switch (e) {
    case AccessErrc::too_many:
      return "too_many_ports";
    case AccessErrc::open_by_default:
      return "open_by_default";
    case AccessErrc::all_open:
      return "all_open";
  }
  return "unknown";
}

inline constexpr std::size_t kMostOpened = 64;  // ranges in Access::opened

struct Access {
  bool all = false;  // whatever this machine offers
  PortSet opened{};  // beside default_ports()

  // Keeps nothing that is open by default. Errors, here and below, with which nothing is changed:
  // too_many.
  Result<void> open(const PortRange& range);
  // all_open, while single ports can't be closed; open_by_default, where the player opened nothing
  // of it, but games may use some; too_many, as a range that is cut is two.
  Result<void> close(const PortRange& range);
  // Without `all`: what is let in by TCP and UDP.
  PortSet ports() const;

  friend bool operator==(const Access&, const Access&) = default;
};

// From 1024 on, but shut_ports(). Answers to a broadcast come to such: conntrack doesn't know them
// as answers.
const PortSet& default_ports();
// From 1024 on, services that belong to the machine's owner: databases, file shares, screens,
// printers, containers, and discovery that isn't of games.
const PortSet& shut_ports();

}  // namespace lanrage::lan
