#include "lan/netlink.hpp"

#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/netlink_message.hpp"
#include "base/overloaded.hpp"

namespace lanrage::lan::netlink {
namespace {

// Linux's numbers of the address families.
constexpr std::uint8_t kAny = 0;
constexpr std::uint8_t kIpv4 = 2;
constexpr std::uint8_t kBridge = 7;
constexpr std::uint8_t kIpv6 = 10;

constexpr std::uint16_t kCommand = NLM_F_REQUEST | NLM_F_ACK;
constexpr std::uint16_t kDump = NLM_F_REQUEST | NLM_F_DUMP;

ByteArray<2> network_order(std::uint16_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

ndmsg entry_header(std::uint8_t family, std::uint32_t index) {
  ndmsg out{};
  out.ndm_family = family;
  out.ndm_ifindex = static_cast<int>(index);
  out.ndm_state = NUD_PERMANENT;
  return out;
}

WipedBytes forwarding(std::uint16_t type, std::uint16_t flags, const ForwardingEntry& entry,
                      std::uint32_t index, std::uint32_t sequence) {
  auto header = entry_header(kBridge, index);
  header.ndm_state |= NUD_NOARP;
  header.ndm_flags = NTF_SELF;  // the device's own table, not a bridge's
  NetlinkWriter out(type, static_cast<std::uint16_t>(kCommand | flags), sequence);
  out.raw(header).attribute(NDA_LLADDR, entry.mac).attribute(NDA_DST, entry.underlay.bytes());
  return std::move(out).take();
}

WipedBytes neighbour(std::uint16_t type, std::uint16_t flags, const IpAddress& address,
                     const Mac* mac, std::uint32_t index, std::uint32_t sequence) {
  NetlinkWriter out(type, static_cast<std::uint16_t>(kCommand | flags), sequence);
  out.raw(entry_header(address.is_v4() ? kIpv4 : kIpv6, index)).attribute(NDA_DST, address.bytes());
  if (mac != nullptr) out.attribute(NDA_LLADDR, *mac);
  return std::move(out).take();
}

std::optional<IpAddress> address_of(ByteView bytes) {
  ByteReader reader(bytes);
  if (bytes.size() == 4) return IpAddress::v4(reader.array<4>());
  if (bytes.size() == 16) return IpAddress::v6(reader.array<16>());
  return std::nullopt;
}

std::optional<Mac> mac_of(ByteView bytes) {
  if (bytes.size() != Mac().size()) return std::nullopt;
  return ByteReader(bytes).array<6>();
}

}  // namespace

WipedBytes encode_device(std::string_view name, std::uint32_t wireguard_index,
                         const Segment& segment, std::uint32_t sequence) {
  NetlinkWriter out(RTM_NEWLINK, kCommand | NLM_F_CREATE | NLM_F_EXCL, sequence);
  out.raw(ifinfomsg{}).text(IFLA_IFNAME, name).attribute(IFLA_ADDRESS, segment.self.mac);
  out.number(IFLA_MTU, segment.mtu);
  const auto info = out.begin_nest(IFLA_LINKINFO);
  out.attribute(IFLA_INFO_KIND, as_bytes("vxlan"));
  const auto data = out.begin_nest(IFLA_INFO_DATA);
  out.number(IFLA_VXLAN_ID, segment.numbers.vni)
      .attribute(IFLA_VXLAN_LOCAL6, segment.self.underlay.bytes())
      .number(IFLA_VXLAN_LINK, wireguard_index)
      .number(IFLA_VXLAN_LEARNING, std::uint8_t{0})
      .attribute(IFLA_VXLAN_PORT, network_order(segment.numbers.port));
  // The kernel takes the lower one always, as the upper is one past the last.
  ByteWriter range;
  range.u16(kSourcePort).u16(kSourcePort + 1);
  out.attribute(IFLA_VXLAN_PORT_RANGE, range.bytes());
  out.end_nest(data);
  out.end_nest(info);
  return std::move(out).take();
}

WipedBytes encode_question(std::uint32_t sequence) {
  NetlinkWriter out(RTM_NEWLINK, kCommand | NLM_F_CREATE | NLM_F_EXCL, sequence);
  out.raw(ifinfomsg{});
  const auto info = out.begin_nest(IFLA_LINKINFO);
  out.attribute(IFLA_INFO_KIND, as_bytes("vxlan"));
  out.end_nest(info);
  return std::move(out).take();
}

WipedBytes encode_no_own_addresses(std::string_view name, std::uint32_t sequence) {
  NetlinkWriter out(RTM_NEWLINK, kCommand, sequence);
  out.raw(ifinfomsg{}).text(IFLA_IFNAME, name);
  const auto families = out.begin_nest(IFLA_AF_SPEC);
  const auto ipv6 = out.begin_nest(kIpv6);
  out.number(IFLA_INET6_ADDR_GEN_MODE, std::uint8_t{IN6_ADDR_GEN_MODE_NONE});
  out.end_nest(ipv6);
  out.end_nest(families);
  return std::move(out).take();
}

WipedBytes encode(const TableOperation& operation, std::uint32_t index, std::uint32_t sequence) {
  return std::visit(Overloaded{
                        [&](const RemoveForwarding& o) {
                          return forwarding(RTM_DELNEIGH, 0, o.entry, index, sequence);
                        },
                        [&](const AddForwarding& o) {
                          // Appending gives one MAC several places: the zero MAC has everybody's.
                          return forwarding(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, o.entry,
                                            index, sequence);
                        },
                        [&](const RemoveNeighbour& o) {
                          return neighbour(RTM_DELNEIGH, 0, o.address, nullptr, index, sequence);
                        },
                        [&](const SetNeighbour& o) {
                          return neighbour(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, o.address,
                                           &o.mac, index, sequence);
                        },
                    },
                    operation);
}

// The kernel reads an ifinfomsg here (rtnl_fdb_dump), of whose index it dumps the table.
WipedBytes encode_get_forwarding(std::uint32_t index, std::uint32_t sequence) {
  ifinfomsg header{};
  header.ifi_family = kBridge;
  header.ifi_index = static_cast<int>(index);
  NetlinkWriter out(RTM_GETNEIGH, kDump, sequence);
  out.raw(header);
  return std::move(out).take();
}

WipedBytes encode_get_neighbours(std::uint32_t index, std::uint32_t sequence) {
  ndmsg header{};
  header.ndm_family = kAny;
  NetlinkWriter out(RTM_GETNEIGH, kDump, sequence);
  out.raw(header).number(NDA_IFINDEX, index);
  return std::move(out).take();
}

Result<bool> TablesParser::add(ByteView datagram) {
  bool done = false;
  const bool ok = for_each_netlink_message(datagram, [&](const NetlinkMessage& message) {
    interrupted_ |= (message.flags & NLM_F_DUMP_INTR) != 0;
    if (message.type == NLMSG_DONE) done = true;
    return message.type != RTM_NEWNEIGH || add_entry(message.payload);
  });
  if (!ok)
    return fail(Errc::malformed_reply,
                "the kernel told its neighbours in a way that can't be read");
  return done;
}

bool TablesParser::add_entry(ByteView payload) {
  const auto header = plain_at_start<ndmsg>(payload);
  if (!header) return false;
  if (static_cast<std::uint32_t>(header->ndm_ifindex) != index_) return true;
  std::optional<IpAddress> address;
  std::optional<Mac> mac;
  const bool ok = for_each_netlink_attribute(payload.subspan(NLMSG_ALIGN(sizeof(ndmsg))),
                                             [&](const NetlinkAttribute& attribute) {
                                               if (attribute.type == NDA_DST)
                                                 address = address_of(attribute.payload);
                                               if (attribute.type == NDA_LLADDR)
                                                 mac = mac_of(attribute.payload);
                                               return true;
                                             });
  if (!ok) return false;
  if (!address || !mac) return true;
  if (header->ndm_family == kBridge)
    tables_.forwarding.insert({*mac, *address});
  else if ((header->ndm_state & NUD_PERMANENT) != 0)
    tables_.neighbours.insert_or_assign(*address, *mac);
  return true;
}

}  // namespace lanrage::lan::netlink
