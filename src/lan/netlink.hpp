// rtnetlink's messages about a VXLAN device, its forwarding table and neighbours, as bytes only: a
// shell owns the socket.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/wiped.hpp"
#include "lan/tables.hpp"

namespace lanrage::lan {

enum class Errc {
  malformed_reply,  // what the kernel answered isn't what rtnetlink documents
};
constexpr std::string_view name_of(Errc) {
  return "malformed_reply";
}

namespace netlink {

// A new VXLAN device, down, on the WireGuard device with that index. All are to be acknowledged.
WipedBytes encode_device(std::string_view name, std::uint32_t wireguard_index,
                         const Segment& segment, std::uint32_t sequence);
// A VXLAN device that lacks what it must have: refused as invalid by a kernel that has such, and as
// not supported by one that hasn't.
WipedBytes encode_question(std::uint32_t sequence);
// No IPv6 address that the kernel makes up by itself: others know ours beforehand. Refused in
// encode_device()'s message.
WipedBytes encode_no_own_addresses(std::string_view name, std::uint32_t sequence);
WipedBytes encode(const TableOperation& operation, std::uint32_t index, std::uint32_t sequence);

// Dump requests; the answers to both are for one TablesParser.
WipedBytes encode_get_forwarding(std::uint32_t index, std::uint32_t sequence);
WipedBytes encode_get_neighbours(std::uint32_t index, std::uint32_t sequence);

// Collects the tables of one device from the answers to dumps. Neighbours that the kernel found by
// itself are passed over: they go by themselves.
class TablesParser {
 public:
  explicit TablesParser(std::uint32_t index) : index_(index) {}

  // `datagram` is one receive: some netlink messages. True: that was the last of this dump.
  Result<bool> add(ByteView datagram);
  // A table changed during a dump: parts may not fit together, ask again.
  bool interrupted() const { return interrupted_; }
  Tables take() && { return std::move(tables_); }

 private:
  bool add_entry(ByteView payload);

  std::uint32_t index_;
  Tables tables_;
  bool interrupted_ = false;
};

}  // namespace netlink
}  // namespace lanrage::lan
