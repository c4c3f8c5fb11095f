#include "agent/lan_copier.hpp"

#include <gmock/gmock.h>

#include "lan_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr std::string_view kGroup = "224.0.2.60";

// B's game listens on all interfaces; A's sends by the default route, that of the LAN at home.
class LanCopierTest : public LanTest {
 protected:
  LanCopierTest() {
    a_.ip("route add default dev e0\n");
    b_.ip("route add default dev e0\n");
    open_both();
    copier_a_ = copy(a_, segment_a_);
    copier_b_ = copy(b_, segment_b_);
    allow_broadcast(player_);
  }
  ~LanCopierTest() override {
    copier_a_->close();
    copier_b_->close();
    run();
  }

  std::shared_ptr<LanCopier> copy(const lab::NetNamespace& netns, const lan::Segment& segment) {
    return netns.inside([&] {
      auto copier = LanCopier::open(netns.fd() == a_.fd() ? io_a_ : io_b_, segment, "lan0");
      if (!copier) throw lab::LabError(copier.error().message());
      return *copier;
    });
  }
  void run() {
    a_.inside([&] { io_a_.poll(); });
    b_.inside([&] { io_b_.poll(); });
  }
  // Where datagrams come from until so many came, and before a marker that is sent then.
  std::vector<std::string> senders(UdpSocket& game, std::size_t count) {
    std::vector<std::string> out;
    const auto note = [&](const std::optional<UdpSocket::Datagram>& got) {
      if (got) out.push_back(got->from.address.to_string());
    };
    lab::eventually(kSoon, [&] {
      run();
      note(game.receive(lab::Millis(0)));
      return out.size() >= count;
    });
    run();
    for (const auto& extra : heard(game))
      out.push_back("more: " + extra);
    return out;
  }
  // As games do that know nothing of interfaces: by the default route.
  static void join(const UdpSocket& socket, std::string_view group) {
    ip_mreqn request{};
    request.imr_multiaddr.s_addr = htonl(address(group).v4_value());
    ASSERT_EQ(::setsockopt(socket.fd(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request),
              0);
  }

  boost::asio::io_context io_a_;
  boost::asio::io_context io_b_;
  std::shared_ptr<LanCopier> copier_a_;
  std::shared_ptr<LanCopier> copier_b_;
  UdpSocket game_{b_, {IpAddress(), kGame}};
  UdpSocket player_{a_, {IpAddress(), 5000}};
};

TEST_F(LanCopierTest, BroadcastsReachBothTheLanAtHomeAndTheParty) {
  player_.send(endpoint("255.255.255.255:27015"), as_bytes("anybody there?"));
  EXPECT_THAT(senders(game_, 2), UnorderedElementsAre("203.0.113.1", "10.66.0.1"));
}

TEST_F(LanCopierTest, BroadcastsToTheNetworkAtHomeReachTheParty) {
  player_.send(endpoint("203.0.113.255:27015"), as_bytes("anybody there?"));
  EXPECT_THAT(senders(game_, 2), UnorderedElementsAre("203.0.113.1", "10.66.0.1"));
}

TEST_F(LanCopierTest, LongBroadcastsComeWhole) {
  player_.send(endpoint("255.255.255.255:27015"), Bytes(1400, 7));
  player_.send(endpoint("255.255.255.255:27015"), Bytes(3500, 7));
  EXPECT_THAT(senders(game_, 4),
              UnorderedElementsAre("203.0.113.1", "10.66.0.1", "203.0.113.1", "10.66.0.1"));
}

TEST_F(LanCopierTest, MulticastReachesAGameThatJoinedElsewhere) {
  join(game_, kGroup);
  ASSERT_TRUE(lab::eventually(kSoon, [&] {
    run();
    return copier_b_->joined().contains(address(kGroup));
  }));
  player_.send({address(kGroup), kGame}, as_bytes("a world"));
  EXPECT_THAT(senders(game_, 2), UnorderedElementsAre("203.0.113.1", "10.66.0.1"));
}

// Freeciv's client joins a group, asks it, and is answered there, all within milliseconds.
TEST_F(LanCopierTest, WhoJoinsAGroupAndAsksItHearsTheFirstAnswer) {
  join(player_, kGroup);
  ASSERT_FALSE(copier_a_->joined().contains(address(kGroup)));
  player_.send({address(kGroup), kGame}, as_bytes("anybody there?"));
  a_.inside([&] { io_a_.poll(); });
  EXPECT_TRUE(copier_a_->joined().contains(address(kGroup)));
}

TEST_F(LanCopierTest, GroupsAreLeftWithTheLastGame) {
  {
    UdpSocket other(b_, {IpAddress(), 4445});
    join(other, kGroup);
    ASSERT_TRUE(lab::eventually(kSoon, [&] {
      run();
      return copier_b_->joined().contains(address(kGroup));
    }));
  }
  EXPECT_TRUE(lab::eventually(kSoon, [&] {
    run();
    return copier_b_->joined().empty();
  }));
}

TEST_F(LanCopierTest, ProgramsThatKnowTheLanGetNoCopies) {
  UdpSocket here(a_, {address("10.66.0.1"), 6000});
  allow_broadcast(here);
  here.send(endpoint("10.66.255.255:27015"), as_bytes("on the LAN"));
  EXPECT_THAT(senders(game_, 1), ElementsAre("10.66.0.1"));
  UdpSocket home(a_, {address("203.0.113.1"), 6000});
  allow_broadcast(home);
  home.send(endpoint("255.255.255.255:27015"), as_bytes("at home"));
  EXPECT_THAT(senders(game_, 1), ElementsAre("203.0.113.1"));
  EXPECT_EQ(copier_a_->verdicts().at(lan::Verdict::served), 1u);
}

}  // namespace
}  // namespace lanrage::agent::test
