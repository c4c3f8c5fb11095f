// What members reach of a machine on the LAN: ports for games, and those that its player opens.
#include <algorithm>
#include <gmock/gmock.h>

#include "io/unique_fd.hpp"
#include "lan_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using lan::Transport;
using testing::ElementsAre;

class LanAccessTest : public LanTest {
 protected:
  // TCP of B's at `port`, and to it from A; nobody waits there.
  io::UniqueFd listen_at(std::uint16_t port) {
    auto out = tcp_socket(b_);
    const auto at = tcp_address(segment_b_.self.vip, port);
    if (::bind(out.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(out.get(), 5) != 0)
      throw lab::LabError("can't listen");
    return out;
  }
  io::UniqueFd connect_to(std::uint16_t port) {
    auto out = tcp_socket(a_);
    const auto to = tcp_address(segment_b_.self.vip, port);
    if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
        errno != EINPROGRESS)
      throw lab::LabError("can't connect");
    return out;
  }
  static bool readable(const io::UniqueFd& fd, lab::Millis limit) {
    pollfd wait{.fd = fd.get(), .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, static_cast<int>(limit.count())) > 0;
  }
  static io::UniqueFd accepted(const io::UniqueFd& listener, lab::Millis limit) {
    if (!readable(listener, limit)) return {};
    return io::UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  }
  static std::string read_from(const io::UniqueFd& connection, lab::Millis limit) {
    char text[64];
    if (!readable(connection, limit)) return "";
    const auto size = ::recv(connection.get(), text, sizeof text, 0);
    return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  static io::UniqueFd tcp_socket(const lab::NetNamespace& netns) {
    return io::UniqueFd(netns.inside(
        [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }));
  }
  static sockaddr_in tcp_address(const IpAddress& address, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(address.v4_value());
    return out;
  }
};

TEST_F(LanAccessTest, LetsGamesInAndServicesNot) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  UdpSocket player(a_, endpoint("10.66.0.1:0"));
  const auto gets_in = [&](std::uint16_t port) {
    UdpSocket service(b_, {IpAddress(), port});
    player.send({segment_b_.self.vip, port}, as_bytes("hello"));
    heard(game);
    return service.receive(lab::Millis(0)).has_value();
  };
  EXPECT_TRUE(gets_in(1024));
  EXPECT_TRUE(gets_in(60999)) << "where answers to broadcasts come to";
  EXPECT_FALSE(gets_in(111));
  EXPECT_FALSE(gets_in(5353));
  ASSERT_TRUE(lan_b_->set_access({.all = true}));
  EXPECT_TRUE(gets_in(111));
  ASSERT_TRUE(lan_b_->set_access({}));
  EXPECT_FALSE(gets_in(111));
  ASSERT_TRUE(lan_b_->set_access({.opened = {{Transport::udp, 110, 112}}}));
  EXPECT_TRUE(gets_in(111));
  EXPECT_FALSE(gets_in(113));
  EXPECT_TRUE(gets_in(1024)) << "as before";
  EXPECT_TRUE(pings(a_, "10.66.0.2"));
}

TEST_F(LanAccessTest, OpensAPortOfTcpAndClosesItAgain) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  const auto ssh = listen_at(22);
  const auto first = connect_to(22);
  heard(game);
  EXPECT_FALSE(accepted(ssh, lab::Millis(0))) << "shut by default";

  ASSERT_TRUE(lan_b_->set_access({.opened = {{Transport::tcp, 22, 22}}}));
  const auto second = connect_to(22);
  const auto served = accepted(ssh, kSoon);
  ASSERT_TRUE(served);
  ASSERT_EQ(::send(second.get(), "one", 3, 0), 3);
  EXPECT_EQ(read_from(served, kSoon), "one");

  // What runs ends with it, and nobody gets in anew; nothing else changes.
  ASSERT_TRUE(lan_b_->set_access({}));
  ASSERT_EQ(::send(second.get(), "two", 3, 0), 3);
  const auto third = connect_to(22);
  heard(game);
  EXPECT_EQ(read_from(served, lab::Millis(0)), "");
  const auto web = listen_at(8080);
  const auto fourth = connect_to(8080);
  EXPECT_TRUE(accepted(web, kSoon));
  EXPECT_TRUE(pings(a_, "10.66.0.2"));

  ASSERT_TRUE(lan_b_->set_access({.opened = {{Transport::tcp, 22, 22}}}));
  EXPECT_EQ(read_from(served, kSoon), "two") << "so it was the filter";
}

TEST_F(LanAccessTest, LetsInAnswersToAnyPort) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  UdpSocket low(b_, endpoint("10.66.0.2:500"));
  UdpSocket host(a_, endpoint("10.66.0.1:501"));
  host.send(endpoint("10.66.0.2:500"), as_bytes("unasked"));
  EXPECT_THAT(heard(game), ElementsAre());
  EXPECT_FALSE(low.receive(lab::Millis(0)));
  ASSERT_TRUE(lan_a_->set_access({.opened = {{Transport::udp, 501, 501}}}));
  low.send(endpoint("10.66.0.1:501"), as_bytes("question"));
  ASSERT_TRUE(host.receive(kSoon));
  host.send(endpoint("10.66.0.2:500"), as_bytes("answer"));
  ASSERT_TRUE(low.receive(kSoon));
}

TEST_F(LanAccessTest, KeepsWhatWasOpenedWhenMembersChange) {
  open_both();
  UdpSocket game(b_, {IpAddress(), kGame});
  UdpSocket service(b_, {IpAddress(), 111});
  UdpSocket player(a_, endpoint("10.66.0.1:0"));
  ASSERT_TRUE(lan_b_->set_access({.opened = {{Transport::udp, 111, 111}}}));
  ASSERT_TRUE(lan_b_->set(segment_of(2, {1, 3})));
  player.send({segment_b_.self.vip, 111}, as_bytes("hello"));
  heard(game);
  EXPECT_TRUE(service.receive(lab::Millis(0)));
}

TEST_F(LanAccessTest, ClosesWithTheAgentsEndWhatWasOpened) {
  lan_a_ = open(a_, options(segment_a_));
  auto opened = options(segment_b_);
  opened.access.opened.add({Transport::udp, 111, 111});
  lan_b_ = open(b_, opened);
  UdpSocket game(b_, {IpAddress(), kGame});
  UdpSocket service(b_, {IpAddress(), 111});
  UdpSocket player(a_, endpoint("10.66.0.1:0"));
  const auto gets_in = [&] {
    player.send({segment_b_.self.vip, 111}, as_bytes("hello"));
    heard(game);
    return service.receive(lab::Millis(0)).has_value();
  };
  EXPECT_TRUE(gets_in()) << "from the start";
  lan_b_.reset();
  lan_b_ = open(b_, options(segment_b_));
  EXPECT_FALSE(gets_in());
}

}  // namespace
}  // namespace lanrage::agent::test
