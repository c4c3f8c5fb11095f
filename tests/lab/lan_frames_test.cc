// What crosses the LAN segment beside games of today: IPX frames of old ones, and IPv6 multicast.
#include <gtest/gtest.h>
#include <ifaddrs.h>

#include "io/sockaddr.hpp"
#include "lab_fixture.hpp"
#include "support/udp_socket.hpp"
#include "support/wire.hpp"

namespace lanrage::lab {
namespace {

constexpr std::uint16_t kIpx = 0x8137;
constexpr std::uint16_t kPort = 27960;

// The device that has the virtual IP.
std::string device_with(const NetNamespace& netns, const IpAddress& vip) {
  return netns.inside([&] {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return std::string();
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next)
      if (io::ip_address_of(entry->ifa_addr) == vip) return std::string(entry->ifa_name);
    return std::string();
  });
}

// An IPX broadcast from a socket of Doom's days; `type` of Ethernet II, or the length of 802.3.
Bytes ipx_frame(const ByteArray<6>& from, bool ethernet2) {
  ByteWriter packet;
  packet.u16(0xffff).u16(30 + 16).u8(0).u8(4);    // no checksum, length, hops, type
  packet.u32(0).raw(Bytes(6, 0xff)).u16(0x869c);  // to everybody's socket
  packet.u32(0).raw(from).u16(0x869c).raw(as_bytes("anybody there?!!"));
  ByteWriter out;
  out.raw(Bytes(6, 0xff)).raw(from);
  out.u16(ethernet2 ? kIpx : static_cast<std::uint16_t>(packet.bytes().size()));
  out.raw(packet.bytes());
  return std::move(out).take();
}

class LanFrames : public LabTest {
 protected:
  LanFrames() {
    hosted_ = alice_.create(server_, "game night");
    joined_ = bob_.join(hosted_.invite);
  }
  Host& home(const std::string& role) {
    Host& host = network_.add_player(role, NatKind::port_restricted_cone);
    network_.give_ipv6(host);
    return host;
  }

  Server& server_ = add_server();
  Player& alice_ = add_player("alice", home("alice"));
  Player& bob_ = add_player("bob", home("bob"));
  Membership hosted_;
  Membership joined_;
};

TEST_F(LanFrames, IpxCrossesInBothItsFrames) {
  ASSERT_TRUE(pings(bob_, hosted_.vip));
  Wire alice(alice_.host().netns(), device_with(alice_.host().netns(), hosted_.vip));
  Wire bob(bob_.host().netns(), device_with(bob_.host().netns(), joined_.vip));
  for (const bool ethernet2 : {true, false}) {
    const auto frame = ipx_frame(bob.mac(), ethernet2);
    bob.send(frame);
    EXPECT_TRUE(alice.receives(frame, kSeen)) << (ethernet2 ? "Ethernet II" : "802.3");
  }
}

// As programs do that know nothing of interfaces: they join and send by the default route.
TEST_F(LanFrames, MulticastOfIpv6FindsWhoJoinedElsewhere) {
  ASSERT_TRUE(pings(bob_, hosted_.vip));
  for (const auto* group : {"ff02::4fd:1", "ff05::4fd:2"}) {
    const auto address = IpAddress::parse(group).value();
    UdpSocket game(alice_.host().netns(), Endpoint::parse("[::]:27960").value());
    ipv6_mreq request{};
    std::ranges::copy(address.bytes(), request.ipv6mr_multiaddr.s6_addr);
    ASSERT_EQ(::setsockopt(game.fd(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request), 0);
    UdpSocket player(bob_.host().netns(), Endpoint::parse("[::]:0").value());
    IpAddress from;
    ASSERT_TRUE(eventually(kSeen, [&] {
      player.send({address, kPort}, as_bytes("anybody there?"));
      const auto got = game.receive(Millis(500));
      if (got) from = got->from.address;
      return got.has_value();
    })) << group;
    const auto& netns = bob_.host().netns();
    EXPECT_EQ(device_with(netns, from), device_with(netns, joined_.vip)) << from.to_string();
  }
}

}  // namespace
}  // namespace lanrage::lab
