// The NAT recipes, seen by plain UDP and TCP sockets.
#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "support/network.hpp"
#include "support/pinger.hpp"
#include "support/process.hpp"
#include "support/tcp_transfer.hpp"
#include "support/two_way_traffic.hpp"
#include "support/udp_probe.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kArrives{20'000};
constexpr Millis kStaysAway{300};

// What `to` sees as the source of a datagram from `from`.
std::optional<Endpoint> mapped(UdpProbe& from, UdpProbe& to, const Host& to_host) {
  from.send({to_host.address(), to.port()}, "hello");
  auto datagram = to.receive(kArrives);
  if (!datagram) return std::nullopt;
  return datagram->from;
}

bool reaches(UdpProbe& from, const Endpoint& target, UdpProbe& to, Millis limit = kArrives) {
  from.send(target, "stranger?");
  const auto datagram = to.receive(limit);
  return datagram && datagram->text == "stranger?";
}

bool is_kept_out(UdpProbe& from, const Endpoint& target, UdpProbe& to) {
  return !reaches(from, target, to, kStaysAway);
}

struct World {
  explicit World(NatKind kind) : player(network.add_player("player", kind)) {}

  Network network;
  Host& server = network.add_public_host("server");
  Host& stranger = network.add_public_host("stranger", true);
  Host& player;
  UdpProbe server_a{server.netns()};
  UdpProbe server_b{server.netns()};
  UdpProbe stranger_a{stranger.netns()};
  UdpProbe inside{player.netns(), 41641};
};

TEST(Nat, OpenHostIsSeenAsItself) {
  World world(NatKind::open);
  const Endpoint own{world.player.address(), 41641};
  EXPECT_EQ(mapped(world.inside, world.server_a, world.server), own);
  EXPECT_TRUE(reaches(world.stranger_a, own, world.inside));
}

TEST(Nat, PortRestrictedConeKeepsItsMappingAndFiltersByEndpoint) {
  World world(NatKind::port_restricted_cone);
  const auto first = mapped(world.inside, world.server_a, world.server);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->port, 41641);
  EXPECT_NE(first->address, world.player.address());
  EXPECT_TRUE(is_kept_out(world.server_b, *first, world.inside));
  EXPECT_TRUE(is_kept_out(world.stranger_a, *first, world.inside));
  EXPECT_TRUE(reaches(world.server_a, *first, world.inside));
  EXPECT_EQ(mapped(world.inside, world.server_b, world.server), first);
  EXPECT_EQ(mapped(world.inside, world.stranger_a, world.stranger), first);
}

TEST(Nat, AnEarlyPunchDoesNotMoveAPortRestrictedMapping) {
  World world(NatKind::port_restricted_cone);
  const auto first = mapped(world.inside, world.server_a, world.server);
  ASSERT_TRUE(first);
  EXPECT_TRUE(is_kept_out(world.stranger_a, *first, world.inside));
  EXPECT_EQ(mapped(world.inside, world.stranger_a, world.stranger), first);
  EXPECT_TRUE(reaches(world.stranger_a, *first, world.inside));
}

TEST(Nat, SymmetricGivesEachDestinationItsOwnPort) {
  World world(NatKind::symmetric);
  const auto a = mapped(world.inside, world.server_a, world.server);
  const auto b = mapped(world.inside, world.server_b, world.server);
  const auto c = mapped(world.inside, world.stranger_a, world.stranger);
  ASSERT_TRUE(a && b && c);
  EXPECT_NE(a->port, b->port);
  EXPECT_NE(a->port, c->port);
  EXPECT_EQ(mapped(world.inside, world.server_a, world.server), a);
  EXPECT_TRUE(is_kept_out(world.stranger_a, *a, world.inside));
  EXPECT_TRUE(reaches(world.server_a, *a, world.inside));
}

TEST(Nat, OneThatCountsGivesEachNewFlowTheNextPort) {
  World world(NatKind::counting);
  const auto a = mapped(world.inside, world.server_a, world.server);
  const auto b = mapped(world.inside, world.server_b, world.server);
  UdpProbe other(world.player.netns());
  const auto c = mapped(other, world.server_a, world.server);
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(b->port, a->port + 1);
  EXPECT_EQ(c->port, a->port + 2);
  EXPECT_EQ(mapped(world.inside, world.server_a, world.server), a);
  EXPECT_TRUE(is_kept_out(world.stranger_a, *a, world.inside));
  EXPECT_TRUE(reaches(world.server_a, *a, world.inside));
}

TEST(Nat, FullConeLetsStrangersInOnceMapped) {
  World world(NatKind::full_cone);
  const auto first = mapped(world.inside, world.server_a, world.server);
  ASSERT_TRUE(first);
  EXPECT_TRUE(reaches(world.stranger_a, *first, world.inside));
  EXPECT_TRUE(reaches(world.server_b, *first, world.inside));
  EXPECT_EQ(mapped(world.inside, world.server_b, world.server), first);
  UdpProbe other(world.stranger.netns());
  EXPECT_TRUE(is_kept_out(other, {first->address, 40000}, world.inside));
}

TEST(Nat, RestrictedConeFiltersByAddressOnly) {
  World world(NatKind::restricted_cone);
  const auto first = mapped(world.inside, world.server_a, world.server);
  ASSERT_TRUE(first);
  EXPECT_TRUE(reaches(world.server_b, *first, world.inside));
  EXPECT_TRUE(is_kept_out(world.stranger_a, *first, world.inside));
  EXPECT_EQ(mapped(world.inside, world.stranger_a, world.stranger), first);
}

TEST(Nat, BlockedUdpGoesNowhereWhileTcpPasses) {
  World world(NatKind::udp_blocked);
  world.inside.send({world.server.address(), world.server_a.port()}, "hello");
  EXPECT_FALSE(world.server_a.receive(kStaysAway));
  const auto report = tcp_transfer(world.player.netns(), world.server.netns(),
                                   world.server.address(), 100'000, Millis(20'000));
  EXPECT_TRUE(report.intact) << report.problem;
}

TEST(Nat, DoubleNatKeepsAConeMappingAndHidesBothRouters) {
  World world(NatKind::cgnat);
  EXPECT_EQ(count_own_namespaces(), 6) << "internet, server, stranger, carrier, home, player";
  const auto first = mapped(world.inside, world.server_a, world.server);
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, (Endpoint{world.player.public_address(), 41641}));
  EXPECT_TRUE(is_kept_out(world.stranger_a, *first, world.inside));
  EXPECT_EQ(mapped(world.inside, world.stranger_a, world.stranger), first);
  EXPECT_TRUE(reaches(world.server_a, *first, world.inside));
}

TEST(Nat, ForwardsReachTheHostBehindTheRouter) {
  Network network;
  Host& outside = network.add_public_host("outside");
  Router& router = network.add_router(NatKind::port_restricted_cone);
  Host& host = network.add_host("host", router);
  router.forward(Transport::udp, 51820, host);
  router.forward(Transport::udp, 3478, host);
  UdpProbe relay(host.netns(), 51820);
  UdpProbe stun(host.netns(), 3478);
  UdpProbe other(host.netns(), 3479);
  UdpProbe client(outside.netns());
  EXPECT_TRUE(reaches(client, {router.wan_address(), 51820}, relay));
  EXPECT_TRUE(reaches(client, {router.wan_address(), 3478}, stun));
  EXPECT_TRUE(is_kept_out(client, {router.wan_address(), 3479}, other));
  // The answer leaves by the forwarded port, so the client knows whom it is from.
  client.send({router.wan_address(), 51820}, "ping");
  const auto asked = relay.receive(kArrives);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->from.address, outside.address());
  relay.send(asked->from, "pong");
  const auto answer = client.receive(kArrives);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->from, (Endpoint{router.wan_address(), 51820}));
}

TEST(Nat, ABlockedAddressIsCutOffAtOnceAndOthersAreNot) {
  Network network;
  Host& server = network.add_public_host("server");
  Host& stranger = network.add_public_host("stranger", true);
  Router& router = network.add_router(NatKind::port_restricted_cone);
  Host& player = network.add_host("player", router);
  UdpProbe inside(player.netns(), 41641);
  UdpProbe server_a(server.netns());
  UdpProbe stranger_a(stranger.netns());
  const auto first = mapped(inside, server_a, server);
  ASSERT_TRUE(first);
  ASSERT_EQ(mapped(inside, stranger_a, stranger), first);
  router.block(stranger.address());
  EXPECT_TRUE(is_kept_out(stranger_a, *first, inside)) << "though their flow was known";
  EXPECT_TRUE(is_kept_out(inside, {stranger.address(), stranger_a.port()}, stranger_a));
  EXPECT_TRUE(reaches(server_a, *first, inside));
  router.unblock();
  EXPECT_TRUE(reaches(stranger_a, *first, inside)) << "with the mapping that it had";
}

TEST(Nat, PlayersOfOneLanMeetThereAndShareThePublicAddress) {
  Network network;
  Host& server = network.add_public_host("server");
  Router& router = network.add_router(NatKind::port_restricted_cone);
  Host& a = network.add_host("a", router);
  Host& b = network.add_host("b", router);
  UdpProbe server_a(server.netns());
  UdpProbe probe_a(a.netns(), 41641);
  UdpProbe probe_b(b.netns(), 41642);
  EXPECT_TRUE(reaches(probe_a, {b.address(), 41642}, probe_b));
  EXPECT_EQ(mapped(probe_a, server_a, server), (Endpoint{router.wan_address(), 41641}));
  EXPECT_EQ(mapped(probe_b, server_a, server), (Endpoint{router.wan_address(), 41642}));
  // No hairpin: the public address doesn't lead back inside.
  EXPECT_TRUE(is_kept_out(probe_a, {router.wan_address(), 41642}, probe_b));
}

TEST(Nat, HairpinLeadsBackInsideByThePublicAddress) {
  Network network;
  Host& server = network.add_public_host("server");
  Router& router = network.add_router(NatKind::port_restricted_cone, true);
  Host& a = network.add_host("a", router);
  Host& b = network.add_host("b", router);
  UdpProbe server_a(server.netns());
  UdpProbe probe_a(a.netns(), 41641);
  UdpProbe probe_b(b.netns(), 41642);
  ASSERT_TRUE(mapped(probe_b, server_a, server));
  probe_a.send({router.wan_address(), 41642}, "over the top");
  const auto datagram = probe_b.receive(kArrives);
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->from.address, router.wan_address());
  probe_b.send(datagram->from, "and back");
  const auto answer = probe_a.receive(kArrives);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->from, (Endpoint{router.wan_address(), 41642}));
}

TEST(Lab, PingAndTransferAcrossTheInternet) {
  Network network;
  Host& server = network.add_public_host("server");
  Host& player = network.add_player("player", NatKind::symmetric);
  Pinger pinger(player.netns(), server.address());
  EXPECT_TRUE(pinger.first_answer(kArrives));
  const PingReport report = pinger.ping(5, Millis(20));
  EXPECT_EQ(report.sent, 5);
  EXPECT_EQ(report.received, 5);
  Pinger nobody(player.netns(), IpAddress::v4(0xCB0071FE));
  EXPECT_FALSE(nobody.first_answer(kStaysAway));
}

TEST(Lab, DistanceDelaysAndLoses) {
  Network network;
  Host& near = network.add_public_host("near");
  network.set_distance({.one_way = Millis(30)});
  Host& far = network.add_public_host("far");
  network.set_distance({.one_way = Millis(1), .loss = 0.3, .seed = 7});
  Host& lossy = network.add_player("lossy", NatKind::port_restricted_cone);

  Pinger pinger(near.netns(), far.address());
  ASSERT_TRUE(pinger.first_answer(kArrives));
  const PingReport delayed = pinger.ping(10, Millis(10));
  EXPECT_EQ(delayed.received, 10);
  for (const double rtt : delayed.rtt_ms)
    EXPECT_GE(rtt, 60);

  Pinger lossy_pinger(lossy.netns(), near.address());
  ASSERT_TRUE(lossy_pinger.first_answer(kArrives));
  const PingReport losses = lossy_pinger.ping(100, Millis(5), Millis(500));
  EXPECT_GT(losses.received, 20);
  EXPECT_LT(losses.received, 80);
}

TEST(Lab, TrafficBothWaysIsCountedTogether) {
  Network network;
  Host& a = network.add_public_host("a");
  Host& b = network.add_public_host("b");
  TwoWayTraffic traffic({a.netns(), a.address()}, {b.netns(), b.address()}, 100);
  const IpAddress gone = IpAddress::v4(0xCB0071FE);
  TwoWayTraffic one_way({network.add_public_host("c").netns(), gone},
                        {network.add_public_host("d").netns(), gone}, 100);
  Pinger(a.netns(), b.address()).ping(10, Millis(50));  // while it runs
  const TrafficReport report = traffic.stop();
  EXPECT_GT(report.sent, 20);
  EXPECT_EQ(report.lost, 0);
  EXPECT_LT(report.longest_gap_ms, 500);
  const TrafficReport lost = one_way.stop(Millis(100));
  EXPECT_GT(lost.sent, 20);
  EXPECT_EQ(lost.lost, lost.sent);
}

TEST(Lab, ProcessesRunInsideAreWatchedAndEndWithTheirStatus) {
  Network network;
  Host& host = network.add_public_host("host");
  const RunResult result =
      run({"ip", "-o", "addr", "show", "dev", "eth0"}, {.netns_fd = host.netns().fd()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find(host.address().to_string() + "/24"), std::string::npos);
  EXPECT_EQ(run({"false"}).status, 1);
  EXPECT_EQ(run({"lanrage-no-such-program"}).status, 127);
  EXPECT_TRUE(run({"sleep", "600"}, {.timeout = Millis(100)}).timed_out);

  const auto logs = std::filesystem::temp_directory_path() / unique_interface_name();
  {
    Process process({"sh", "-c", "echo starting; echo ready at once; exec sleep 60"},
                    {.netns_fd = host.netns().fd(), .log_prefix = logs, .environment = {}});
    EXPECT_EQ(process.wait_for_line("ready", kArrives), "ready at once");
    EXPECT_FALSE(process.wait_for_line("never", Millis(50)));
    EXPECT_TRUE(process.running());
    process.signal(SIGKILL);
    EXPECT_EQ(process.wait(kArrives), 128 + SIGKILL);
  }
  std::filesystem::remove(logs.string() + ".out");
  std::filesystem::remove(logs.string() + ".err");
}

TEST(Lab, NothingIsLeftBehind) {
  {
    Network network;
    network.add_player("player", NatKind::port_restricted_cone);
    EXPECT_EQ(count_own_namespaces(), 3);
  }
  EXPECT_EQ(count_own_namespaces(), 0);
}

// Runs this program again, kills it in the middle, and looks for what it left.
TEST(Lab, NothingIsLeftBehindByAKilledProgram) {
  const auto logs = std::filesystem::temp_directory_path() / unique_interface_name();
  Process victim({"/proc/self/exe", "--gtest_filter=Lab.DISABLED_MakesANetworkAndWaits",
                  "--gtest_also_run_disabled_tests"},
                 {.netns_fd = -1, .log_prefix = logs, .environment = {}});
  const auto line = victim.wait_for_line("made ", Millis(30'000));
  ASSERT_TRUE(line) << victim.out() << victim.err();
  const std::filesystem::path path = "/run/netns/" + line->substr(5);
  EXPECT_TRUE(std::filesystem::exists(path));
  victim.signal(SIGKILL);
  EXPECT_EQ(victim.wait(kArrives), 128 + SIGKILL);
  EXPECT_TRUE(eventually(kArrives, [&] { return !std::filesystem::exists(path); }));
  std::filesystem::remove(logs.string() + ".out");
  std::filesystem::remove(logs.string() + ".err");
}

TEST(Lab, DISABLED_MakesANetworkAndWaits) {
  Network network;
  const Host& host = network.add_public_host("host");
  std::cout << "made " << host.netns().name() << std::endl;
  ::pause();
}

TEST(Nat, Ipv6IsRoutedBehindAFirewallThatLetsAnswersIn) {
  World world(NatKind::symmetric);
  for (Host* host : {&world.server, &world.stranger, &world.player})
    world.network.give_ipv6(*host);
  UdpProbe server(world.server.netns());
  UdpProbe stranger(world.stranger.netns());
  const Endpoint own{world.player.ipv6_address(), 41641};
  EXPECT_TRUE(is_kept_out(stranger, own, world.inside));
  world.inside.send({world.server.ipv6_address(), server.port()}, "hello");
  const auto seen = server.receive(kArrives);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->from, own) << "nothing is translated";
  EXPECT_TRUE(reaches(server, own, world.inside));
  EXPECT_TRUE(is_kept_out(stranger, own, world.inside));

  world.network.take_ipv4(world.player);
  EXPECT_TRUE(
      is_kept_out(world.inside, {world.server.address(), world.server_a.port()}, world.server_a));
  EXPECT_TRUE(reaches(server, own, world.inside)) << "IPv6 goes on";
}

}  // namespace
}  // namespace lanrage::lab
