// Leased sessions forwarded by a program in the kernel, before its network stack (XDP). The program
// hangs on this object's descriptors: it is gone with the process, however that ends.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "relay/leases.hpp"
#include "xdp/interfaces.hpp"
#include "xdp/mode.hpp"
#include "xdp/next_hops.hpp"

struct RelayHop;  // relay_xdp.h

namespace lanrage::xdp {

enum class Errc {
  not_permitted,  // needs CAP_BPF and CAP_NET_ADMIN, or root
  not_in_kernel,  // this kernel can't load it
  no_interface,   // none carries the relay's address
  cannot_attach,  // no interface takes it
};
constexpr std::string_view name_of(Errc e) {
  switch (e) {
    case Errc::not_permitted:
      return "not_permitted";
    case Errc::not_in_kernel:
      return "not_in_kernel";
    case Errc::no_interface:
      return "no_interface";
    case Errc::cannot_attach:
      return "cannot_attach";
  }
  return "unknown";
}

struct XdpOptions {
  Mode mode = Mode::automatic;
  Endpoint listen;                // of the relay
  std::size_t sessions = 65'536;  // leased at a time, of IPv4 and of IPv6
};

struct XdpCounters {
  std::uint64_t packets = 0;  // forwarded
  std::uint64_t bytes = 0;    // UDP payload
  std::uint64_t passed = 0;   // to the relay's port, left to the relay
};

class XdpPath final : public relay::FastPath {
 public:
  static Result<std::unique_ptr<XdpPath>> open(const XdpOptions& options);
  ~XdpPath() override;

  // From any thread.
  bool takes(const relay::FastRoute& route) override;
  void grant(const relay::FastRoute& route, const relay::Traffic& traffic, Instant until) override;
  void revoke(const Endpoint& from, std::uint32_t index) override;

  XdpCounters counters() const;  // from any thread
  // Where it runs, for people: "eth0 (native)".
  const std::vector<std::string>& attached() const { return attached_; }
  int program_fd() const;  // for trying it on packets (BPF_PROG_TEST_RUN)

 private:
  struct Object;
  XdpPath(std::unique_ptr<Object> object, NextHops hops, const XdpOptions& options);
  Result<void> attach(Mode mode);
  // Our addresses at both ends; nothing when they aren't known, or of several families.
  struct Locals {
    IpAddress from;
    IpAddress to;
  };
  std::optional<Locals> locals_of(const relay::FastRoute& route) const;
  // The way out to there; nothing when it isn't by one of our interfaces, or not known yet.
  std::optional<RelayHop> hop_to(const IpAddress& to, const IpAddress& from);

  std::unique_ptr<Object> object_;
  Endpoint listen_;
  std::mutex hops_mutex_;  // a grant is one in a thousand packets
  NextHops hops_;
  std::vector<Interface> interfaces_;  // where it runs
  std::vector<std::string> attached_;
};

}  // namespace lanrage::xdp
