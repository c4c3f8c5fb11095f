// A party's root key goes from its host's device to another member's, and the party with it.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <gmock/gmock.h>
#include <string>
#include <thread>

#include "lab_fixture.hpp"
#include "memory_search.hpp"

namespace lanrage::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HandingOver : public LabTest {
 protected:
  HandingOver() {
    if (!pings(bob_, hosted_.vip) || !pings(eve_, hosted_.vip))
      throw LabError("the players don't reach each other");
  }
  static std::string refused(const Player& player, const Argv& words) {
    const CliResult result = player.cli(words);
    EXPECT_EQ(result.status, 1) << words[0] << ": " << result.out << result.err;
    return result.err;
  }
  static std::vector<KnownSecret> root_key(const Player& player) {
    auto out = secrets_of(player);
    std::erase_if(out, [](const auto& secret) { return secret.name != "root_seed"; });
    return out;
  }
  static bool has_root_key(const Player& player) { return !root_key(player).empty(); }
  static std::string host(const Player& player) {
    const auto party = player.party();
    return party ? std::string(party->at("host").as_string()) : "";
  }
  static void expect_host(const Membership& whom, const std::vector<const Player*>& seen_by) {
    for (const auto* player : seen_by)
      EXPECT_TRUE(eventually(kSeen, [&] { return host(*player) == whom.peer_id; }))
          << player->nick() << " sees another host";
  }

  Server& server_ = add_server();
  Player& ann_ = add_player("ann", NatKind::open);
  Player& bob_ = add_player("bob", NatKind::port_restricted_cone);
  Player& eve_ = add_player("eve", NatKind::full_cone);
  Membership hosted_ = ann_.create(server_, "game night");
  Membership bobs_ = bob_.join(hosted_.invite);
  Membership eves_ = eve_.join(hosted_.invite);
};

TEST_F(HandingOver, TheNewHostGovernsAndTheFormerOneIsADeputy) {
  const auto key = root_key(ann_);
  ASSERT_EQ(key.size(), 1u);
  const auto handed = done(ann_, {"promote", "bob", "--host"});
  EXPECT_EQ(handed.at("host").as_string(), bobs_.peer_id);
  EXPECT_TRUE(handed.at("forgotten").as_bool());
  ASSERT_EQ(handed.at("deputies").as_array().size(), 1u);
  EXPECT_EQ(handed.at("deputies").at(0).at("peer_id").as_string(), hosted_.peer_id);
  expect_host(bobs_, {&ann_, &bob_, &eve_});

  EXPECT_THAT(found_in(files_of(bob_.state_dir()), key), ::testing::SizeIs(1));
  EXPECT_TRUE(eventually(kSeen, [&] { return found_in(files_of(ann_.state_dir()), key).empty(); }));
  EXPECT_THAT(found_in(memory_of(ann_.agent_pid()), key), IsEmpty());
  EXPECT_THAT(found_in(memory_of(bob_.agent_pid()), key), ::testing::SizeIs(1));
  EXPECT_THAT(found_in(files_of(server_.data_dir()), key), IsEmpty());
  EXPECT_THAT(found_in(memory_of(server_.pid()), key), IsEmpty());
  EXPECT_THAT(found_in(files_of(eve_.state_dir()), key), IsEmpty());

  EXPECT_THAT(refused(ann_, {"promote", "eve"}),
              HasSubstr("only the host, bob, can name deputies"));
  EXPECT_THAT(refused(ann_, {"kick", "bob"}), HasSubstr("bob is the party's host"));
  bob_.kill_agent();
  bob_.start_agent();
  expect_host(bobs_, {&bob_});
  done(bob_, {"promote", "eve"});
  done(bob_, {"kick", "eve"});
  EXPECT_TRUE(eventually(kSeen, [&] { return !ann_.peer("eve"); }));
  EXPECT_TRUE(pings(bob_, hosted_.vip));
  // And back again.
  const auto back = done(bob_, {"promote", "ann", "--host"});
  EXPECT_EQ(back.at("host").as_string(), hosted_.peer_id);
  expect_host(hosted_, {&ann_, &bob_});
  EXPECT_TRUE(eventually(kSeen, [&] { return has_root_key(ann_) && !has_root_key(bob_); }));
}

TEST_F(HandingOver, AHostThatDiesInBetweenDoesItAgain) {
  // The key gets there; the charter doesn't get out, not even later from a buffer of the kernel.
  ann_.host().netns().nft(R"(
table inet dark {
  chain out {
    type filter hook output priority 0;
    tcp dport 8667 reject with tcp reset;
  }
})");
  std::thread command([&] { ann_.cli({"promote", "bob", "--host"}); });
  EXPECT_TRUE(eventually(kSeen, [&] { return has_root_key(bob_); }));
  ann_.kill_agent();
  command.join();
  EXPECT_TRUE(has_root_key(ann_));
  ann_.host().netns().nft("delete table inet dark\n");
  ann_.start_agent();
  expect_host(hosted_, {&ann_, &bob_});
  EXPECT_THAT(refused(bob_, {"promote", "eve"}), HasSubstr("only the host, ann, can"));
  ASSERT_TRUE(pings(ann_, bobs_.vip));

  done(ann_, {"promote", "bob", "--host"});
  expect_host(bobs_, {&ann_, &bob_, &eve_});
  EXPECT_TRUE(eventually(kSeen, [&] { return !has_root_key(ann_); }));
  EXPECT_TRUE(has_root_key(bob_));
}

TEST_F(HandingOver, WhereItCannotGoIsSaid) {
  EXPECT_THAT(refused(bob_, {"promote", "eve", "--host"}),
              HasSubstr("only the host, ann, can hand the party over"));
  EXPECT_THAT(refused(ann_, {"promote", "ann", "--host"}), HasSubstr("you are the host already"));
  EXPECT_THAT(refused(ann_, {"promote", "zoe", "--host"}), HasSubstr("nobody called \"zoe\""));
  bob_.stop_agent();
  EXPECT_THAT(refused(ann_, {"promote", "bob", "--host"}), HasSubstr("bob can't be reached"));
  EXPECT_EQ(host(ann_), hosted_.peer_id);
  bob_.start_agent();
  ASSERT_TRUE(pings(ann_, bobs_.vip));
  done(ann_, {"promote", "bob", "--host"});
  expect_host(bobs_, {&ann_, &bob_, &eve_});
}

}  // namespace
}  // namespace lanrage::lab
