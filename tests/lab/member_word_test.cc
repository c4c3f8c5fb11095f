// What members tell each other inside the tunnel: a server that keeps one of them in the dark about
// a kick or the new key achieves nothing.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kDropped{2'000};

class MembersWord : public LabTest {
 protected:
  static std::vector<std::string> peers(const boost::json::value& list) {
    std::vector<std::string> out;
    for (const auto& entry : list.as_array())
      out.emplace_back(entry.as_object().at("peer_id").as_string());
    return out;
  }
  static std::int64_t key_epoch(const Player& player) {
    const auto party = player.party();
    return party ? party->at("key_epoch").to_number<std::int64_t>() : 0;
  }
  // Its server falls silent: what is sent to it gets lost.
  static void lose_server(const Player& player) {
    player.host().netns().nft(R"(
table inet dark {
  chain out {
    type filter hook output priority 0;
    tcp dport 8667 drop;
  }
})");
  }

  Server& server_ = add_server();
  Player& ann_ = add_player("ann", NatKind::open);
  Player& bob_ = add_player("bob", NatKind::port_restricted_cone);
  Player& eve_ = add_player("eve", NatKind::full_cone);
  Membership hosted_ = ann_.create(server_, "game night");
  Membership bobs_ = bob_.join(hosted_.invite);
  Membership eves_ = eve_.join(std::string(done(ann_, {"invite"}).at("invite").as_string()));
};

TEST_F(MembersWord, AKickIsConfirmedByAllWhoAreReached) {
  ASSERT_TRUE(pings(bob_, hosted_.vip));
  ASSERT_TRUE(pings(ann_, eves_.vip));
  const auto kicked = done(ann_, {"kick", "eve"});
  EXPECT_EQ(peers(kicked.at("confirmed")), std::vector{bobs_.peer_id})
      << boost::json::serialize(kicked);
  EXPECT_TRUE(kicked.at("waiting").as_array().empty()) << boost::json::serialize(kicked);
  EXPECT_FALSE(bob_.peer("eve")) << "who has confirmed has dropped her";
}

TEST_F(MembersWord, WhomTheServerDoesNotTellOfAKickLearnsItFromTheOthers) {
  ASSERT_TRUE(pings(bob_, hosted_.vip));
  ASSERT_TRUE(pings(bob_, eves_.vip));
  lose_server(bob_);
  const auto kicked = done(ann_, {"kick", "eve"});
  EXPECT_EQ(peers(kicked.at("confirmed")), std::vector{bobs_.peer_id})
      << boost::json::serialize(kicked);
  EXPECT_TRUE(eventually(kDropped, [&] { return !bob_.peer("eve"); })) << "bob still has eve";
  EXPECT_TRUE(eventually(kDropped, [&] { return key_epoch(bob_) == 2; }))
      << "the new party key reaches bob by ann's hand";
  EXPECT_TRUE(pings(bob_, hosted_.vip));
}

TEST_F(MembersWord, WhoComesBackWithoutAServerTalksOnceAMemberHasToldHimTheRoster) {
  ASSERT_TRUE(pings(bob_, hosted_.vip));
  // Only then does ann's agent know of the session, and keeps to its key.
  ASSERT_TRUE(eventually(
      kSeen, [&] { return ann_.peer("bob").value_or(PeerView{}).last_handshake_s >= 0; }));
  bob_.kill_agent();
  done(ann_, {"kick", "eve"});
  lose_server(bob_);
  bob_.start_agent();
  EXPECT_TRUE(eventually(kReachable, [&] { return key_epoch(bob_) == 2; }))
      << "no path without signals";
  EXPECT_FALSE(bob_.peer("eve"));
  EXPECT_TRUE(pings(bob_, hosted_.vip));
}

// Its agent's address in the tunnel is IPv6: nobody but the server can tell it anything.
TEST_F(MembersWord, WhoComesBackWithNeitherServerNorIpv6ReadsWhyItWaits) {
  const auto note = [&] {
    const auto party = bob_.party();
    const auto value = party ? party->at("self").at("note") : boost::json::value();
    return value.is_string() ? std::string(value.as_string()) : std::string();
  };
  ASSERT_TRUE(pings(bob_, hosted_.vip));
  EXPECT_TRUE(note().empty()) << note();
  bob_.kill_agent();
  bob_.host().netns().sysctl("net/ipv6/conf/all/disable_ipv6", "1");
  lose_server(bob_);
  bob_.start_agent();
  EXPECT_TRUE(eventually(kSeen, [&] {
    return note().find("heard from the server who") != std::string::npos &&
           note().find("allow IPv6") != std::string::npos;
  })) << note();
  const auto text = bob_.cli_text({"status"}).out;
  EXPECT_NE(text.find("For you: "), std::string::npos) << text;
  bob_.host().netns().nft("delete table inet dark");
  EXPECT_TRUE(pings(bob_, hosted_.vip)) << "by the server's word";
  EXPECT_TRUE(eventually(kSeen, [&] { return note().find("wait") == std::string::npos; }));
  EXPECT_NE(note().find("allow IPv6"), std::string::npos);
}

}  // namespace
}  // namespace lanrage::lab
