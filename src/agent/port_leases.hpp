// Which of the agent's UDP ports a home's router forwards, and when to ask it again. Decides only;
// PortMapper asks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "portmap/gateway.hpp"

namespace lanrage::agent {

// A router's forward of one port.
struct PortMapping {
  portmap::Method method = portmap::Method::pcp;
  std::optional<IpAddress> address;  // the router's own, where it tells
  std::uint16_t external = 0;
  friend bool operator==(const PortMapping&, const PortMapping&) = default;
};

// Where others reach the port by `mapping`, when servers see us at `seen`. Nothing where the
// router's address is a private one that no server sees: another router is in front of it, and
// forwards nothing.
std::optional<Endpoint> reachable_at(const PortMapping& mapping, std::span<const Endpoint> seen);

class PortLeases {
 public:
  // Asked for. A killed agent leaves its mappings behind for so long.
  static constexpr std::chrono::seconds kLifetime{1'800};
  // Also while mappings last longer: so a restarted router, and its new address, are noticed.
  static constexpr std::chrono::minutes kLookAgain{5};
  static constexpr std::chrono::seconds kNoSooner{10};  // however short the router's lifetimes are
  static constexpr std::chrono::minutes kFirstRetry{1};
  static constexpr std::chrono::minutes kLastRetry{30};

  void want(std::uint16_t port);
  void release(std::uint16_t port);
  // The network is another one, perhaps: what isn't granted next time is gone.
  void ask_anew();

  // What the router may forget now.
  std::vector<portmap::Port> take_released();
  // What to ask for now; empty when nothing is. What comes of it goes to on_round or on_no_router.
  std::vector<portmap::Wish> take_due(Instant now);
  // When something is due; nothing while no port is wanted.
  std::optional<Instant> next_at() const;

  struct Change {
    std::uint16_t port = 0;
    std::optional<PortMapping> mapping;  // none any more
  };
  // What became of the wishes that were due.
  std::vector<Change> on_round(Instant now, std::span<const portmap::Wish> wishes,
                               const portmap::Round& round);
  // There is no router to ask: the machine has an address of the internet, or none at all.
  std::vector<Change> on_no_router(Instant now, std::span<const portmap::Wish> wishes);

 private:
  struct Lease {
    std::optional<PortMapping> mapping;
    std::optional<Instant> ends;  // nothing: the router keeps it until it is removed
    std::uint16_t wish = 0;       // external port to ask for
  };

  void wait_until(Instant when, std::span<const portmap::Wish> wishes);
  bool is_others(std::uint16_t port, std::uint16_t external) const;
  bool take(Instant now, std::uint16_t port, Lease& lease, const portmap::Round& round);

  std::map<std::uint16_t, Lease> leases_;
  std::set<std::uint16_t> released_;
  Instant next_at_{};
  Duration retry_ = kFirstRetry;
  bool anew_ = false;    // for the next round
  bool asking_ = false;  // anew, in the round under way
};

}  // namespace lanrage::agent
