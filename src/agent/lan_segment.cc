#include "agent/lan_segment.hpp"

#include <linux/netlink.h>
#include <memory>
#include <net/if.h>
#include <set>
#include <tuple>
#include <utility>

#include "agent/tunnel_link.hpp"
#include "io/netlink.hpp"
#include "lan/netlink.hpp"

namespace lanrage::agent {
namespace {

constexpr int kNumberedNames = 256;
constexpr int kDumpAttempts = 5;  // a dump is repeated when a table changed meanwhile

LanErrc meaning_of(const Error& cause) {
  if (cause.is(io::NetlinkErrc::no_permission) || cause.is(TunnelErrc::no_permission))
    return LanErrc::no_permission;
  if (cause.is(io::NetlinkErrc::not_supported)) return LanErrc::unavailable;
  if (cause.is(io::NetlinkErrc::no_such_device)) return LanErrc::device_gone;
  if (cause.is(io::NetlinkErrc::exists) || cause.is(TunnelErrc::interface_taken))
    return LanErrc::interface_taken;
  if (cause.is(io::NetlinkErrc::in_use)) return LanErrc::port_taken;
  if (cause.is(TunnelErrc::bad_interface_name)) return LanErrc::bad_name;
  return LanErrc::failed;
}

std::unexpected<Error> lan_error(const Error& cause) {
  return std::unexpected(Error(meaning_of(cause), cause.message(), cause.field()));
}

// A killed agent's device may have another name than ours will have, and there can't be two of one
// party. Those of living agents stay. Whether none of a dead one is left.
bool remove_leftovers(io::Links& links) {
  const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> names(
      ::if_nameindex(), ::if_freenameindex);
  if (names == nullptr) return false;
  bool all = true;
  for (const auto* entry = names.get(); entry->if_name != nullptr; ++entry) {
    const auto link = links.find(entry->if_name);
    if (!link || !*link || (*link)->kind != "vxlan") continue;
    const auto removed = remove_leftover(links, entry->if_name);
    all &= removed || removed.error().is(TunnelErrc::interface_taken);
  }
  return all;
}

// The name to use: the one wanted, or the first free numbered one.
Result<std::string> choose_name(io::Links& links, const LanOptions& options) {
  if (!options.interface_name.empty()) {
    auto valid = check_interface_name(options.interface_name);
    if (valid) valid = remove_leftover(links, options.interface_name);
    if (valid) return options.interface_name;
    if (!options.or_numbered || !valid.error().is(TunnelErrc::interface_taken))
      return lan_error(valid.error());
  }
  for (int number = 0; number < kNumberedNames; ++number) {
    auto name = "lan" + std::to_string(number);
    const auto existing = links.find(name);
    if (!existing) return lan_error(existing.error());
    if (!*existing) return name;
  }
  return fail(LanErrc::interface_taken,
              "the interfaces lan0 to lan255 all exist; remove some, or name one");
}

}  // namespace

class LanSegment::Impl {
 public:
  Impl(LanOptions options, lan::Interfaces interfaces, std::unique_ptr<LanFilter> filter,
       io::Links links, io::NetlinkSocket socket)
      : filter_(std::move(filter)),
        links_(std::move(links)),
        socket_(std::move(socket)),
        interfaces_(std::move(interfaces)),
        segment_(std::move(options.segment)),
        access_(std::move(options.access)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (index_ == 0) return;
    // By index, as another's device may have the name by now. Whoever removed ours did our work;
    // where it stays, so does what guards it.
    const auto removed = links_.remove(index_);
    if (!removed && !removed.error().is(io::NetlinkErrc::no_such_device)) filter_->leave();
  }

  Result<void> open() {
    if (auto guarded = set_filter(); !guarded) return guarded;
    const auto wireguard = links_.find(interfaces_.wireguard);
    if (!wireguard) return lan_error(wireguard.error());
    if (!*wireguard)
      return fail(LanErrc::device_gone, "there is no interface " + interfaces_.wireguard);
    if (auto made = request(lan::netlink::encode_device(interfaces_.lan, (*wireguard)->index,
                                                        segment_, socket_.next_sequence()),
                            "create the LAN interface " + interfaces_.lan);
        !made) {
      if (!made.error().is(LanErrc::unavailable)) return made;
      return fail(LanErrc::unavailable,
                  "this kernel has no VXLAN (" + made.error().message() + ")");
    }
    const auto link = links_.find(interfaces_.lan);
    if (!link) return lan_error(link.error());
    if (!*link) return fail(LanErrc::device_gone, interfaces_.lan + " is gone again");
    index_ = (*link)->index;
    return set_up();
  }

  Result<void> set(const lan::Segment& segment) {
    const bool other_mtu = segment.mtu != segment_.mtu;
    segment_ = segment;
    auto result = set_filter();
    if (result) result = set_tables();
    if (result) result = set_routes();
    if (!result || !other_mtu) return result;
    if (auto set = links_.set_mtu(interfaces_.lan, segment_.mtu); !set)
      return lan_error(set.error());
    return {};
  }

  Result<void> set_access(lan::Access access) {
    std::swap(access_, access);
    auto set = set_filter();
    if (!set) access_ = std::move(access);
    return set;
  }

  Result<void> look() {
    if (::if_nametoindex(interfaces_.lan.c_str()) != index_)
      return fail(LanErrc::device_gone, "somebody removed or renamed " + interfaces_.lan);
    if (!filter_->stands())
      return fail(LanErrc::unguarded,
                  "somebody removed the rules that keep strangers off " + interfaces_.lan);
    return set_routes();
  }

  Result<lan::Tables> tables() {
    const auto what = "read the tables of " + interfaces_.lan;
    for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
      lan::netlink::TablesParser parser(index_);
      const auto add = [&](ByteView datagram) { return parser.add(datagram); };
      auto result = socket_.query(
          lan::netlink::encode_get_forwarding(index_, socket_.next_sequence()), what, add);
      if (result)
        result = socket_.query(lan::netlink::encode_get_neighbours(index_, socket_.next_sequence()),
                               what, add);
      if (!result) return lan_error(result.error());
      if (!parser.interrupted()) return std::move(parser).take();
    }
    return fail(LanErrc::failed,
                "the tables of " + interfaces_.lan + " changed at each of 5 attempts to read them");
  }

 private:
  // Without any rules strangers would get in: rather nobody.
  Result<void> set_filter() {
    auto set = filter_->set(segment_, interfaces_, access_);
    if (!set && index_ != 0 && !filter_->stands()) {
      is_shut_ = true;
      std::ignore = links_.set_up(interfaces_.lan, false);
    } else if (set && std::exchange(is_shut_, false)) {
      return set_up();
    }
    return set;
  }

  Result<void> set_up() {
    const auto& name = interfaces_.lan;
    if (auto marked = mark_as_ours(links_, name); !marked) return lan_error(marked.error());
    if (auto set = request(lan::netlink::encode_no_own_addresses(name, socket_.next_sequence()),
                           "settle the addresses of " + name);
        !set)
      return set;
    const auto& self = segment_.self;
    auto result = links_.add_address(name, self.vip, segment_.prefix.length,
                                     lan::broadcast_of(segment_.prefix));
    if (result) result = links_.add_address(name, self.address, lan::kLanPrefixLength);
    if (result) result = links_.add_address(name, self.link_local, lan::kLanPrefixLength);
    if (!result) return lan_error(result.error());
    if (auto set = set_tables(); !set) return set;
    // VXLAN's port is bound only now.
    if (auto up = links_.set_up(name); !up) return lan_error(up.error());
    return set_routes();
  }

  Result<void> set_tables() {
    const auto actual = tables();
    if (!actual) return std::unexpected(actual.error());
    for (const auto& operation : lan::diff(lan::tables_of(segment_), *actual)) {
      if (auto done = request(lan::netlink::encode(operation, index_, socket_.next_sequence()),
                              "set the tables of " + interfaces_.lan);
          !done)
        return done;
    }
    return {};
  }

  // Those of a WireGuard device go with it.
  Result<void> set_routes() {
    const auto& wireguard = interfaces_.wireguard;
    for (auto it = routed_.begin(); it != routed_.end();) {
      if (segment_.beside.contains(*it)) {
        ++it;
        continue;
      }
      // Whoever set the device down took its routes away.
      if (auto removed = links_.remove_route(wireguard, *it);
          !removed && !removed.error().is(io::NetlinkErrc::no_such_route))
        return lan_error(removed.error());
      it = routed_.erase(it);
    }
    for (const auto& vip : segment_.beside) {
      if (auto added = links_.add_route(wireguard, vip, segment_.self.vip); !added)
        return lan_error(added.error());
      routed_.insert(vip);
    }
    return {};
  }

  Result<void> request(ByteView message, const std::string& what) {
    if (auto done = socket_.request(message, what); !done) return lan_error(done.error());
    return {};
  }

  std::unique_ptr<LanFilter> filter_;  // outlives the device, which is removed above
  io::Links links_;
  io::NetlinkSocket socket_;
  lan::Interfaces interfaces_;
  lan::Segment segment_;
  lan::Access access_;
  std::uint32_t index_ = 0;     // 0: not made
  bool is_shut_ = false;        // down, for want of a filter
  std::set<IpAddress> routed_;  // by the WireGuard device: segment_.beside
};

void remove_dead_segments() {
  auto links = io::Links::open();
  // A filter goes after its device.
  if (links && remove_leftovers(*links)) remove_dead_filters();
}

std::optional<bool> kernel_has_vxlan() {
  auto socket = io::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::nullopt;
  const auto asked =
      socket->request(lan::netlink::encode_question(socket->next_sequence()), "ask for VXLAN");
  if (asked || asked.error().is(io::NetlinkErrc::refused)) return true;
  if (asked.error().is(io::NetlinkErrc::not_supported)) return false;
  return std::nullopt;
}

Result<std::unique_ptr<LanSegment>> LanSegment::open(LanOptions options) {
  if (auto valid = check_interface_name(options.wireguard); !valid) return lan_error(valid.error());
  auto filter = LanFilter::open(options.segment.numbers);
  if (!filter) return std::unexpected(filter.error());
  auto links = io::Links::open();
  if (!links) return lan_error(links.error());
  auto socket = io::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return lan_error(socket.error());
  std::ignore = remove_leftovers(*links);
  auto name = choose_name(*links, options);
  if (!name) return std::unexpected(name.error());
  lan::Interfaces interfaces{options.wireguard, *name, options.listen_port};
  auto impl = std::make_unique<Impl>(std::move(options), interfaces, *std::move(filter),
                                     *std::move(links), *std::move(socket));
  if (auto opened = impl->open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<LanSegment>(new LanSegment(std::move(interfaces), std::move(impl)));
}

LanSegment::LanSegment(lan::Interfaces interfaces, std::unique_ptr<Impl> impl)
    : interfaces_(std::move(interfaces)), impl_(std::move(impl)) {}

LanSegment::~LanSegment() = default;

Result<void> LanSegment::set(const lan::Segment& segment) {
  return impl_->set(segment);
}

Result<void> LanSegment::set_access(lan::Access access) {
  return impl_->set_access(std::move(access));
}

Result<void> LanSegment::look() {
  return impl_->look();
}

Result<lan::Tables> LanSegment::tables() {
  return impl_->tables();
}

}  // namespace lanrage::agent
