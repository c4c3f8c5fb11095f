#include "xdp/xdp_path.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <span>
#include <sys/mman.h>

#include "crypto/keys.hpp"
#include "io/clock.hpp"
#include "io/unique_fd.hpp"
#include "xdp/embedded_program.hpp"
#include "xdp/interfaces.hpp"
#include "xdp/lease_table.hpp"
#include "xdp/relay_xdp.h"

namespace lanrage::xdp {
namespace {

constexpr std::size_t kMostInterfaces = 16;

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};

template <std::size_t N>
void put_address(std::uint8_t (&out)[N], const IpAddress& address) {
  std::memcpy(out, address.bytes().data(), N);
}
__be32 v4_of(const IpAddress& address) {
  __be32 out = 0;
  std::memcpy(&out, address.bytes().data(), sizeof out);
  return out;
}
RelayKey4 key4(const Endpoint& from, std::uint32_t index) {
  return {v4_of(from.address), htons(from.port), 1, htole32(index)};
}
RelayKey6 key6(const Endpoint& from, std::uint32_t index) {
  RelayKey6 out{{}, htons(from.port), 1, htole32(index)};
  std::memcpy(out.address, from.address.bytes().data(), sizeof out.address);
  return out;
}

// What a budget can hold; a lease is at most relay::Leases::kMost.
__u32 bytes_of(const relay::Traffic& traffic) {
  return static_cast<__u32>(std::min<std::uint64_t>(traffic.bytes, (1u << relay_bytes_bits) - 1));
}
__u32 packets_of(const relay::Traffic& traffic) {
  return static_cast<__u32>(
      std::min<std::uint64_t>(traffic.packets, (1u << relay_packets_bits) - 1));
}

std::uint64_t nanoseconds(Instant at) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count());
}

std::string_view name_of(std::uint32_t flags) {
  return flags == XDP_FLAGS_SKB_MODE ? "generic" : "native";
}

}  // namespace

struct XdpPath::Object {
  // A map of the object's, in the relay's memory, too.
  template <class Slot>
  class Table {
   public:
    ~Table() {
      if (!slots_.empty()) ::munmap(slots_.data(), slots_.size_bytes());
    }
    bool map(int fd, const TableShape& shape) {
      const std::size_t count = shape.slots();
      void* at = ::mmap(nullptr, count * sizeof(Slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (at == MAP_FAILED) return false;
      slots_ = {static_cast<Slot*>(at), count};
      leases = LeaseTable<Slot>(slots_, shape);
      return true;
    }
    LeaseTable<Slot> leases;

   private:
    std::span<Slot> slots_;
  };

  std::unique_ptr<bpf_object, CloseObject> object;
  int program = -1;  // these are the object's
  int ports = -1;
  int counters = -1;
  std::mutex leases_mutex;
  Table<RelaySlot4> leases4;
  Table<RelaySlot6> leases6;
  std::vector<io::UniqueFd> links;  // an interface each; closing one detaches the program

  bool has_place(const Endpoint& from, std::uint32_t index) {
    const std::lock_guard lock(leases_mutex);
    return from.address.is_v4() ? leases4.leases.has_place(key4(from, index))
                                : leases6.leases.has_place(key6(from, index));
  }

  static Result<std::unique_ptr<Object>> load(const XdpOptions& options);
};

Result<std::unique_ptr<XdpPath::Object>> XdpPath::Object::load(const XdpOptions& options) {
  libbpf_set_print(nullptr);  // what fails is said by us
  const auto failed = [](std::string_view doing, int error) {
    const bool barred = error == EPERM || error == EACCES;
    return fail(barred ? Errc::not_permitted : Errc::not_in_kernel,
                "can't " + std::string(doing) + ": " + std::strerror(error) +
                    (barred ? " (it takes root, or CAP_BPF and CAP_NET_ADMIN)" : ""));
  };
  auto out = std::make_unique<Object>();
  const ByteView elf = embedded_program();
  out->object.reset(bpf_object__open_mem(elf.data(), elf.size(), nullptr));
  if (!out->object) return failed("read the program", errno);
  crypto::SystemRandom random;
  const auto shape = TableShape::of(static_cast<std::uint32_t>(options.sessions), random.u64());
  for (const char* name : {"leases4", "leases6"})
    bpf_map__set_max_entries(bpf_object__find_map_by_name(out->object.get(), name), shape.slots());
  RelaySettings settings{};
  settings.port = htons(options.listen.port);
  settings.homes = shape.homes;
  settings.seed = shape.seed;
  bpf_map* constants = bpf_object__find_map_by_name(out->object.get(), ".rodata");
  if (const int error = bpf_map__set_initial_value(constants, &settings, sizeof settings))
    return failed("set the program up", -error);
  if (const int error = bpf_object__load(out->object.get()))
    return failed("load the program", -error);
  out->program = bpf_program__fd(bpf_object__find_program_by_name(out->object.get(), "relay"));
  out->ports = bpf_object__find_map_fd_by_name(out->object.get(), "ports");
  out->counters = bpf_object__find_map_fd_by_name(out->object.get(), "counters");
  const auto map = [&](auto& table, const char* name) {
    return table.map(bpf_object__find_map_fd_by_name(out->object.get(), name), shape);
  };
  if (!map(out->leases4, "leases4") || !map(out->leases6, "leases6"))
    return failed("map its tables", errno);
  return out;
}

XdpPath::XdpPath(std::unique_ptr<Object> object, NextHops hops, const XdpOptions& options)
    : object_(std::move(object)), listen_(options.listen), hops_(std::move(hops)) {}

XdpPath::~XdpPath() = default;

Result<std::unique_ptr<XdpPath>> XdpPath::open(const XdpOptions& options) {
  auto object = Object::load(options);
  if (!object) return std::unexpected(object.error());
  auto hops = NextHops::open();
  if (!hops) return std::unexpected(hops.error());
  std::unique_ptr<XdpPath> out(new XdpPath(std::move(*object), std::move(*hops), options));
  if (auto attached = out->attach(options.mode); !attached)
    return std::unexpected(attached.error());
  return out;
}

Result<void> XdpPath::attach(Mode mode) {
  const auto interfaces = ethernet_interfaces(listen_.address);
  if (interfaces.empty())
    return fail(Errc::no_interface,
                "no Ethernet interface is up with " + (listen_.address.is_unspecified()
                                                           ? std::string("an address")
                                                           : listen_.address.to_string()));
  const std::uint32_t flags = mode == Mode::generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
  std::string refusals;
  for (const auto& interface : interfaces) {
    if (object_->links.size() == kMostInterfaces) break;
    if (!refusals.empty()) refusals += "; ";
    if (mode == Mode::automatic && interface.driver == "veth") {
      refusals += interface.name + " is a veth: choose native or generic by hand";
      continue;
    }
    bpf_link_create_opts options{};
    options.sz = sizeof options;
    options.flags = flags;
    io::UniqueFd link(
        bpf_link_create(object_->program, static_cast<int>(interface.index), BPF_XDP, &options));
    if (!link) {
      refusals += interface.name + ": " +
                  (errno == EBUSY ? "another program runs there" : std::strerror(errno));
      continue;
    }
    bpf_devmap_val port{};
    port.ifindex = interface.index;
    bpf_map_update_elem(object_->ports, &interface.index, &port, BPF_ANY);
    object_->links.push_back(std::move(link));
    interfaces_.push_back(interface);
    attached_.push_back(interface.name + " (" + std::string(name_of(flags)) + ")");
  }
  if (!attached_.empty()) return {};
  return fail(Errc::cannot_attach, "no interface takes the program: " + refusals);
}

std::optional<XdpPath::Locals> XdpPath::locals_of(const relay::FastRoute& route) const {
  // A socket with one address of ours isn't told by which a packet came.
  const auto ours = [this](const IpAddress& local) {
    return local.is_unspecified() ? listen_.address : local;
  };
  const Locals out{ours(route.from_local), ours(route.to_local)};
  for (const IpAddress* each : {&out.from, &out.to, &route.to.address})
    if (each->is_unspecified() || each->is_v4() != route.from.address.is_v4()) return std::nullopt;
  return out;
}

// The way back to the sender stands for the way by which its packets come.
bool XdpPath::takes(const relay::FastRoute& route) {
  const auto locals = locals_of(route);
  return locals && hop_to(route.to.address, locals->to) &&
         hop_to(route.from.address, locals->from) && object_->has_place(route.from, route.index);
}

void XdpPath::grant(const relay::FastRoute& route, const relay::Traffic& traffic, Instant until) {
  const auto locals = locals_of(route);
  if (!locals) return;
  const auto& [from_local, to_local] = *locals;
  const auto hop = hop_to(route.to.address, to_local);
  if (!hop) return;
  if (route.from.address.is_v4()) {
    RelayLease4 lease{};
    lease.until_ns = nanoseconds(until);
    lease.from_local = v4_of(from_local);
    lease.to = v4_of(route.to.address);
    lease.to_local = v4_of(to_local);
    lease.hop = *hop;
    lease.to_port = htons(route.to.port);
    const std::lock_guard lock(object_->leases_mutex);
    object_->leases4.leases.put(key4(route.from, route.index), lease, packets_of(traffic),
                                bytes_of(traffic));
    return;
  }
  RelayLease6 lease{};
  lease.until_ns = nanoseconds(until);
  put_address(lease.from_local, from_local);
  put_address(lease.to, route.to.address);
  put_address(lease.to_local, to_local);
  lease.hop = *hop;
  lease.to_port = htons(route.to.port);
  const std::lock_guard lock(object_->leases_mutex);
  object_->leases6.leases.put(key6(route.from, route.index), lease, packets_of(traffic),
                              bytes_of(traffic));
}

std::optional<RelayHop> XdpPath::hop_to(const IpAddress& to, const IpAddress& from) {
  const auto found = [&] {
    const std::lock_guard lock(hops_mutex_);
    return hops_.find(io::monotonic_now(), to, from);
  }();
  if (!found) return std::nullopt;
  const auto interface = std::ranges::find(interfaces_, found->interface, &Interface::index);
  if (interface == interfaces_.end()) return std::nullopt;
  RelayHop out{};
  out.interface = found->interface;
  std::ranges::copy(found->mac, out.to);
  std::ranges::copy(interface->mac, out.from);
  return out;
}

void XdpPath::revoke(const Endpoint& from, std::uint32_t index) {
  const std::lock_guard lock(object_->leases_mutex);
  if (from.address.is_v4())
    object_->leases4.leases.erase(key4(from, index));
  else
    object_->leases6.leases.erase(key6(from, index));
}

XdpCounters XdpPath::counters() const {
  const int processors = libbpf_num_possible_cpus();
  if (processors <= 0) return {};
  std::vector<RelayCounters> each(static_cast<std::size_t>(processors));
  const std::uint32_t zero = 0;
  XdpCounters out;
  if (bpf_map_lookup_elem(object_->counters, &zero, each.data()) != 0) return out;
  for (const auto& one : each) {
    out.packets += one.packets;
    out.bytes += one.bytes;
    out.passed += one.passed;
  }
  return out;
}

int XdpPath::program_fd() const {
  return object_->program;
}

}  // namespace lanrage::xdp
