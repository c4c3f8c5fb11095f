// What happens at the same time, or long after, or at another time of day: the party ends as one,
// with one key, and everybody reaches everybody.
#include <algorithm>
#include <boost/json/object.hpp>
#include <chrono>
#include <future>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

class Settling : public LabTest {
 protected:
  struct Member {
    Player& player;
    IpAddress vip;
  };

  Member host(Player& player, const Server& server) {
    const Membership made = player.create(server, "game night");
    invite_ = made.invite;
    return members_.emplace_back(player, made.vip);
  }
  Member join(Player& player) { return members_.emplace_back(player, player.join(invite_).vip); }
  struct Three {
    Player &ann, &bob, &dan;
  };
  // Ann hosts, Bob is in her party, and Dan isn't yet.
  Three three_players() {
    Server& server = add_server();
    const Three out{add_player("ann", NatKind::open),
                    add_player("bob", NatKind::port_restricted_cone),
                    add_player("dan", NatKind::full_cone)};
    host(out.ann, server);
    join(out.bob);
    return out;
  }
  static std::int64_t key_epoch(const Player& player) {
    const auto party = player.party();
    return party ? party->at("key_epoch").to_number<std::int64_t>() : 0;
  }
  // All have that key, or a later one, and it is the same.
  ::testing::AssertionResult share_key(std::int64_t least) const {
    const bool same = eventually(kSeen, [&] {
      const std::int64_t first = key_epoch(members_.front().player);
      if (first < least) return false;
      return std::ranges::all_of(
          members_, [&](const Member& each) { return key_epoch(each.player) == first; });
    });
    if (same) return ::testing::AssertionSuccess();
    auto failure = ::testing::AssertionFailure() << "key epochs";
    for (const auto& each : members_)
      failure << " " << each.player.nick() << "=" << key_epoch(each.player);
    return failure;
  }
  ::testing::AssertionResult all_reach_all() const {
    for (const auto& from : members_)
      for (const auto& to : members_)
        if (&from != &to)
          if (const auto reached = pings(from.player, to.vip); !reached) return reached;
    return ::testing::AssertionSuccess();
  }

  std::string invite_;
  std::vector<Member> members_;
};

TEST_F(Settling, TwoDeputiesMakeNewKeysAtOnce) {
  const auto [ann, bob, dan] = three_players();
  join(dan);
  done(ann, {"promote", "bob"});
  done(ann, {"promote", "dan"});
  ASSERT_TRUE(all_reach_all());
  auto bobs = std::async(std::launch::async, [&] { return bob.cli({"rotate"}); });
  auto dans = std::async(std::launch::async, [&] { return dan.cli({"rotate"}); });
  for (const auto& result : {bobs.get(), dans.get()})
    EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(share_key(3)) << "each made one";
  EXPECT_TRUE(all_reach_all());
}

TEST_F(Settling, AJoinRacesANewKey) {
  const auto [ann, bob, dan] = three_players();
  auto rotated = std::async(std::launch::async, [&] { return ann.cli({"rotate"}); });
  ASSERT_NO_THROW(join(dan));
  const CliResult result = rotated.get();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(share_key(2));
  EXPECT_TRUE(all_reach_all());
}

TEST_F(Settling, WhoWasAwayForThreeKeysComesBack) {
  const auto [ann, bob, dan] = three_players();
  join(dan);
  ASSERT_TRUE(all_reach_all());
  bob.kill_agent();
  for (int i = 0; i < 3; ++i)
    done(ann, {"rotate"});
  bob.start_agent();
  EXPECT_TRUE(share_key(4));
  EXPECT_TRUE(all_reach_all());
}

// The other devices' clocks are simulated (trust_sim_test): here WireGuard's has to be the agent's.
TEST_F(Settling, AServerWhoseClockIsADayOffHurtsNobody) {
  for (const auto ahead : {std::chrono::hours(24), -std::chrono::hours(24)}) {
    const std::string suffix = ahead.count() > 0 ? "1" : "2";
    const Host& place = network_.add_public_host("server" + suffix);
    Server& server = add_server(place, place.address(), {}, ahead);
    members_.clear();
    Player& ann = add_player("ann" + suffix, NatKind::symmetric);
    Player& bob = add_player("bob" + suffix, NatKind::symmetric);
    Player& dan = add_player("dan" + suffix, NatKind::open);
    host(ann, server);
    join(bob);
    invite_ = done(ann, {"invite", "--expires", "1h"}).at("invite").as_string();
    join(dan);
    EXPECT_TRUE(all_reach_all());
    EXPECT_EQ(done(ann, {"rotate"}).at("key_epoch").to_number<int>(), 2);
    done(ann, {"promote", bob.nick()});
    EXPECT_EQ(done(bob, {"rotate"}).at("key_epoch").to_number<int>(), 3);
    EXPECT_TRUE(share_key(3));
    EXPECT_TRUE(all_reach_all());
    EXPECT_TRUE(path_becomes(bob, ann.nick(), "relay"));
  }
}

}  // namespace
}  // namespace lanrage::lab
