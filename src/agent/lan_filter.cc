#include "agent/lan_filter.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <tuple>

namespace lanrage::agent {
namespace {

// One agent a party in a network namespace: the filter is one a party. The name in the abstract
// namespace, which is the network namespace's own, ends with its holder, however that ends.
Result<io::UniqueFd> claim(std::uint32_t vni) {
  io::UniqueFd out(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto name = "lanrage-segment-" + std::to_string(vni);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
  if (out &&
      ::bind(out.get(), reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)) == 0)
    return out;
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
  listing_ = nftables_.ask("list table " + table_).value_or("");
  return {};
}

bool LanFilter::stands() {
  const auto now = nftables_.ask("list table " + table_);
  return now && *now == listing_;
}

void remove_dead_filters() {
  auto nftables = Nftables::open();
  if (!nftables) return;
  const auto tables = nftables->ask("list tables inet");
  if (!tables) return;
  for (const auto vni : lan::segments_in(*tables))
    if (const auto ours = claim(vni)) std::ignore = nftables->run(lan::removal(vni));
}

}  // namespace lanrage::agent
