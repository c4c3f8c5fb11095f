// Attacks on the LAN segment: frames from the LAN at home and from this machine, and members who
// pose as others.
#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lan/rules.hpp"
#include "lan_fixture.hpp"
#include "support/wire.hpp"

namespace lanrage::agent::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class LanGuardTest : public LanTest {
 protected:
  // An IP packet as member `as` would broadcast it.
  Bytes packet_of(const lan::Station& as, std::string_view payload) {
    return udp_packet(Endpoint{as.vip, 5000}, {address("255.255.255.255"), kGame},
                      as_bytes(payload));
  }
  Bytes frame_of(const lan::Mac& from, std::uint16_t type, ByteView packet) {
    ByteWriter out;
    out.raw(lan::kBroadcastMac).raw(from).u16(type).raw(packet);
    return std::move(out).take();
  }
  Bytes vxlan(ByteView frame) {
    ByteWriter out;
    out.u32(0x08000000).u32(segment_b_.numbers.vni << 8).raw(frame);
    return std::move(out).take();
  }
  // A frame to B in a VXLAN datagram from that address and port.
  void send(const lab::NetNamespace& from, const std::string& address, std::uint16_t port,
            const std::string& to, ByteView frame) {
    UdpSocket socket(from, {IpAddress::parse(address).value(), port});
    socket.send({IpAddress::parse(to).value(), segment_b_.numbers.port}, vxlan(frame));
  }
  void forge(const lab::NetNamespace& from, const std::string& address, const std::string& to) {
    const auto& victim = segment_b_.others[0];
    send(from, address, lan::kSourcePort, to,
         frame_of(victim.mac, 0x0800, packet_of(victim, "forged")));
  }
  // What an agent that is killed leaves of B's segment.
  void leave_behind() {
    const pid_t agent = ::fork();
    if (agent == 0) {
      const auto lan = try_open(b_, options(segment_b_));
      ::_exit(lan ? 0 : 1);  // without destructors
    }
    int status = 0;
    ASSERT_EQ(::waitpid(agent, &status, 0), agent);
    ASSERT_EQ(status, 0);
  }
  void remove_filter() {
    lab::run({"nft", "delete", "table", "inet", lan::table_name(segment_b_).substr(5)},
             {.netns_fd = b_.fd()});
  }
};

TEST_F(LanGuardTest, KeepsOutTheLanAtHome) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  forge(a_, "2001:db8::1", "2001:db8::2");
  forge(a_, "fd00::1", "2001:db8::2");  // with a member's address, by the wrong interface
  forge(a_, "2001:db8::1", "fd00::2");  // and by the right one, but not the member's address
  EXPECT_THAT(heard(game), ElementsAre());
  remove_filter();
  forge(a_, "fd00::1", "2001:db8::2");
  EXPECT_THAT(heard(game), ElementsAre("forged")) << "so it was the filter, and the attack is one";
}

TEST_F(LanGuardTest, KeepsOutThisMachinesOwnPrograms) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  forge(b_, "::1", "::1");
  forge(b_, "fd00::2", "fd00::2");
  EXPECT_THAT(heard(game), ElementsAre());
  remove_filter();
  forge(b_, "::1", "::1");
  EXPECT_THAT(heard(game), ElementsAre("forged"));
}

TEST_F(LanGuardTest, HoldsWhenTheAgentIsKilled) {
  leave_behind();
  lan_a_ = open(a_, options(segment_a_));
  UdpSocket game(b_, {IpAddress(), kGame});
  ASSERT_THAT(heard(game), ElementsAre()) << "the device is still there";
  forge(a_, "2001:db8::1", "2001:db8::2");
  EXPECT_THAT(heard(game), ElementsAre());
  // The next agent takes over what is left.
  lan_b_ = open(b_, options(segment_b_));
  forge(a_, "2001:db8::1", "2001:db8::2");
  EXPECT_THAT(heard(game), ElementsAre());
  lan_b_.reset();
  EXPECT_THAT(output(b_, {"nft", "list", "tables"}), Not(HasSubstr("lanrage")));
}

// As the party may be left by then.
TEST_F(LanGuardTest, IsRemovedByTheNextAgentWhateverItsPartiesAre) {
  leave_behind();
  const auto links = [&] { return output(b_, {"ip", "link"}); };
  const auto tables = [&] { return output(b_, {"nft", "list", "tables"}); };
  ASSERT_THAT(links(), HasSubstr("lan0"));
  ASSERT_THAT(tables(), HasSubstr("lanrage"));
  b_.inside([] {
    remove_dead_segments();
    return 0;
  });
  EXPECT_THAT(links(), Not(HasSubstr("lan0")));
  EXPECT_THAT(tables(), Not(HasSubstr("lanrage")));
  lan_b_ = open(b_, options(segment_b_));
  b_.inside([] {
    remove_dead_segments();
    return 0;
  });
  EXPECT_THAT(links(), HasSubstr("lan0")) << "of a living one";
  EXPECT_THAT(tables(), HasSubstr("lanrage"));
}

TEST_F(LanGuardTest, IsOneAgentsOnly) {
  open_both();
  const auto second = try_open(b_, options(segment_b_, "lan1"));
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(LanErrc::interface_taken)) << second.error().message();
  UdpSocket game(b_, {IpAddress(), kGame});
  forge(a_, "2001:db8::1", "2001:db8::2");
  forge(a_, "fd00::1", "2001:db8::2");
  EXPECT_THAT(heard(game), ElementsAre()) << "the first one's works on, guarded";
}

// Anybody may take a name of the abstract namespace.
TEST_F(LanGuardTest, IsntKeptAwayByWhoHasTheClaimsName) {
  int ready[2];
  int end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const pid_t squatter = ::fork();
  if (squatter == 0) {
    ::close(end[1]);
    const bool there = b_.inside([&] {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) return false;
      const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      const auto name = "lanrage-segment-" + std::to_string(segment_b_.numbers.vni);
      std::memcpy(address.sun_path + 1, name.data(), name.size());
      const auto size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
      const bool bound =
          ::bind(fd, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)) == 0 &&
          ::listen(fd, 1) == 0;
      const char word = bound ? 'y' : 'n';
      if (::write(ready[1], &word, 1) != 1) ::_exit(1);
      char ignored = 0;
      // At once: nobody but root gets back out of the namespace.
      ::_exit(::read(end[0], &ignored, 1) == 0 && bound ? 0 : 1);
      return true;
    });
    ::_exit(there ? 0 : 1);
  }
  ::close(ready[1]);
  char word = 'n';
  ASSERT_EQ(::read(ready[0], &word, 1), 1);
  ASSERT_EQ(word, 'y');
  const auto lan = try_open(b_, options(segment_b_));
  EXPECT_TRUE(lan) << lan.error().message();
  EXPECT_THAT(output(b_, {"nft", "list", "tables"}), HasSubstr("lanrage"));
  for (const int fd : {end[0], end[1], ready[0]})
    ::close(fd);
  int status = 0;
  ASSERT_EQ(::waitpid(squatter, &status, 0), squatter);
  EXPECT_EQ(status, 0);
}

TEST_F(LanGuardTest, NoticesRulesThatWereChanged) {
  lan_b_ = open(b_, options(segment_b_));
  const auto table = lan::table_name(segment_b_);
  const auto unguarded = [&] {
    const auto found = b_.inside([&] { return lan_b_->look(); });
    return !found && found.error().is(LanErrc::unguarded);
  };
  EXPECT_FALSE(unguarded());
  std::istringstream lines(output(b_, {"nft", "list", "table", "inet", table.substr(5)}));
  std::vector<std::string> chains;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("\tchain ")) chains.push_back(line.substr(7, line.find(' ', 7) - 7));
  ASSERT_FALSE(chains.empty());
  for (const auto& chain : chains) {
    output(b_, {"nft", "flush", "chain", "inet", table.substr(5), chain});
    EXPECT_TRUE(unguarded()) << chain;
    ASSERT_TRUE(b_.inside([&] { return lan_b_->set(segment_b_); }));
    EXPECT_FALSE(unguarded()) << chain;
  }
  output(b_, {"nft", "flush", "table", "inet", table.substr(5)});
  EXPECT_TRUE(unguarded());
}

TEST_F(LanGuardTest, FollowsAnAgentThatTakesAnotherName) {
  leave_behind();
  lan_a_ = open(a_, options(segment_a_));
  lan_b_ = open(b_, options(segment_b_, "lan7"));
  EXPECT_THAT(output(b_, {"ip", "link"}), Not(HasSubstr("lan0")));
  UdpSocket game(b_, {IpAddress(), kGame});
  forge(a_, "2001:db8::1", "2001:db8::2");
  EXPECT_THAT(heard(game), ElementsAre());
}

// What only another fragment tells.
TEST_F(LanGuardTest, KeepsOutFragments) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  const auto& victim = segment_b_.others[0];
  const auto datagram = udp_datagram(
      {address("2001:db8::1"), lan::kSourcePort}, {address("2001:db8::2"), segment_b_.numbers.port},
      vxlan(frame_of(victim.mac, 0x0800, packet_of(victim, "forged"))));
  const int raw =
      a_.inside([] { return ::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW); });
  ASSERT_GE(raw, 0);
  const auto send_cut = [&](std::size_t first, std::uint32_t id) {
    lan::IpPacket packet{.source = address("2001:db8::1"),
                         .destination = address("2001:db8::2"),
                         .hop_limit = 64,
                         .data = datagram};
    const std::size_t parts[] = {0, first, datagram.size()};
    for (int i = 0; i < 2; ++i) {
      packet.fragment = lan::Fragment{id, static_cast<std::uint16_t>(parts[i]), i == 0};
      packet.data = ByteView(datagram).subspan(parts[i], parts[i + 1] - parts[i]);
      const auto frame = lan::ethernet_frames(packet, {}, {}, 1500, id).at(0);
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      std::ranges::copy(packet.destination.bytes(), to.sin6_addr.s6_addr);
      ASSERT_GT(::sendto(raw, frame.data() + 14, frame.size() - 14, 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof to),
                0);
    }
  };
  for (std::uint32_t first = 8; first < 64; first += 8)
    send_cut(first, first);
  EXPECT_THAT(heard(game), ElementsAre());
  remove_filter();
  send_cut(8, 100);
  EXPECT_THAT(heard(game), ElementsAre("forged"));
  ::close(raw);
}

TEST_F(LanGuardTest, LetsAMemberSpeakForItselfOnly) {
  const auto segment = segment_of(2, {1, 3});
  lan_a_ = open(a_, options(segment_a_));
  lan_b_ = open(b_, options(segment));
  UdpSocket game(b_, {IpAddress(), kGame});
  const auto& self = segment.others[0];
  const auto& other = segment.others[1];
  const auto try_frame = [&](const Bytes& frame) {
    send(a_, "fd00::1", lan::kSourcePort, "fd00::2", frame);
    return heard(game);
  };
  EXPECT_THAT(try_frame(frame_of(self.mac, 0x0800, packet_of(self, "mine"))), ElementsAre("mine"));
  EXPECT_THAT(try_frame(frame_of(other.mac, 0x0800, packet_of(self, "MAC"))), ElementsAre());
  EXPECT_THAT(try_frame(frame_of(self.mac, 0x0800, packet_of(other, "VIP"))), ElementsAre());
  EXPECT_THAT(try_frame(frame_of(other.mac, 0x0800, packet_of(other, "both"))), ElementsAre());
  // A tag with VLAN 0 is taken off by the kernel, with the packet behind it as if without.
  ByteWriter tagged;
  tagged.u16(0).u16(0x0800).raw(packet_of(other, "tagged"));
  EXPECT_THAT(try_frame(frame_of(self.mac, 0x8100, tagged.bytes())), ElementsAre());
}

TEST_F(LanGuardTest, TakesFramesFromTheKernelsPortOnly) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  const auto& self = segment_b_.others[0];
  send(a_, "fd00::1", 40000, "fd00::2", frame_of(self.mac, 0x0800, packet_of(self, "a user's")));
  EXPECT_THAT(heard(game), ElementsAre());
}

TEST_F(LanGuardTest, LetsNobodyAnswerForAnothersAddress) {
  const auto segment = segment_of(2, {1, 3});
  lan_a_ = open(a_, options(segment_a_));
  lan_b_ = open(b_, options(segment));
  UdpSocket game(b_, {IpAddress(), kGame});
  const auto& self = segment.others[0];
  const auto& other = segment.others[1];
  const auto arp = [&](const lan::Mac& mac, const IpAddress& vip) {
    ByteWriter out;
    out.u16(1).u16(0x0800).u8(6).u8(4).u16(2).raw(mac).raw(vip.bytes());
    out.raw(mac).raw(vip.bytes());  // gratuitous: takes effect at once
    send(a_, "fd00::1", lan::kSourcePort, "fd00::2", frame_of(self.mac, 0x0806, out.bytes()));
  };
  // Nobody has 10.66.0.9: whatever comes to be known of it was let in.
  b_.ip("neigh add 10.66.0.9 lladdr 02:00:00:00:00:09 dev lan0 nud stale\n");
  arp(self.mac, address("10.66.0.9"));
  arp(other.mac, other.vip);
  heard(game);
  const auto known = output(b_, {"ip", "neigh", "show", "dev", "lan0"});
  EXPECT_THAT(known, HasSubstr("10.66.0.9 lladdr 02:00:00:00:00:09"));
}

// A client reads frames, whatever the rules for what they carry.
TEST_F(LanGuardTest, LetsNobodyAnswerDhcp) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  lab::Wire client(b_, "lan0");
  const auto self = segment_a_.self;
  const auto other = segment_b_.self;
  const auto from_member = [&](std::uint16_t type, const Bytes& packet) {
    send(a_, "fd00::1", lan::kSourcePort, "fd00::2", frame_of(self.mac, type, packet));
  };
  const Endpoint server{self.vip, 67};
  const Endpoint server6{self.link_local, 547};
  from_member(0x0800, udp_packet(server, {other.vip, 68}, as_bytes("offer")));
  from_member(0x86dd, udp_packet(server6, {other.link_local, 546}, as_bytes("offer")));
  // With an option the port is elsewhere.
  auto longer = udp_packet(server, {other.vip, 68}, as_bytes("offer"));
  longer[0] = 0x46;
  longer.insert(longer.begin() + 20, {1, 1, 1, 1});
  from_member(0x0800, longer);
  from_member(0x0800, udp_packet({self.vip, 5'000}, {other.vip, kGame}, as_bytes("last")));
  int offers = 0;
  for (bool last = false; !last;) {
    const auto frame = client.receive(kSoon);
    ASSERT_TRUE(frame);
    const std::string text(as_text(*frame));
    offers += text.ends_with("offer") ? 1 : 0;
    last = text.ends_with("last");
  }
  EXPECT_EQ(offers, 0);
}

TEST_F(LanGuardTest, ShutsOutWhoWasRemoved) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  UdpSocket player(a_, endpoint("10.66.0.1:0"));
  allow_broadcast(player);
  ASSERT_TRUE(lan_b_->set(segment_of(2, {})));
  player.send(endpoint("10.66.0.2:27015"), as_bytes("gone"));
  player.send(endpoint("10.66.255.255:27015"), as_bytes("gone"));
  ASSERT_TRUE(lan_b_->set(segment_b_));
  EXPECT_THAT(heard(game), ElementsAre());
}

// The tunnel's own addresses are no way around.
TEST_F(LanGuardTest, LetsOnlyAgentsTalkBesideTheLan) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  UdpSocket member(a_, endpoint("[fd00::1]:0"));
  const auto gets_in = [&](std::uint16_t port) {
    UdpSocket service(b_, {address("::"), port});
    member.send({address("fd00::2"), port}, as_bytes("hello"));
    heard(game);
    return service.receive(lab::Millis(0)).has_value();
  };
  EXPECT_TRUE(gets_in(lan::kAgentsPort));
  EXPECT_FALSE(gets_in(28000));
  EXPECT_TRUE(pings(a_, "fd00::2"));
}

}  // namespace
}  // namespace lanrage::agent::test
