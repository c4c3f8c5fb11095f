#include "agent/lan_copier.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <ifaddrs.h>
#include <iterator>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <tuple>

#include "agent/clock.hpp"
#include "agent/tunnel_link.hpp"
#include "io/group_filter.hpp"
#include "io/netlink.hpp"
#include "io/sockaddr.hpp"
#include "lan/groups.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kEthernetHeader = 14;
constexpr int kPacketsPerWake = 64;  // then other work of the loop has its turn

std::unexpected<Error> unavailable(const std::string& what) {
  return fail(LanCopierErrc::unavailable,
              what + ": " + std::strerror(errno) + "; the agent needs CAP_NET_RAW");
}

// Of the calling thread's namespace; /proc/net is that of the process's first thread.
std::string read_net_file(const std::string& name) {
  std::ifstream file("/proc/thread-self/net/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Interfaces that agents made, this one or others, and what is on all others.
struct Machine {
  std::set<std::string> ours;
  lan::Elsewhere elsewhere;
};

// Nothing where a network has no room for one.
std::optional<IpAddress> broadcast_of(const ifaddrs& entry) {
  const auto address = io::ip_address_of(entry.ifa_addr);
  const auto mask = io::ip_address_of(entry.ifa_netmask);
  if ((entry.ifa_flags & IFF_BROADCAST) == 0 || !address || !address->is_v4() || !mask)
    return std::nullopt;
  const auto hosts = ~mask->v4_value();
  if (hosts < 3) return std::nullopt;
  return IpAddress::v4(address->v4_value() | hosts);
}

Machine look_around() {
  Machine out;
  ifaddrs* list = nullptr;
  auto links = io::Links::open();
  if (!links || ::getifaddrs(&list) != 0) return out;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::set<std::string> others;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const std::string name = entry->ifa_name;
    if (!out.ours.contains(name) && !others.contains(name))
      (is_marked_as_ours(*links, name) ? out.ours : others).insert(name);
    const auto address = io::ip_address_of(entry->ifa_addr);
    if (!address || !others.contains(name)) continue;
    out.elsewhere.addresses.insert(*address);
    if (const auto broadcast = broadcast_of(*entry)) out.elsewhere.broadcasts.insert(*broadcast);
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<LanCopier>> LanCopier::open(asio::io_context& io,
                                                   const lan::Segment& segment,
                                                   const std::string& interface) {
  // Deaf until it is filtered.
  io::UniqueFd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return unavailable("cannot watch for broadcasts");
  auto program = io::sent_to_groups_filter();
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  sockaddr_ll all{};
  all.sll_family = AF_PACKET;
  all.sll_protocol = htons(ETH_P_ALL);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0 ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all) != 0)
    return unavailable("cannot watch for broadcasts");
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index == 0) return unavailable("cannot find the LAN device " + interface);
  std::shared_ptr<LanCopier> out(new LanCopier(io, fd.release(), segment, index));
  out->refresh();
  out->wait_readable();
  return out;
}

LanCopier::LanCopier(asio::io_context& io, int fd, const lan::Segment& segment, unsigned index)
    : socket_(io, fd), timer_(io), copier_(segment, monotonic_now()), index_(index) {}

void LanCopier::close() {
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  memberships_.clear();
}

std::set<IpAddress> LanCopier::joined() const {
  std::set<IpAddress> out;
  for (const auto& [group, socket] : memberships_)
    out.insert(group);
  return out;
}

void LanCopier::wait_readable() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (error || self->closed_) return;
                       self->read_packets();
                       self->wait_readable();
                     });
}

void LanCopier::read_packets() {
  for (int i = 0; i < kPacketsPerWake; ++i) {
    sockaddr_ll from{};
    socklen_t from_size = sizeof from;
    const auto size = ::recvfrom(socket_.native_handle(), buffer_.data(), buffer_.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0) return;  // nothing left; an interface that went down says so here, too
    const auto packet = ByteView(buffer_).first(static_cast<std::size_t>(size));
    const auto index = static_cast<unsigned>(from.sll_ifindex);
    if (index == index_) {
      copier_.on_sent_here(monotonic_now(), packet);
      continue;
    }
    const auto decision = copier_.on_sent(monotonic_now(), index, packet);
    ++verdicts_[decision.verdict];
    // Who asks a group has often joined it a moment ago, and would miss the answers.
    if (decision.to.is_multicast() && !memberships_.contains(decision.to)) join_groups();
    for (const auto& frame : decision.frames)
      send(frame);
  }
}

// By the socket that watches: the kernel doesn't show it what it sent itself. It writes the
// Ethernet header, too, with the device's MAC.
void LanCopier::send(ByteView frame) {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(index_);
  to.sll_halen = lan::kBroadcastMac.size();
  std::memcpy(&to.sll_protocol, frame.data() + 12, sizeof to.sll_protocol);
  std::memcpy(to.sll_addr, frame.data(), lan::kBroadcastMac.size());
  const auto packet = frame.subspan(kEthernetHeader);
  // Lost, like any datagram, when the device is full or gone.
  std::ignore = ::sendto(socket_.native_handle(), packet.data(), packet.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

void LanCopier::refresh() {
  if (closed_) return;
  auto machine = look_around();
  copier_.set_elsewhere(std::move(machine.elsewhere));
  parties_ = std::move(machine.ours);
  join_groups();
  timer_.expires_after(kRefresh);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->refresh();
  });
}

void LanCopier::join_groups() {
  auto elsewhere = lan::parse_igmp(read_net_file("igmp"));
  std::ranges::move(lan::parse_igmp6(read_net_file("igmp6")), std::back_inserter(elsewhere));
  const auto wanted = lan::groups_to_join(elsewhere, parties_);
  std::erase_if(memberships_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (const auto& group : wanted)
    if (!memberships_.contains(group)) join(group);
}

// Tried again at the next refresh when it fails.
void LanCopier::join(const IpAddress& group) {
  io::UniqueFd fd(
      ::socket(group.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int joined = -1;
  if (group.is_v4()) {
    ip_mreqn request{};
    request.imr_multiaddr.s_addr = htonl(group.v4_value());
    request.imr_ifindex = static_cast<int>(index_);
    joined = ::setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
  } else {
    ipv6_mreq request{};
    std::ranges::copy(group.bytes(), request.ipv6mr_multiaddr.s6_addr);
    request.ipv6mr_interface = index_;
    joined = ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
  }
  if (joined == 0) memberships_.emplace(group, std::move(fd));
}

}  // namespace lanrage::agent
