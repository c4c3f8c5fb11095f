#include "agent/packet_filter.hpp"

#include <array>
#include <cstdio>
#include <set>
#include <tuple>
#include <utility>

#include "agent/nftables.hpp"
#include "agent/tunnel_link.hpp"

namespace lanrage::agent {
namespace {

// Four sessions with each of a full party's peers. All rules are written at each change.
constexpr std::size_t kMaxBlocked = 256;

struct Blocked {
  Endpoint relay;
  std::uint32_t receiver_index;
  std::optional<Endpoint> as{};
  friend auto operator<=>(const Blocked&, const Blocked&) = default;
};

std::string hex32(std::uint32_t value) {
  std::array<char, 11> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", value);
  return text.data();
}

auto same_session(const Endpoint& relay, std::uint32_t receiver_index) {
  return [=](const Blocked& blocked) {
    return blocked.relay == relay && blocked.receiver_index == receiver_index;
  };
}

// nftables mends the checksums of what it rewrites.
std::string verdict(const Blocked& blocked) {
  const bool v4 = blocked.relay.address.is_v4();
  if (!blocked.as || blocked.as->address.is_v4() != v4) return "drop";
  return std::string(v4 ? "ip" : "ip6") + " saddr set " + blocked.as->address.to_string() +
         " udp sport set " + std::to_string(blocked.as->port);
}

// Matches type 4 with its reserved zeros, and the index, at payload offsets 0 and 4: the UDP header
// has 64 bits. nftables compares in network order, WireGuard writes in little-endian.
std::string rule(const Blocked& blocked, std::uint16_t port) {
  const auto& [address, relay_port] = blocked.relay;
  return (address.is_v4() ? "ip saddr " : "ip6 saddr ") + address.to_string() + " udp sport " +
         std::to_string(relay_port) + " udp dport " + std::to_string(port) +
         " @th,64,32 0x04000000 @th,96,32 " + hex32(__builtin_bswap32(blocked.receiver_index)) +
         " counter " + verdict(blocked);
}

}  // namespace

class PacketFilter::Impl {
 public:
  Impl(const std::string& interface_name, std::uint16_t port)
      : table_("inet lanrage_" + interface_name), port_(port), nftables_(Nftables::open()) {}
  ~Impl() {
    if (made_) std::ignore = nftables_->run("delete table " + table_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> make_table() {
    if (!nftables_) return fail(PacketFilterErrc::unavailable, "this kernel has no netfilter");
    // Adding before deleting: the deletion is then right whether or not a table was left.
    auto result = run(PacketFilterErrc::unavailable,
                      "add table " + table_ + "\ndelete table " + table_ + "\n" + addition());
    made_ = result.has_value();
    return result;
  }

  // Puts all rules in place of all earlier ones, in one transaction.
  Result<void> set(std::set<Blocked> wanted) {
    if (wanted == blocked_) return {};
    if (wanted.size() > kMaxBlocked)
      return fail(PacketFilterErrc::refused, "more than 256 sessions would be filtered at once");
    // Somebody may have flushed all that nftables had.
    std::string commands = addition() + "flush chain " + table_ + " input\n";
    for (const auto& blocked : wanted)
      commands += "add rule " + table_ + " input " + rule(blocked, port_) + "\n";
    if (auto result = run(PacketFilterErrc::refused, commands); !result) return result;
    blocked_ = std::move(wanted);
    return {};
  }
  const std::set<Blocked>& blocked() const { return blocked_; }

 private:
  // Changes nothing where they are.
  std::string addition() const {
    return "add table " + table_ + "\nadd chain " + table_ +
           " input { type filter hook input priority -10; policy accept; }\n";
  }
  Result<void> run(PacketFilterErrc code, const std::string& commands) {
    const auto done = nftables_->run(commands);
    if (done) return {};
    return fail(code, "nftables refused the filter for relayed packets: " + done.error());
  }

  std::string table_;
  std::uint16_t port_;
  std::optional<Nftables> nftables_;
  bool made_ = false;
  std::set<Blocked> blocked_;
};

Result<std::unique_ptr<PacketFilter>> PacketFilter::open(const std::string& interface_name,
                                                         std::uint16_t listen_port) {
  if (auto valid = check_interface_name(interface_name); !valid)
    return std::unexpected(std::move(valid).error());
  auto impl = std::make_unique<Impl>(interface_name, listen_port);
  if (auto made = impl->make_table(); !made) return std::unexpected(std::move(made).error());
  return std::unique_ptr<PacketFilter>(new PacketFilter(std::move(impl)));
}

PacketFilter::PacketFilter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

PacketFilter::~PacketFilter() = default;

Result<void> PacketFilter::block_relayed(const Endpoint& relay, std::uint32_t receiver_index,
                                         const std::optional<Endpoint>& as) {
  auto wanted = impl_->blocked();
  std::erase_if(wanted, same_session(relay, receiver_index));
  wanted.insert({relay, receiver_index, as});
  return impl_->set(std::move(wanted));
}

Result<void> PacketFilter::unblock(const Endpoint& relay, std::uint32_t receiver_index) {
  auto wanted = impl_->blocked();
  std::erase_if(wanted, same_session(relay, receiver_index));
  return impl_->set(std::move(wanted));
}

Result<void> PacketFilter::unblock_all() {
  return impl_->set({});
}

}  // namespace lanrage::agent
