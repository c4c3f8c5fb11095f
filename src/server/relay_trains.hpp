#pragma once

namespace lanrage::server {

// Which ways datagrams of one size between two endpoints go several at a time, where kernel and
// device can (UDP_GRO, UDP_SEGMENT).
struct RelayTrains {
  bool receive = true;
  bool send = true;
  friend bool operator==(const RelayTrains&, const RelayTrains&) = default;
};

}  // namespace lanrage::server
