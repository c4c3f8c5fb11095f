// Real games of Debian's, each server at one player and the search at another, behind two NATs and
// through real agents. What is real and what is emulated: docs/games.md.
#include <future>
#include <gtest/gtest.h>

#include "games.hpp"
#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

class RealGames : public LabTest {
 protected:
  RealGames() {
    for (auto& game : all_games()) {
      if (game->is_installed())
        games_.push_back(std::move(game));
      else
        missing_ += " " + std::string(game->facts().packages);
    }
  }
  void TearDown() override {
    LabTest::TearDown();
    if (!missing_.empty()) GTEST_SKIP() << "not tested, as they aren't installed:" << missing_;
  }

  void host_all(const NetNamespace& netns) {
    for (auto& game : games_)
      game->host(netns);
  }
  // All at once: what a game finds by itself is nobody else's business.
  void expect_found(const NetNamespace& netns, const std::set<IpAddress>& wanted) {
    std::vector<std::future<std::set<IpAddress>>> searches;
    searches.reserve(games_.size());
    for (auto& game : games_)
      searches.push_back(std::async(std::launch::async, [&] { return game->search(netns); }));
    for (std::size_t i = 0; i < games_.size(); ++i)
      EXPECT_EQ(texts(searches[i].get()), texts(wanted)) << games_[i]->facts().name;
  }
  void expect_answers(const NetNamespace& netns, const IpAddress& at) {
    for (auto& game : games_)
      EXPECT_TRUE(game->answers(netns, at)) << game->facts().name;
  }

 private:
  static std::set<std::string> texts(const std::set<IpAddress>& addresses) {
    std::set<std::string> out;
    for (const auto& address : addresses)
      out.insert(address.to_string());
    return out;
  }

  std::vector<std::unique_ptr<Game>> games_;
  std::string missing_;
};

// So these searches do find what there is.
TEST_F(RealGames, AreFoundOnALanAtHome) {
  Router& router = network_.add_router(NatKind::port_restricted_cone);
  const Host& host = network_.add_host("host", router);
  const Host& guest = network_.add_host("guest", router);
  host_all(host.netns());
  expect_found(guest.netns(), {host.address()});
}

struct Case {
  std::string_view name;
  std::string_view path;
  NatKind guest_nat;
  bool segment;
};

class RealGamesInAParty : public RealGames, public ::testing::WithParamInterface<Case> {};

TEST_P(RealGamesInAParty, AreFoundOnTheSegmentAndNotWithout) {
  Server& server = add_server();
  const Argv arguments = GetParam().segment ? Argv{} : Argv{"--lan", "off"};
  const auto player = [&](const std::string& nick, NatKind kind) -> Player& {
    return add_player(nick, network_.add_player(nick, kind), arguments);
  };
  Player& alice = player("alice", NatKind::port_restricted_cone);
  Player& bob = player("bob", GetParam().guest_nat);
  host_all(alice.host().netns());  // a game that ran before the party counts too
  const Membership hosted = alice.create(server, "game night");
  bob.join(hosted.invite);
  const std::string path(GetParam().path);
  ASSERT_TRUE(pings(bob, hosted.vip));
  ASSERT_TRUE(path_becomes(bob, "alice", path));
  ASSERT_TRUE(path_becomes(alice, "bob", path));

  if (GetParam().segment) {
    expect_found(bob.host().netns(), {hosted.vip});
  } else {
    expect_found(bob.host().netns(), {});
    expect_answers(bob.host().netns(), hosted.vip);  // nothing else is missing
  }
}

constexpr std::array kCases{
    Case{"direct", "direct", NatKind::port_restricted_cone, true},
    Case{"relayed", "relay", NatKind::symmetric, true},
    Case{"direct_without_segment", "direct", NatKind::port_restricted_cone, false},
    Case{"relayed_without_segment", "relay", NatKind::symmetric, false}};

INSTANTIATE_TEST_SUITE_P(Lab, RealGamesInAParty, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace lanrage::lab
