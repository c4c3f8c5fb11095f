#include "xdp/next_hops.hpp"

#include <algorithm>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/netlink_message.hpp"

namespace lanrage::xdp {
namespace {

// What the stack would send to without asking first (linux/neighbour.h: NUD_VALID less NUD_NOARP).
constexpr std::uint16_t kUsable = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

std::uint8_t family(const IpAddress& address) {
  return address.is_v4() ? AF_INET : AF_INET6;
}

std::optional<IpAddress> address_of(ByteView bytes) {
  if (bytes.size() == 4) return IpAddress::v4(ByteReader(bytes).u32());
  ByteArray<16> v6{};
  if (bytes.size() != v6.size()) return std::nullopt;
  std::ranges::copy(bytes, v6.begin());
  return IpAddress::v6(v6);
}

// The attributes behind the `Header` of the first message of `type` in a datagram; its payload's
// header is the result. Nothing when there is none.
template <class Header>
std::optional<Header> read(ByteView datagram, std::uint16_t type,
                           const std::function<void(const NetlinkAttribute&)>& on_attribute) {
  std::optional<Header> out;
  for_each_netlink_message(datagram, [&](const NetlinkMessage& part) {
    const auto header = plain_at_start<Header>(part.payload);
    if (part.type != type || !header || out) return true;
    out = header;
    return for_each_netlink_attribute(part.payload.subspan(NLMSG_ALIGN(sizeof(Header))),
                                      [&](const NetlinkAttribute& attribute) {
                                        on_attribute(attribute);
                                        return true;
                                      });
  });
  return out;
}

}  // namespace

Result<NextHops> NextHops::open() {
  auto socket = io::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  return NextHops(std::move(*socket));
}

std::optional<NextHop> NextHops::find(Instant now, const IpAddress& to, const IpAddress& from) {
  const auto known = answers_.find(to);
  if (known != answers_.end() && now < known->second.until) return known->second.hop;
  if (answers_.size() >= kMost) answers_.clear();
  const auto hop = ask(to, from);
  answers_[to] = {hop, now + kTime};
  return hop;
}

std::optional<NextHop> NextHops::ask(const IpAddress& to, const IpAddress& from) {
  const auto way = route(to, from);
  if (!way) return std::nullopt;
  const auto mac = neighbour(*way);
  if (!mac) return std::nullopt;
  return NextHop{way->interface, *mac};
}

std::optional<NextHops::Route> NextHops::route(const IpAddress& to, const IpAddress& from) {
  rtmsg header{};
  header.rtm_family = family(to);
  header.rtm_dst_len = header.rtm_src_len = static_cast<std::uint8_t>(to.bytes().size() * 8);
  NetlinkWriter request(RTM_GETROUTE, NLM_F_REQUEST, socket_.next_sequence());
  request.raw(header).attribute(RTA_DST, to.bytes()).attribute(RTA_SRC, from.bytes());
  Route out{0, to};
  bool plain = true;
  const auto answered = socket_.query(
      std::move(request).take(), "look up a route", [&](ByteView datagram) -> Result<bool> {
        const auto found = read<rtmsg>(datagram, RTM_NEWROUTE, [&](const NetlinkAttribute& a) {
          if (a.type == RTA_OIF)
            out.interface = plain_at_start<std::uint32_t>(a.payload).value_or(0);
          else if (a.type == RTA_GATEWAY)
            out.neighbour = address_of(a.payload).value_or(to);
          else if (a.type == RTA_VIA || a.type == RTA_ENCAP)
            plain = false;  // a router of the other family, or a tunnel
        });
        plain = plain && found && found->rtm_type == RTN_UNICAST;
        return true;
      });
  if (!answered || !plain || out.interface == 0) return std::nullopt;
  return out;
}

std::optional<Mac> NextHops::neighbour(const Route& route) {
  ndmsg header{};
  header.ndm_family = family(route.neighbour);
  header.ndm_ifindex = static_cast<int>(route.interface);
  NetlinkWriter request(RTM_GETNEIGH, NLM_F_REQUEST, socket_.next_sequence());
  request.raw(header).attribute(NDA_DST, route.neighbour.bytes());
  std::optional<Mac> out;
  const auto answered = socket_.query(
      std::move(request).take(), "look up a neighbour", [&](ByteView datagram) -> Result<bool> {
        const auto found = read<ndmsg>(datagram, RTM_NEWNEIGH, [&](const NetlinkAttribute& a) {
          if (a.type != NDA_LLADDR || a.payload.size() != Mac().size()) return;
          out.emplace();
          std::ranges::copy(a.payload, out->begin());
        });
        if (!found || (found->ndm_state & kUsable) == 0) out.reset();
        return true;
      });
  if (!answered) return std::nullopt;
  return out;
}

}  // namespace lanrage::xdp
