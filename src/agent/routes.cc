#include "agent/routes.hpp"

#include <array>
#include <cstring>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <optional>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/netlink_message.hpp"
#include "io/netlink.hpp"

namespace lanrage::agent {
namespace {

// Any address of the internet does.
const IpAddress kSomewhere = IpAddress::v4(0x09090909);
const IpAddress kSomewhere6 = *IpAddress::parse("2620:fe::9");

std::string interface_name(std::uint32_t index) {
  std::array<char, IF_NAMESIZE> name{};
  return ::if_indextoname(index, name.data()) != nullptr ? name.data() : "";
}

// Of a route's rtmsg and attributes.
std::string interface_of(ByteView payload) {
  if (payload.size() < sizeof(rtmsg)) return "";
  std::uint32_t index = 0;
  for_each_netlink_attribute(
      payload.subspan(NLMSG_ALIGN(sizeof(rtmsg))), [&](const NetlinkAttribute& a) {
        if (a.type == RTA_OIF) index = plain_at_start<std::uint32_t>(a.payload).value_or(0);
        if (a.type == RTA_MULTIPATH && index == 0)  // the first of several ways stands for all
          if (const auto hop = plain_at_start<rtnexthop>(a.payload))
            index = static_cast<std::uint32_t>(hop->rtnh_ifindex);
        return true;
      });
  return interface_name(index);
}

// rtnetlink(7), RTM_NEWROUTE.
std::optional<Route> read_route(ByteView payload) {
  const auto header = plain_at_start<rtmsg>(payload);
  if (!header || header->rtm_family != AF_INET || header->rtm_type != RTN_UNICAST ||
      header->rtm_dst_len > 32)
    return std::nullopt;
  Route out{{IpAddress::v4(0), header->rtm_dst_len}, {}};
  for_each_netlink_attribute(payload.subspan(NLMSG_ALIGN(sizeof(rtmsg))),
                             [&](const NetlinkAttribute& a) {
                               if (a.type == RTA_DST)
                                 if (const auto bytes = plain_at_start<ByteArray<4>>(a.payload))
                                   out.destination.address = IpAddress::v4(*bytes);
                               return true;
                             });
  out.interface = interface_of(payload);
  if (out.interface.empty()) return std::nullopt;
  return out;
}

}  // namespace

Result<std::vector<Route>> read_routes() {
  auto socket = io::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::unexpected(socket.error());
  NetlinkWriter request(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, socket->next_sequence());
  rtmsg header{};
  header.rtm_family = AF_INET;
  request.raw(header);
  std::vector<Route> out;
  auto done = socket->query(std::move(request).take(), "read the routes",
                            [&](ByteView datagram) -> Result<bool> {
                              bool last = false;
                              for_each_netlink_message(datagram, [&](const NetlinkMessage& part) {
                                last |= part.type == NLMSG_DONE;
                                if (part.type == RTM_NEWROUTE)
                                  if (auto route = read_route(part.payload))
                                    out.push_back(*std::move(route));
                                return true;
                              });
                              return last;
                            });
  if (!done) return std::unexpected(done.error());
  return out;
}

// The kernel is asked, since metrics are only one of the things that it goes by: policy rules,
// links that are down, and halves of everything that a VPN adds count, too.
std::string uplink(bool v6) {
  auto socket = io::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return "";
  NetlinkWriter request(RTM_GETROUTE, NLM_F_REQUEST, socket->next_sequence());
  rtmsg header{};
  header.rtm_family = v6 ? AF_INET6 : AF_INET;
  header.rtm_dst_len = v6 ? 128 : 32;
  request.raw(header);
  request.attribute(RTA_DST, (v6 ? kSomewhere6 : kSomewhere).bytes());
  std::string out;
  static_cast<void>(socket->query(
      std::move(request).take(), "look up a route", [&](ByteView datagram) -> Result<bool> {
        for_each_netlink_message(datagram, [&](const NetlinkMessage& part) {
          if (part.type == RTM_NEWROUTE) out = interface_of(part.payload);
          return true;
        });
        return true;
      }));
  return out;
}

std::size_t mtu_of(const std::string& interface) {
  ifreq request{};
  const io::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || interface.size() >= sizeof request.ifr_name) return 0;
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  if (::ioctl(fd.get(), SIOCGIFMTU, &request) != 0 || request.ifr_mtu < 0) return 0;
  return static_cast<std::size_t>(request.ifr_mtu);
}

}  // namespace lanrage::agent
