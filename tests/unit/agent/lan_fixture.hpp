// Two namespaces joined twice: by wg0, which stands for the party's WireGuard device (member 1's
// and 2's underlay addresses are on it), and by e0, the LAN at home.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "agent/lan_segment.hpp"
#include "support/namespace.hpp"
#include "support/process.hpp"
#include "support/udp_socket.hpp"
#include "unit/lan/some_segment.hpp"

namespace lanrage::agent::test {

using namespace lan::test;
using lab::UdpSocket;

inline constexpr lab::Millis kSoon{10'000};
inline constexpr std::uint16_t kGame = 27015;

class LanTest : public testing::Test {
 protected:
  LanTest() {
    for (const auto* link : {"e0", "wg0"})
      a_.ip(std::string("link add ") + link + " type veth peer name " + link + " netns " +
            b_.name() + "\n");
    set_up(a_, "1");
    set_up(b_, "2");
  }

  static LanOptions options(const lan::Segment& segment, const std::string& name = "lan0") {
    return {.interface_name = name, .wireguard = "wg0", .segment = segment};
  }
  static Result<std::unique_ptr<LanSegment>> try_open(const lab::NetNamespace& netns,
                                                      const LanOptions& options) {
    return netns.inside([&] { return LanSegment::open(options); });
  }
  static std::unique_ptr<LanSegment> open(const lab::NetNamespace& netns,
                                          const LanOptions& options) {
    auto out = try_open(netns, options);
    if (!out) throw lab::LabError(out.error().message());
    return std::move(*out);
  }
  void open_both() {
    lan_a_ = open(a_, options(segment_a_));
    lan_b_ = open(b_, options(segment_b_));
  }

  static std::string output(const lab::NetNamespace& netns,
                            const std::vector<std::string>& command) {
    return lab::run(command, {.netns_fd = netns.fd()}).out;
  }
  static bool pings(const lab::NetNamespace& netns, const std::string& to) {
    return lab::run({"ping", "-n", "-c", "1", "-W", "2", to}, {.netns_fd = netns.fd()}).status == 0;
  }
  static void allow_broadcast(const UdpSocket& socket) {
    const int on = 1;
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  }

  // What B's `game` socket gets before a datagram that A sends now over the LAN, and that gets
  // through: so nothing is waited for.
  std::vector<std::string> heard(UdpSocket& game) {
    UdpSocket sender(a_, endpoint("10.66.0.1:0"));
    sender.send({segment_b_.self.vip, kGame}, as_bytes("marker"));
    std::vector<std::string> out;
    while (const auto got = game.receive(kSoon)) {
      if (as_text(got->payload) == "marker") return out;
      out.emplace_back(as_text(got->payload));
    }
    throw lab::LabError("the LAN carries nothing");
  }

  const lan::Segment segment_a_ = segment_of(1, {2});
  const lan::Segment segment_b_ = segment_of(2, {1});
  lab::NetNamespace a_{"a"};
  lab::NetNamespace b_{"b"};
  std::unique_ptr<LanSegment> lan_a_;
  std::unique_ptr<LanSegment> lan_b_;

 private:
  static void set_up(const lab::NetNamespace& netns, const std::string& host) {
    netns.ip("link set e0 up\naddr add 203.0.113." + host + "/24 dev e0\naddr add 2001:db8::" +
             host + "/64 dev e0 nodad\nlink set wg0 mtu 1420 up\naddr add fd00::" + host +
             "/64 dev wg0 nodad\n");
  }
};

}  // namespace lanrage::agent::test
