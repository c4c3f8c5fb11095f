#include "games/catalogue.hpp"

#include "some_games.hpp"

namespace lanrage::games {
namespace {

using namespace test;
using namespace std::chrono_literals;

class CatalogueTest : public testing::Test {
 protected:
  CatalogueTest() {
    catalogue_.set_peers({address("10.66.0.1"), address("10.66.0.2"), address("10.66.0.3")});
  }

  bool announce(std::string_view from, const std::string& title, std::string_view port = "25565") {
    return catalogue_.observe(now_, announcement(from, minecraft(title, port)));
  }
  std::vector<std::string> shown() {
    std::vector<std::string> out;
    for (const auto& each : catalogue_.hosted(now_))
      out.push_back(each.game + " " + each.title + " " + each.at.to_string());
    return out;
  }

  Instant now_{1h};
  Catalogue catalogue_{built_in()};
};

TEST_F(CatalogueTest, KeepsWhatPasses) {
  EXPECT_TRUE(announce("10.66.0.2:50000", "ben's world"));
  const auto hosted = catalogue_.hosted(now_);
  ASSERT_EQ(hosted.size(), 1u);
  EXPECT_EQ(hosted[0].game, "Minecraft (Java)");
  EXPECT_EQ(hosted[0].title, "ben's world");
  EXPECT_EQ(hosted[0].at, endpoint("10.66.0.2:25565"));
  EXPECT_EQ(hosted[0].players, std::nullopt);
  EXPECT_EQ(hosted[0].rtt, std::nullopt);
  EXPECT_EQ(hosted[0].seen, now_);
}

TEST_F(CatalogueTest, SaidAgainItIsTheSameGame) {
  announce("10.66.0.2:50000", "a world");
  now_ += 10s;
  announce("10.66.0.2:50001", "another");
  EXPECT_EQ(shown(), std::vector<std::string>{"Minecraft (Java) another 10.66.0.2:25565"});
  EXPECT_EQ(catalogue_.hosted(now_)[0].seen, now_);
}

TEST_F(CatalogueTest, ForgetsWhoFellSilent) {
  announce("10.66.0.2:50000", "a world");
  now_ += kForgotten - 1us;
  EXPECT_EQ(shown().size(), 1u);
  now_ += 1us;
  EXPECT_EQ(shown().size(), 0u);
}

TEST_F(CatalogueTest, StrangersDontCount) {
  EXPECT_FALSE(announce("10.66.0.9:50000", "not a member's"));
  EXPECT_FALSE(announce("192.168.1.7:50000", "at home"));
  EXPECT_EQ(shown().size(), 0u);
}

TEST_F(CatalogueTest, TheGamesOfWhoLeavesGo) {
  announce("10.66.0.2:50000", "a world");
  announce("10.66.0.3:50000", "another");
  catalogue_.set_peers({address("10.66.0.1"), address("10.66.0.3")});
  EXPECT_EQ(shown(), std::vector<std::string>{"Minecraft (Java) another 10.66.0.3:25565"});
}

TEST_F(CatalogueTest, AnswersToUsTellTheRoundTrip) {
  const std::string answer =
      "\xff\xff\xff\xffinfoResponse\n\\hostname\\arena\\clients\\1\\sv_maxclients\\8";
  const Datagram datagram{endpoint("10.66.0.2:27960"), endpoint("10.66.0.1:40000"),
                          as_bytes(answer)};
  EXPECT_TRUE(catalogue_.observe_answer(now_, datagram, 31ms));
  now_ += 1s;
  EXPECT_TRUE(catalogue_.observe(now_, datagram)) << "to somebody else";
  const auto hosted = catalogue_.hosted(now_);
  ASSERT_EQ(hosted.size(), 1u);
  EXPECT_EQ(hosted[0].rtt, 31ms) << "stays";
  EXPECT_EQ(hosted[0].players, 1u);
  EXPECT_EQ(hosted[0].max_players, 8u);
}

TEST_F(CatalogueTest, APeerHasSixteenGamesAndNoneOfTheOthers) {
  announce("10.66.0.3:50000", "theirs", "1");
  for (std::size_t port = 1; port <= 1000; ++port) {
    now_ += 1ms;
    announce("10.66.0.2:50000", "spam", std::to_string(port));
  }
  const auto hosted = catalogue_.hosted(now_);
  EXPECT_EQ(hosted.size(), kMostOfPeer + 1);
  EXPECT_EQ(hosted.back().title, "theirs");
  EXPECT_EQ(hosted.front().at.port, 1000 - kMostOfPeer + 1) << "the oldest went";
}

TEST_F(CatalogueTest, HoldsNoMoreThanItsLimit) {
  std::set<IpAddress> peers;
  for (std::uint32_t i = 0; i < 40; ++i)
    peers.insert(IpAddress::v4(0x0a420000u + i));
  catalogue_.set_peers(peers);
  for (const auto& peer : peers)
    for (std::size_t port = 1; port <= kMostOfPeer; ++port)
      announce(Endpoint{peer, 5000}.to_string(), "x", std::to_string(port));
  EXPECT_EQ(shown().size(), kMostHosted);
  EXPECT_TRUE(announce("10.66.0.2:50000", "known already", "1"));
  now_ += kForgotten;
  EXPECT_TRUE(announce("10.66.0.39:50000", "there is room again"));
}

TEST_F(CatalogueTest, IsInTheOrderOfGamesAndAddresses) {
  const std::string answer = "\xff\xff\xff\xffinfoResponse\n\\gamename\\Arena\\hostname\\x";
  announce("10.66.0.3:50000", "b");
  announce("10.66.0.2:50000", "a");
  catalogue_.observe(now_,
                     {endpoint("10.66.0.3:27960"), endpoint("10.66.0.2:1"), as_bytes(answer)});
  EXPECT_EQ(shown(), (std::vector<std::string>{"Arena x 10.66.0.3:27960",
                                               "Minecraft (Java) a 10.66.0.2:25565",
                                               "Minecraft (Java) b 10.66.0.3:25565"}));
}

}  // namespace
}  // namespace lanrage::games
