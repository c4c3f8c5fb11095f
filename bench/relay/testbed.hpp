// Three network namespaces: clients that send, the relay, clients that receive. The relay is a
// veth away from either; a third veth joins the clients' namespaces directly, to learn what the
// load costs, and how long it takes, without a relay.
#pragma once

#include <cstdint>

#include "base/endpoint.hpp"
#include "support/namespace.hpp"

namespace lanrage::bench {

class Testbed {
 public:
  // `as_cards`: the veths do what network cards do, as far as a program on them can tell. What they
  // send has whole checksums, and they take what such a program sends. It costs the load more.
  // `with_gro`: only what every card's driver does, to receive by NAPI, where packets are joined
  // for a socket that takes them so (on a thread of the kernel's: else a veth looks for packets
  // after each one); what a socket sends in one is divided before it leaves the relay.
  // `segmenting`: the same, but the cards divide it, as good ones do.
  enum class Veths { plain, as_cards, with_gro, segmenting };
  explicit Testbed(Veths veths = Veths::plain);

  const lab::NetNamespace& senders() const { return senders_; }
  const lab::NetNamespace& relay() const { return relay_; }
  const lab::NetNamespace& receivers() const { return receivers_; }

  static IpAddress relay_address() { return *IpAddress::parse("203.0.113.1"); }
  // Each of these /16 is local in its namespace as a whole (RFC 2544 sets them aside for this).
  static IpAddress senders_prefix() { return *IpAddress::parse("198.18.0.0"); }
  static IpAddress receivers_prefix() { return *IpAddress::parse("198.19.0.0"); }

 private:
  lab::NetNamespace senders_{"senders"};
  lab::NetNamespace relay_{"relay"};
  lab::NetNamespace receivers_{"receivers"};
};

}  // namespace lanrage::bench
