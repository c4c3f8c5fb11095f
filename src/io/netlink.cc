#include "io/netlink.hpp"

#include <cerrno>
#include <cstring>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/netlink_message.hpp"

namespace lanrage::io {
namespace {

// The kernel never makes a datagram larger than 32 KiB for a reader with room for it.
constexpr std::size_t kReceiveSize = 64 * 1024;
constexpr int kReplySeconds = 5;  // the kernel answers in microseconds, unless it loads a module

NetlinkErrc meaning_of(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return NetlinkErrc::no_permission;
    case ENODEV:
      return NetlinkErrc::no_such_device;
    case EEXIST:
      return NetlinkErrc::exists;
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
      return NetlinkErrc::not_supported;
    case ESRCH:
      return NetlinkErrc::no_such_route;
    case EADDRINUSE:
      return NetlinkErrc::in_use;
    default:
      return NetlinkErrc::refused;
  }
}

std::unexpected<Error> system_error(NetlinkErrc code, std::string_view what, int error,
                                    std::string_view detail = {}) {
  std::string message = "can't " + std::string(what) + ": " + std::strerror(error);
  if (!detail.empty()) message += " (" + std::string(detail) + ")";
  return fail(code, std::move(message));
}

std::unexpected<Error> malformed(std::string_view what) {
  return fail(NetlinkErrc::malformed_reply,
              "can't " + std::string(what) + ": the kernel's answer can't be read");
}

// The kernel's words about an error (NETLINK_EXT_ACK), with the request cut off (NETLINK_CAP_ACK).
std::string_view explanation(const NetlinkMessage& message) {
  std::string_view text;
  if ((message.flags & NLM_F_ACK_TLVS) == 0 || message.payload.size() < sizeof(nlmsgerr)) return {};
  for_each_netlink_attribute(message.payload.subspan(sizeof(nlmsgerr)),
                             [&](const NetlinkAttribute& a) {
                               if (a.type == NLMSGERR_ATTR_MSG) text = as_text(a.payload);
                               return true;
                             });
  return text.substr(0, text.find('\0'));
}

NetlinkWriter link_message(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence,
                           const ifinfomsg& header = {}) {
  NetlinkWriter out(type, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
  out.raw(header);
  return out;
}

std::optional<Link> read_link(ByteView payload) {
  const auto header = plain_at_start<ifinfomsg>(payload);
  if (!header) return std::nullopt;
  Link link{.index = static_cast<std::uint32_t>(header->ifi_index),
            .up = (header->ifi_flags & IFF_UP) != 0};
  const auto text = [](ByteView bytes) {
    return std::string(as_text(bytes).substr(0, as_text(bytes).find('\0')));
  };
  const bool ok = for_each_netlink_attribute(
      payload.subspan(NLMSG_ALIGN(sizeof(ifinfomsg))), [&](const NetlinkAttribute& a) {
        if (a.type == IFLA_IFALIAS) link.alias = text(a.payload);
        if (a.type != IFLA_LINKINFO) return true;
        return for_each_netlink_attribute(a.payload, [&](const NetlinkAttribute& info) {
          if (info.type == IFLA_INFO_KIND) link.kind = text(info.payload);
          return true;
        });
      });
  if (!ok) return std::nullopt;
  return link;
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return system_error(NetlinkErrc::socket_failed, "open a netlink socket", errno);
  const int on = 1;
  const timeval limit{.tv_sec = kReplySeconds, .tv_usec = 0};
  // Both options only improve error messages; without them the messages are plainer.
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return system_error(NetlinkErrc::socket_failed, "bind a netlink socket", errno);
  return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::send(ByteView message, std::string_view what) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(fd_.get(), message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&kernel),
               sizeof kernel) < 0)
    return system_error(NetlinkErrc::socket_failed, what, errno);
  return {};
}

Result<WipedBytes> NetlinkSocket::receive(std::string_view what) {
  WipedBytes datagram(kReceiveSize);
  while (true) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const auto size = ::recvfrom(fd_.get(), datagram.data(), datagram.size(), MSG_TRUNC,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN)
        return fail(NetlinkErrc::timed_out,
                    "can't " + std::string(what) + ": the kernel gave no answer within 5 s");
      return system_error(NetlinkErrc::socket_failed, what, errno);
    }
    if (from.nl_pid != 0) continue;  // another process, not the kernel
    if (static_cast<std::size_t>(size) > datagram.size()) return malformed(what);
    datagram.resize(static_cast<std::size_t>(size));
    return datagram;
  }
}

Result<void> NetlinkSocket::request(ByteView message, std::string_view what) {
  return query(message, what, [](ByteView) -> Result<bool> { return false; });
}

Result<void> NetlinkSocket::query(ByteView message, std::string_view what,
                                  const std::function<Result<bool>(ByteView)>& on_datagram) {
  const auto header = plain_at_start<nlmsghdr>(message);
  if (!header) return malformed(what);
  if (auto sent = send(message, what); !sent) return sent;
  while (true) {
    auto datagram = receive(what);
    if (!datagram) return std::unexpected(std::move(datagram).error());
    // What is left of an earlier request's answer has another sequence number.
    bool ours = false;
    bool acknowledged = false;
    int error = 0;
    std::string_view detail;
    const bool ok = for_each_netlink_message(*datagram, [&](const NetlinkMessage& part) {
      if (part.sequence != header->nlmsg_seq) return true;
      ours = true;
      if (part.type != NLMSG_ERROR) return true;
      const auto code = plain_at_start<int>(part.payload);
      if (!code) return false;
      acknowledged = *code == 0;
      error = -*code;
      detail = explanation(part);
      return true;
    });
    if (!ok) return malformed(what);
    if (!ours) continue;
    if (error != 0) return system_error(meaning_of(error), what, error, detail);
    auto done = on_datagram(*datagram);
    if (!done) return std::unexpected(std::move(done).error());
    if (*done || acknowledged) return {};
  }
}

Result<Links> Links::open() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::unexpected(std::move(socket).error());
  return Links(*std::move(socket));
}

Result<std::optional<Link>> Links::find(std::string_view name) {
  NetlinkWriter message(RTM_GETLINK, NLM_F_REQUEST, socket_.next_sequence());
  message.raw(ifinfomsg{}).text(IFLA_IFNAME, name);
  std::optional<Link> found;
  auto result = socket_.query(std::move(message).take(), "look up interface " + std::string(name),
                              [&](ByteView datagram) -> Result<bool> {
                                for_each_netlink_message(datagram, [&](const NetlinkMessage& part) {
                                  if (part.type == RTM_NEWLINK) found = read_link(part.payload);
                                  return true;
                                });
                                if (!found)
                                  return malformed("look up interface " + std::string(name));
                                return true;
                              });
  if (result) return found;
  if (result.error().is(NetlinkErrc::no_such_device)) return std::optional<Link>();
  return std::unexpected(std::move(result).error());
}

Result<void> Links::create(std::string_view name, std::string_view kind) {
  auto message = link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, socket_.next_sequence());
  message.text(IFLA_IFNAME, name);
  const auto info = message.begin_nest(IFLA_LINKINFO);
  message.attribute(IFLA_INFO_KIND, as_bytes(kind));
  message.end_nest(info);
  return socket_.request(std::move(message).take(),
                         "create interface " + std::string(name) + " of kind " + std::string(kind));
}

Result<void> Links::remove(std::string_view name) {
  auto message = link_message(RTM_DELLINK, 0, socket_.next_sequence());
  message.text(IFLA_IFNAME, name);
  return socket_.request(std::move(message).take(), "remove interface " + std::string(name));
}

Result<void> Links::remove(std::uint32_t index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  auto message = link_message(RTM_DELLINK, 0, socket_.next_sequence(), header);
  return socket_.request(std::move(message).take(),
                         "remove the interface with index " + std::to_string(index));
}

Result<void> Links::set_alias(std::string_view name, std::string_view alias) {
  auto message = link_message(RTM_NEWLINK, 0, socket_.next_sequence());
  message.text(IFLA_IFNAME, name).attribute(IFLA_IFALIAS, as_bytes(alias));
  return socket_.request(std::move(message).take(), "name the owner of " + std::string(name));
}

Result<void> Links::set_mtu(std::string_view name, std::uint32_t mtu) {
  auto message = link_message(RTM_NEWLINK, 0, socket_.next_sequence());
  message.text(IFLA_IFNAME, name).number(IFLA_MTU, mtu);
  return socket_.request(std::move(message).take(), "set the MTU of " + std::string(name));
}

Result<void> Links::set_up(std::string_view name, bool up) {
  ifinfomsg header{};
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  auto message = link_message(RTM_NEWLINK, 0, socket_.next_sequence(), header);
  message.text(IFLA_IFNAME, name);
  return socket_.request(std::move(message).take(),
                         (up ? "bring up " : "bring down ") + std::string(name));
}

Result<void> Links::add_address(std::string_view name, const IpAddress& address,
                                std::uint8_t length, const std::optional<IpAddress>& broadcast) {
  const auto link = find(name);
  const std::string what = "give " + std::string(name) + " the address " + address.to_string();
  if (!link) return std::unexpected(link.error());
  if (!*link) return system_error(NetlinkErrc::no_such_device, what, ENODEV);
  ifaddrmsg header{};
  header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = length;
  // Nobody else is on a tunnel; and while it is looked for one, nothing binds to the address.
  if (!address.is_v4()) header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = (*link)->index;
  NetlinkWriter message(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
                        socket_.next_sequence());
  message.raw(header).attribute(IFA_LOCAL, address.bytes()).attribute(IFA_ADDRESS, address.bytes());
  if (broadcast) message.attribute(IFA_BROADCAST, broadcast->bytes());
  return socket_.request(std::move(message).take(), what);
}

Result<void> Links::add_route(std::string_view name, const IpAddress& to, const IpAddress& source) {
  return change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, name, to, source);
}

Result<void> Links::remove_route(std::string_view name, const IpAddress& to) {
  return change_route(RTM_DELROUTE, 0, name, to, std::nullopt);
}

Result<void> Links::change_route(std::uint16_t type, std::uint16_t flags, std::string_view name,
                                 const IpAddress& to, const std::optional<IpAddress>& source) {
  const auto link = find(name);
  const std::string what = "set the route to " + to.to_string() + " by " + std::string(name);
  if (!link) return std::unexpected(link.error());
  if (!*link) return system_error(NetlinkErrc::no_such_device, what, ENODEV);
  rtmsg header{};
  header.rtm_family = to.is_v4() ? AF_INET : AF_INET6;
  header.rtm_dst_len = static_cast<unsigned char>(to.bytes().size() * 8);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  NetlinkWriter message(type, static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags),
                        socket_.next_sequence());
  message.raw(header).attribute(RTA_DST, to.bytes()).number(RTA_OIF, (*link)->index);
  if (source) message.attribute(RTA_PREFSRC, source->bytes());
  return socket_.request(std::move(message).take(), what);
}

}  // namespace lanrage::io
