// Players whose lines carry 1,400 bytes, less than WireGuard's packets with what games send: all
// gets through, directly and relayed.
#include <algorithm>
#include <gtest/gtest.h>
#include <tuple>

#include "lab_fixture.hpp"
#include "support/tcp_transfer.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::lab {
namespace {

constexpr int kLine = 1'400;
constexpr std::uint16_t kGame = 27'015;
constexpr std::size_t kDatagram = 1'400;
constexpr std::size_t kBulk = 4'000'000;

// No two alike, so that a late one is taken for no other.
Bytes words(std::uint8_t number) {
  Bytes out(kDatagram);
  std::ranges::generate(out, [n = number]() mutable { return n += 7; });
  return out;
}

// Datagrams get lost, and the first large one tells whoever sends it how wide the way is: it is
// said again until it was heard.
bool arrives(const Player& from, const Player& to, const IpAddress& at, ByteView payload) {
  const Endpoint any{IpAddress::parse("0.0.0.0").value(), kGame};
  UdpSocket sender(from.host().netns(), any);
  UdpSocket receiver(to.host().netns(), any);
  const int on = 1;
  ::setsockopt(sender.fd(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  return eventually(kReachable, [&] {
    sender.send({at, kGame}, payload);
    while (const auto got = receiver.receive(Millis(300)))
      if (std::ranges::equal(got->payload, payload)) return true;
    return false;
  });
}

struct Case {
  std::string_view path;
  NatKind guest_nat;
};

class LanMtu : public LabTest, public ::testing::WithParamInterface<Case> {
 protected:
  // Its lines are as wide as those of most servers.
  Server& add_wide_server() {
    const Host& host = network_.add_public_host("server", true);
    Server& server = add_server(host, host.address());
    network_.set_line_mtu(kLine);
    return server;
  }
};

TEST_P(LanMtu, WhatGamesSendGetsThroughNarrowLines) {
  Server& server = add_wide_server();
  Player& alice = add_player("alice", NatKind::port_restricted_cone);
  Player& bob = add_player("bob", GetParam().guest_nat);
  const Membership hosted = alice.create(server, "game night");
  const Membership bobs = bob.join(hosted.invite);
  const std::string path(GetParam().path);
  ASSERT_TRUE(pings(bob, hosted.vip));
  ASSERT_TRUE(path_becomes(bob, "alice", path));
  ASSERT_TRUE(path_becomes(alice, "bob", path));

  EXPECT_TRUE(arrives(alice, bob, bobs.vip, words(1)));
  EXPECT_TRUE(arrives(bob, alice, hosted.vip, words(2)));
  const auto everybody = IpAddress::parse("255.255.255.255").value();
  EXPECT_TRUE(arrives(alice, bob, everybody, words(3)));
  EXPECT_TRUE(arrives(bob, alice, everybody, words(4)));
  for (const auto& [from, to, vip] :
       {std::tuple{&alice, &bob, bobs.vip}, std::tuple{&bob, &alice, hosted.vip}}) {
    const auto report =
        tcp_transfer(from->host().netns(), to->host().netns(), vip, kBulk, Millis(60'000));
    EXPECT_TRUE(report.intact) << report.problem << " after " << report.received << " bytes";
  }
  EXPECT_TRUE(path_becomes(bob, "alice", path));
}

INSTANTIATE_TEST_SUITE_P(Lab, LanMtu,
                         ::testing::Values(Case{"direct", NatKind::port_restricted_cone},
                                           Case{"relay", NatKind::symmetric}),
                         [](const auto& one) { return std::string(one.param.path); });

}  // namespace
}  // namespace lanrage::lab
