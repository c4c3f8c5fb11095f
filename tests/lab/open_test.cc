// `lanrage open` and `lanrage close`: what a friend reaches of a player's machine.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::lab {
namespace {

constexpr std::uint16_t kService = 111;
constexpr std::uint16_t kGame = 27015;

class Opening : public LabTest {
 protected:
  void SetUp() override {
    const Membership hosted = alice_.create(server_, "game night");
    vip_ = hosted.vip;
    bob_.join(hosted.invite);
    ASSERT_TRUE(pings(bob_, vip_));
  }

  // Whether what bob sends to the service comes in, before something to the game that he sends
  // after it; again and again, as a path that changes may lose or turn round a packet.
  bool reached() {
    UdpSocket service(alice_.host().netns(), {IpAddress(), kService});
    UdpSocket game(alice_.host().netns(), {IpAddress(), kGame});
    UdpSocket friend_(bob_.host().netns(), {IpAddress(), 0});
    for (int attempt = 0; attempt < 5; ++attempt) {
      friend_.send({vip_, kService}, as_bytes("hello"));
      const bool in_time = eventually(kReachable, [&] {
        friend_.send({vip_, kGame}, as_bytes("marker"));
        return game.receive(Millis(500)).has_value();
      });
      if (!in_time) throw LabError("the LAN carries nothing");
      if (service.receive(Millis(0))) return true;
    }
    return false;
  }
  std::string opened() const { return boost::json::serialize(done(alice_, {"open"}).at("opened")); }
  static std::string error_code(const CliResult& result) {
    const auto* object = result.json.if_object();
    const auto* error = object != nullptr ? object->if_contains("error") : nullptr;
    return error != nullptr ? std::string(error->at("code").as_string()) : "";
  }

  Server& server_ = add_server();
  Player& alice_ = add_player("alice", NatKind::open);
  Player& bob_ = add_player("bob", NatKind::port_restricted_cone);
  IpAddress vip_;
};

TEST_F(Opening, APortIsOpenUntilItIsClosed) {
  EXPECT_FALSE(reached());
  const auto open = done(alice_, {"open", "111/udp"});
  EXPECT_EQ(open.at("schema").as_int64(), 1);
  EXPECT_EQ(open.at("name").as_string(), "game night");
  EXPECT_TRUE(open.at("guarded").as_bool());
  EXPECT_EQ(opened(), R"(["111/udp"])");
  EXPECT_TRUE(reached());

  // Whatever becomes of the agent.
  alice_.stop_agent();
  alice_.start_agent();
  ASSERT_TRUE(pings(bob_, vip_));
  EXPECT_EQ(opened(), R"(["111/udp"])");
  EXPECT_TRUE(reached());
  alice_.kill_agent();
  alice_.start_agent();
  ASSERT_TRUE(pings(bob_, vip_));
  EXPECT_TRUE(reached());

  const auto closed = done(alice_, {"close", "111/udp"});
  EXPECT_EQ(boost::json::serialize(closed.at("still_open")), "[]");
  EXPECT_FALSE(reached());
  EXPECT_TRUE(pings(bob_, vip_));
  alice_.stop_agent();
  alice_.start_agent();
  ASSERT_TRUE(pings(bob_, vip_));
  EXPECT_FALSE(reached()) << "that is kept as well";
}

TEST_F(Opening, AllIsASwitch) {
  done(alice_, {"open", "22/tcp"});
  done(alice_, {"open", "all"});
  EXPECT_TRUE(done(alice_, {"open"}).at("all").as_bool());
  EXPECT_TRUE(reached());
  const auto single = alice_.cli({"close", "111/udp"});
  EXPECT_EQ(single.status, 1);
  EXPECT_EQ(error_code(single), "all_open");
  done(alice_, {"close", "all"});
  EXPECT_FALSE(done(alice_, {"open"}).at("all").as_bool());
  EXPECT_EQ(opened(), "[]");
  EXPECT_FALSE(reached());
}

TEST_F(Opening, RefusesWhatItCantDo) {
  EXPECT_EQ(alice_.cli({"open", "99999/tcp"}).status, 2);
  const auto game = alice_.cli({"close", "27015/udp"});
  EXPECT_EQ(game.status, 1);
  EXPECT_EQ(error_code(game), "open_by_default");
  EXPECT_TRUE(done(alice_, {"open", "27015/udp"}).at("by_default").as_bool());
  EXPECT_EQ(opened(), "[]");
  const auto elsewhere = alice_.cli({"open", "22/tcp", "--party", "another"});
  EXPECT_EQ(elsewhere.status, 1);
  done(bob_, {"leave"});
  EXPECT_EQ(bob_.cli({"open", "22/tcp"}).status, 5);
}

}  // namespace
}  // namespace lanrage::lab
