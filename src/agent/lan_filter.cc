#include "agent/lan_filter.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <tuple>
#include <unistd.h>

namespace lanrage::agent {
namespace {

io::UniqueFd unix_socket() {
  return io::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Whether root, or our own user, listens there: an agent. Anybody may take a name; who listens is
// told by the kernel.
bool is_agents(const sockaddr_un& address, socklen_t size) {
  const auto fd = unix_socket();
  ucred holder{};
  socklen_t holder_size = sizeof holder;
  return fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
         ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &holder, &holder_size) == 0 &&
         (holder.uid == 0 || holder.uid == ::geteuid());
}

// One agent a party in a network namespace: the filter is one a party. The name in the abstract
// namespace, which is the network namespace's own, ends with its holder, however that ends.
// Nothing where a program that isn't an agent has the name: that mustn't keep the filter away.
Result<io::UniqueFd> claim(std::uint32_t vni) {
  auto out = unix_socket();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto name = "lanrage-segment-" + std::to_string(vni);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (out && ::bind(out.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      ::listen(out.get(), SOMAXCONN) == 0)
    return out;
  if (errno == EADDRINUSE && !is_agents(address, size)) return io::UniqueFd();
  if (errno == EADDRINUSE)
    return fail(LanErrc::interface_taken,
                "another agent on this machine is in this party, and has its LAN");
  return fail(LanErrc::failed, std::string("can't claim the party's LAN: ") + std::strerror(errno));
}

}  // namespace

Result<std::unique_ptr<LanFilter>> LanFilter::open(const lan::SegmentNumbers& numbers) {
  auto claimed = claim(numbers.vni);
  if (!claimed) return std::unexpected(claimed.error());
  auto nftables = Nftables::open();
  if (!nftables) return fail(LanErrc::unguarded, "this kernel has no netfilter");
  return std::unique_ptr<LanFilter>(new LanFilter(*std::move(claimed), *std::move(nftables)));
}

LanFilter::~LanFilter() {
  if (!removal_.empty()) std::ignore = nftables_.run(removal_);
}

Result<void> LanFilter::set(const lan::Segment& segment, const lan::Interfaces& interfaces,
                            const lan::Access& access) {
  if (const auto done = nftables_.run(lan::ruleset(segment, interfaces, access)); !done)
    return fail(LanErrc::unguarded,
                "nftables refused the rules that keep strangers off the LAN: " + done.error());
  table_ = lan::table_name(segment);
  removal_ = lan::removal(segment);
  listed_ = nftables_.ask("list table " + table_).value_or("");
  return {};
}

bool LanFilter::stands() {
  const auto listed = nftables_.ask("list table " + table_);
  return listed && (listed_.empty() || *listed == listed_);
}

void remove_dead_filters() {
  auto nftables = Nftables::open();
  if (!nftables) return;
  const auto tables = nftables->ask("list tables inet");
  if (!tables) return;
  for (const auto vni : lan::segments_in(*tables))
    if (const auto ours = claim(vni); ours && *ours) std::ignore = nftables->run(lan::removal(vni));
}

}  // namespace lanrage::agent
