// A home's router, asked to forward ports to this machine: by PCP (RFC 6887), NAT-PMP (RFC 6886)
// or UPnP (WANIPConnection). All of them block, so they belong on a thread of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/secret.hpp"

namespace lanrage::portmap {

enum class Method { pcp, nat_pmp, upnp };
// As JSON says it.
constexpr std::string_view name_of(Method method) {
  switch (method) {
    case Method::pcp:
      return "pcp";
    case Method::nat_pmp:
      return "nat_pmp";
    case Method::upnp:
      return "upnp";
  }
  return "unknown";
}
// As people write it.
constexpr std::string_view title_of(Method method) {
  switch (method) {
    case Method::pcp:
      return "PCP";
    case Method::nat_pmp:
      return "NAT-PMP";
    case Method::upnp:
      return "UPnP";
  }
  return "unknown";
}

enum class Transport { tcp, udp };

// One of this machine's.
struct Port {
  Transport transport = Transport::tcp;
  std::uint16_t port = 0;
  friend bool operator==(const Port&, const Port&) = default;
};

struct Wish {
  Port port;
  std::uint16_t external = 0;  // the router's port that we would like best
  bool any_external = false;   // another one is as good
};

struct Grant {
  Port port;
  std::uint16_t external = 0;        // the router's
  std::chrono::seconds lifetime{0};  // 0: until it is removed
  friend bool operator==(const Grant&, const Grant&) = default;
};

// What asking came to.
struct Round {
  std::optional<Method> method;             // none: no router answered
  std::optional<IpAddress> public_address;  // the router's own, as far as it tells
  std::vector<Grant> granted;
  std::string reason;             // of what wasn't granted
  bool router_restarted = false;  // it says that it has lost what it granted before
};

class Gateway {
 public:
  virtual ~Gateway() = default;
  virtual Method method() const = 0;
  // Asks anew for mappings that exist, too, which renews them. Some seconds at most, two or so
  // after `stop` was requested; what was granted until then counts.
  virtual Round map(std::span<const Wish> wishes, std::chrono::seconds lifetime,
                    const std::stop_token& stop) = 0;
  // Two seconds or so at most.
  virtual void unmap(std::span<const Grant> grants) = 0;
};

// A mapping belongs to whoever knows its nonce (RFC 6887, 11.2). Nonces are derived from this key,
// so that a program which was killed can renew and remove what it had.
using NonceKey = Secret<32>;

// `server` is the default gateway's port 5351 unless given.
std::unique_ptr<Gateway> pcp_gateway(NonceKey key, std::optional<Endpoint> server = std::nullopt);
std::unique_ptr<Gateway> nat_pmp_gateway();
std::unique_ptr<Gateway> upnp_gateway();

// All three, in this order of preference.
std::vector<std::unique_ptr<Gateway>> all_gateways(const NonceKey& key);

}  // namespace lanrage::portmap
