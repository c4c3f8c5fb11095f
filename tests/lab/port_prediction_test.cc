// A player behind a symmetric NAT and one behind a port-restricted one: whether the port is
// guessed, and what that costs the other side's router. Prints its figures, a JSON line each.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <thread>

#include "lab_fixture.hpp"
#include "support/udp_probe.hpp"

namespace lanrage::lab {
namespace {

// Of a symmetric player: as the relay and as the STUN server sees it.
constexpr std::size_t kListedPorts = 2;
constexpr std::size_t kMostGuesses = 12;

// What a router forwards to one address outside: packets by UDP port, and entries in its table.
class Watch {
 public:
  Watch(const Router& router, const IpAddress& outside)
      : netns_(router.netns()), outside_(outside.to_string()) {
    netns_.nft(
        "table ip watch {\n  set ports { type inet_service; flags dynamic; size 65535; }\n"
        "  chain sent {\n    type filter hook forward priority 0;\n"
        "    oifname \"wan\" ip daddr " +
        outside_ + " add @ports { udp dport counter }\n  }\n}\n");
  }

  std::map<int, int> packets() const {
    const std::string set =
        must_run({"nft", "list", "set", "ip", "watch", "ports"}, {.netns_fd = netns_.fd()});
    static const std::regex element(R"((\d+) counter packets (\d+))");
    std::map<int, int> out;
    for (std::sregex_iterator it(set.begin(), set.end(), element), end; it != end; ++it)
      out[std::stoi((*it)[1])] = std::stoi((*it)[2]);
    return out;
  }

  // To call now and then: entries come and go.
  void look() {
    netns_.inside([&] {
      std::ifstream table("/proc/thread-self/net/nf_conntrack");
      std::size_t entries = 0;
      for (std::string line; std::getline(table, line);)
        if (line.find(" udp ") != std::string::npos &&
            line.find(" dst=" + outside_ + " ") != std::string::npos &&
            line.find(" src=192.168.") != std::string::npos)
          ++entries;
      most_entries_ = std::max(most_entries_, entries);
    });
  }
  std::size_t most_entries() const { return most_entries_; }

 private:
  const NetNamespace& netns_;
  std::string outside_;
  std::size_t most_entries_ = 0;
};

// Another device behind the same address, which begins fifty flows a second, or with
// LANRAGE_LAB_NEIGHBOUR=n one every n microseconds.
std::chrono::microseconds neighbours_pause() {
  const char* given = std::getenv("LANRAGE_LAB_NEIGHBOUR");
  return std::chrono::microseconds(given ? std::atoi(given) : 20'000);
}

class Neighbour {
 public:
  Neighbour(Network& network, Router& home, const Endpoint& to)
      : host_(network.add_host("neighbour", home)),
        thread_([this, to, pause = neighbours_pause()](std::stop_token stop) {
          while (!stop.stop_requested()) {
            UdpProbe(host_.netns()).send(to, "hello");
            ++flows_;
            std::this_thread::sleep_for(pause);
          }
        }) {}

  int flows() const { return flows_; }

 private:
  Host& host_;
  std::atomic<int> flows_ = 0;
  std::jthread thread_;
};

class PortPrediction : public LabTest {
 protected:
  PortPrediction() { network_.set_distance({.one_way = Millis(15)}); }

  void meet(NatKind symmetric, const Argv& arguments) {
    server_ = &add_server();
    hard_router_ = &network_.add_router(symmetric);
    Router& cone = network_.add_router(NatKind::port_restricted_cone);
    if (blocked_) hard_router_->block(cone.wan_address(), Way::in);
    neighbour_.emplace(network_, *hard_router_, Endpoint{server_->host().address(), 9});
    watch_.emplace(cone, hard_router_->wan_address());
    cone_ = &add_player("ada", network_.add_host("ada", cone), arguments);
    hard_ = &add_player("bob", network_.add_host("bob", *hard_router_), arguments);
    const Membership hosted = cone_->create(*server_, "guess");
    joining_ = std::chrono::steady_clock::now();
    hard_->join(hosted.invite);
  }
  bool both_direct() const {
    const auto from_hard = hard_->peer("ada");
    const auto from_cone = cone_->peer("bob");
    return from_hard && from_cone && from_hard->path == "direct" && from_cone->path == "direct";
  }
  // Punching is over when the reason is told.
  bool both_given_up() const {
    const auto view = cone_->peer("bob");
    return view && view->path == "relay" &&
           view->why_relayed.starts_with("the other side is behind a symmetric NAT");
  }
  bool direct_in_the_end() {
    EXPECT_TRUE(eventually(kDirect, [&] {
      watch_->look();
      return both_direct() || both_given_up();
    }));
    decided_ = std::chrono::steady_clock::now();
    watch_->look();
    return both_direct();
  }
  void tell(const char* name, bool direct) const {
    const auto packets = watch_->packets();
    int wasted = 0;
    const auto view = cone_->peer("bob");
    for (const auto& [port, count] : packets)
      if (!view || !view->endpoint.ends_with(":" + std::to_string(port))) wasted += count;
    const auto took = std::chrono::duration_cast<Millis>(decided_ - joining_).count();
    std::printf(
        "{\"run\": \"%s\", \"direct\": %s, \"after_ms\": %ld, \"ports\": %zu, "
        "\"packets_elsewhere\": %d, \"conntrack_entries\": %zu, "
        "\"neighbours_flows\": %d}\n",
        name, direct ? "true" : "false", static_cast<long>(took), packets.size(), wasted,
        watch_->most_entries(), neighbour_->flows());
  }

  std::chrono::steady_clock::time_point joining_;
  std::chrono::steady_clock::time_point decided_;
  bool blocked_ = false;
  Server* server_ = nullptr;
  Router* hard_router_ = nullptr;
  Player* cone_ = nullptr;
  Player* hard_ = nullptr;
  std::optional<Watch> watch_;
  std::optional<Neighbour> neighbour_;  // ends before the network does
};

TEST_F(PortPrediction, ANatThatCountsIsPassed) {
  meet(NatKind::counting, {});
  const bool direct = direct_in_the_end();
  EXPECT_TRUE(direct);
  EXPECT_LE(watch_->packets().size(), kListedPorts + kMostGuesses);
  EXPECT_LE(watch_->most_entries(), kListedPorts + kMostGuesses);
  EXPECT_TRUE(cli_pings(*hard_, "ada"));
  tell("counting", direct);
}

// No check passes the symmetric router: what an attempt costs that fails.
TEST_F(PortPrediction, InVainItCostsADozenEntriesAndEnds) {
  blocked_ = true;
  meet(NatKind::counting, {});
  const bool direct = direct_in_the_end();
  EXPECT_FALSE(direct);
  const auto packets = watch_->packets();
  EXPECT_GT(packets.size(), kListedPorts) << "something is guessed";
  EXPECT_LE(packets.size(), kListedPorts + kMostGuesses);
  EXPECT_LE(watch_->most_entries(), kListedPorts + kMostGuesses);
  for (const auto& [port, count] : packets)
    EXPECT_LE(count, 45) << "to port " << port;
  EXPECT_TRUE(cli_pings(*hard_, "ada"));
  tell("in vain", direct);
}

TEST_F(PortPrediction, SwitchedOffNothingIsGuessed) {
  meet(NatKind::counting, {"--predict-ports", "off"});
  const bool direct = direct_in_the_end();
  EXPECT_FALSE(direct);
  EXPECT_LE(watch_->packets().size(), kListedPorts);
  EXPECT_LE(watch_->most_entries(), kListedPorts);
  EXPECT_TRUE(cli_pings(*hard_, "ada"));
  tell("off", direct);
}

TEST_F(PortPrediction, ANatThatDrawsLotsIsLeftAlone) {
  meet(NatKind::symmetric, {});
  const bool direct = direct_in_the_end();
  EXPECT_FALSE(direct);
  EXPECT_LE(watch_->packets().size(), kListedPorts);
  EXPECT_TRUE(cli_pings(*hard_, "ada"));
  tell("random", direct);
}

}  // namespace
}  // namespace lanrage::lab
