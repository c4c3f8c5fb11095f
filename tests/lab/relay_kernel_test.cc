// The relay's data packets forwarded in the kernel, between real players.
#include <gtest/gtest.h>

#include "lab_fixture.hpp"
#include "support/metrics.hpp"
#include "support/two_way_traffic.hpp"

namespace lanrage::lab {
namespace {

constexpr int kRate = 500;  // packets a second each way

class RelayKernel : public LabTest {
 protected:
  // Far away, if only by a millisecond: the interfaces of such hosts send what a program on them
  // hands back, with whole checksums.
  RelayKernel() { network_.set_distance({.one_way = Millis(1)}); }

  static std::string in_namespace(const Server& server, const Argv& argv) {
    const auto result = run(argv, {.netns_fd = server.host().netns().fd()});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }
  static bool has_program(const Server& server) {
    return in_namespace(server, {"ip", "-details", "link"}).find("prog/xdp") != std::string::npos;
  }
  static std::int64_t metric(const Server& server, const std::string& name) {
    return lab::metric(server.host().netns(), name);
  }
};

TEST_F(RelayKernel, CarriesASessionAndIsGoneWithTheServer) {
  const Host& place = network_.add_public_host("server");
  Server& server = add_server(place, place.address(), {"--xdp", "native"});
  ASSERT_NE(server.error_log().find("relay_in_kernel"), std::string::npos) << server.error_log();
  EXPECT_TRUE(has_program(server));
  Player& alice = add_player("alice", NatKind::symmetric);
  Player& bob = add_player("bob", NatKind::symmetric);
  const Membership hosted = alice.create(server, "game night");
  const Membership joined = bob.join(hosted.invite);
  ASSERT_TRUE(pings(bob, hosted.vip));
  ASSERT_TRUE(path_becomes(bob, "alice", "relay"));

  const auto before = metric(server, "lanrage_relay_kernel_packets_total");
  TwoWayTraffic traffic({alice.host().netns(), hosted.vip}, {bob.host().netns(), joined.vip},
                        kRate);
  ASSERT_TRUE(traffic.recovery(kSeen));
  ASSERT_TRUE(eventually(kSeen, [&] {
    return metric(server, "lanrage_relay_kernel_packets_total") >= before + 4 * kRate;
  }));
  const TrafficReport report = traffic.stop();
  EXPECT_LE(report.lost, report.sent / 1'000);
  EXPECT_GE(metric(server, "lanrage_relay_kernel_packets_total") - before, report.sent * 9 / 10);
  EXPECT_GE(metric(server, "lanrage_relay_forwarded_packets_total") - before, report.sent);

  // A killed server leaves nothing in the kernel, and the next one begins anew.
  server.kill();
  EXPECT_FALSE(has_program(server));
  server.start();
  EXPECT_TRUE(has_program(server));
  EXPECT_TRUE(pings(alice, joined.vip));
}

TEST_F(RelayKernel, WhereItCannotRunTheRelayDoesWithoutAndSaysWhy) {
  const Host& place = network_.add_public_host("server");
  Server& first = add_server(place, place.address(), {"--xdp", "native"});
  ASSERT_TRUE(has_program(first));
  // A second one on the same machine: the interface is taken.
  Server& second =
      add_server(place, place.address(),
                 {"--xdp", "native", "--listen", "0.0.0.0:8700", "--relay-listen", "0.0.0.0:51900",
                  "--stun-listen", "0.0.0.0:3500", "--metrics-listen", "off"});
  const auto log = second.error_log();
  EXPECT_NE(log.find("relay_not_in_kernel"), std::string::npos) << log;
  EXPECT_NE(log.find("another program runs there"), std::string::npos) << log;
  Player& alice = add_player("alice", NatKind::symmetric);
  Player& bob = add_player("bob", NatKind::symmetric);
  const Membership hosted = alice.create(second, "game night");
  bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
}

}  // namespace
}  // namespace lanrage::lab
