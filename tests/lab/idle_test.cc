// Pairs that nobody plays on: what they cost on the wire, and whether their paths outlive the
// routers' patience. Prints its figures, a JSON line each. With LANRAGE_LAB_LONG set it waits until
// keepalives are as rare as they become, and measures for longer: for figures worth recording.
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>
#include <thread>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

struct Window {
  Millis settles;
  Millis measured;
  double most_an_hour;  // bytes a peer, both ways
};

// Checks go out 5, 15, 30 and 50 s after a path is found, where mappings last. An echo by the LAN
// has 70 bytes around it.
constexpr Window kShort{Millis(12'000), Millis(28'000), 0.9e6};
// Five persistent keepalives of WireGuard's, one rekeying.
constexpr Window kLong{Millis(100'000), Millis(120'000), 0.6e6};

struct Pair {
  const char* name;
  Player* first;
  Player* second;
  IpAddress vip;  // of the first
};

class Idle : public LabTest {
 protected:
  Idle() { network_.set_distance({.one_way = Millis(15)}); }

  // Behind a router of that kind whose UDP mappings last for `timeout_s` (0: as usual).
  Player& player(const std::string& nick, NatKind kind, int timeout_s = 0) {
    if (kind == NatKind::open) return add_player(nick, kind);
    Router& router = network_.add_router(kind);
    if (timeout_s > 0)
      for (const char* name : {"timeout", "timeout_stream"})
        router.netns().sysctl(std::string("net/netfilter/nf_conntrack_udp_") + name,
                              std::to_string(timeout_s));
    return add_player(nick, network_.add_host(nick, router));
  }
  Pair meet(const char* name, Player& first, Player& second, const std::string& path) {
    const Membership hosted = first.create(*server_, name);
    second.join(hosted.invite);
    EXPECT_TRUE(pings(second, hosted.vip));
    EXPECT_TRUE(path_becomes(first, second.nick(), path)) << name;
    EXPECT_TRUE(path_becomes(second, first.nick(), path)) << name;
    return {name, &first, &second, hosted.vip};
  }

  Server* server_ = nullptr;
};

// Bytes of IP packets by what they are for, at one player's interface.
class Meter {
 public:
  Meter(const Player& player, const Server& server) : netns_(player.host().netns()) {
    const std::string at = server.host().address().to_string();
    std::ostringstream rules;
    rules << "table ip idle_bytes {\n";
    for (const char* counter : {"control", "relay", "probes", "peer"})
      rules << "  counter " << counter << " {}\n";
    for (const auto& [hook, interface, address, port] :
         {std::tuple("input", "iifname", "saddr", "sport"),
          std::tuple("output", "oifname", "daddr", "dport")}) {
      rules << "  chain " << hook << " {\n    type filter hook " << hook << " priority 0;\n    "
            << interface << " != \"eth0\" return\n    ip " << address << ' ' << at
            << " meta l4proto tcp counter name control return\n    ip " << address << ' ' << at
            << " udp " << port << " 51820 counter name relay return\n    ip " << address << ' '
            << at << " counter name probes return\n    counter name peer\n  }\n";
    }
    rules << "}\n";
    netns_.nft(rules.str());
  }
  double read(const std::string& counter) const {
    const std::string text = must_run({"nft", "list", "counter", "ip", "idle_bytes", counter},
                                      {.netns_fd = netns_.fd()});
    std::smatch found;
    if (!std::regex_search(text, found, std::regex("bytes ([0-9]+)")))
      throw LabError("nft shows no bytes: " + text);
    return std::stod(found[1]);
  }

 private:
  const NetNamespace& netns_;
};

int count(const std::string& text, const std::string& word) {
  int found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++found;
  return found;
}

TEST_F(Idle, PathsLastAndCostLittle) {
  const Window window = std::getenv("LANRAGE_LAB_LONG") ? kLong : kShort;
  server_ = &add_server();
  constexpr NatKind kCone = NatKind::port_restricted_cone;
  std::vector<Pair> pairs;
  pairs.push_back(meet("direct", player("a1", kCone), player("b1", kCone), "direct"));
  pairs.push_back(
      meet("relayed", player("a2", NatKind::symmetric), player("b2", NatKind::symmetric), "relay"));
  pairs.push_back(
      meet("direct, 12 s NATs", player("a3", kCone, 12), player("b3", kCone, 12), "direct"));
  pairs.push_back(meet("direct, 12 s symmetric NAT", player("a4", NatKind::open),
                       player("b4", NatKind::symmetric, 12), "direct"));
  pairs.push_back(meet("relayed, 12 s NATs", player("a5", NatKind::symmetric, 12),
                       player("b5", NatKind::symmetric, 12), "relay"));
  std::this_thread::sleep_for(window.settles);
  std::vector<Meter> meters;
  meters.reserve(pairs.size());
  for (const Pair& pair : pairs)
    meters.emplace_back(*pair.second, *server_);
  std::this_thread::sleep_for(window.measured);
  const double hours = std::chrono::duration<double, std::ratio<3600>>(window.measured).count();
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto an_hour = [&](const char* counter) { return meters[i].read(counter) / hours; };
    const double for_peer = an_hour("peer") + an_hour("relay");
    std::printf(
        "{\"idle\":\"%s\",\"peer_bytes_h\":%.0f,\"relay_bytes_h\":%.0f,\"probe_bytes_h\":%.0f,"
        "\"control_bytes_h\":%.0f}\n",
        pairs[i].name, an_hour("peer"), an_hour("relay"), an_hour("probes"), an_hour("control"));
    EXPECT_LE(for_peer, window.most_an_hour) << pairs[i].name;
  }
  std::fflush(stdout);
  // A direct path that gets another port is named a relayed one for a moment, with that endpoint.
  const std::string by_relay =
      "path=relay endpoint=" + server_->host().address().to_string() + ":51820";
  for (const Pair& pair : pairs) {
    EXPECT_TRUE(Pinger(pair.second->host().netns(), pair.vip).first_answer(Millis(1'500)))
        << pair.name;
    const bool direct = std::string(pair.name).starts_with("direct");
    for (const Player* player : {pair.first, pair.second}) {
      const auto peer = player->peers().at(0);
      EXPECT_EQ(peer.path, direct ? "direct" : "relay") << pair.name;
      EXPECT_LE(count(player->log(), by_relay), 1) << pair.name << ": it fell back meanwhile";
    }
  }
}

}  // namespace
}  // namespace lanrage::lab
