// Keeps late relayed packets of one WireGuard session from moving its endpoint while its pair
// switches to another path: WireGuard would follow each of them back to the relay. nftables, in a
// table of our own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/result.hpp"

namespace lanrage::agent {

enum class PacketFilterErrc { unavailable, refused };
constexpr std::string_view name_of(PacketFilterErrc e) {
  switch (e) {
    case PacketFilterErrc::unavailable:
      return "packet_filter_unavailable";
    case PacketFilterErrc::refused:
      return "packet_filter_refused";
  }
  return "unknown";
}

class PacketFilter {
 public:
  // Makes table `lanrage_<interface>` in the calling thread's network namespace, in place of what a
  // killed agent left. An Error means that there is no nftables here: don't switch paths then.
  static Result<std::unique_ptr<PacketFilter>> open(const std::string& interface_name,
                                                    std::uint16_t listen_port);
  ~PacketFilter();  // removes the table

  // Incoming WireGuard data packets from `relay` to our port with `receiver_index` (ours, as
  // wireguard::classify() reads it) seem to come from `as`, so that none is lost; without it, or
  // where it is of the other family, they are dropped. Doing it twice, or undoing what wasn't done,
  // changes nothing.
  Result<void> block_relayed(const Endpoint& relay, std::uint32_t receiver_index,
                             const std::optional<Endpoint>& as = std::nullopt);
  Result<void> unblock(const Endpoint& relay, std::uint32_t receiver_index);
  Result<void> unblock_all();

 private:
  class Impl;
  explicit PacketFilter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanrage::agent
