// `lanrage games`, in a party whose host plays.
#include <boost/json/array.hpp>
#include <gtest/gtest.h>
#include <thread>

#include "lab_fixture.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;

// Answers whoever looks for it, as OpenTTD's server does.
class EmulatedServer {
 public:
  explicit EmulatedServer(const Host& host)
      : socket_(host.netns(), {IpAddress(), 3979}), thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested())
            if (const auto question = socket_.receive(Millis(50)))
              socket_.send(question->from, Bytes{3, 0, 1});
        }) {}

 private:
  UdpSocket socket_;
  std::jthread thread_;
};

class Games : public LabTest {
 protected:
  Router& router_ = network_.add_router(NatKind::port_restricted_cone);
  Host& home_ = network_.add_host("alice", router_);
  Player& alice_ = add_player("alice", home_);
  Player& bob_ = add_player("bob", network_.add_host("bob", router_));

  static json::array games(const Player& player) {
    return done(player, {"games"}).at("games").as_array();
  }
};

TEST_F(Games, AreSeenByEverybody) {
  const auto made = done(alice_, {"create", "LAN night", "--local", "--nick", "alice"});
  const std::string vip(made.at("vip").as_string());
  bob_.join(std::string(made.at("invite").as_string()));
  ASSERT_TRUE(pings(bob_, *IpAddress::parse(vip)));
  EXPECT_TRUE(games(bob_).empty());
  {
    const EmulatedServer server(home_);
    for (const auto* player : {&alice_, &bob_}) {
      const auto found = games(*player);
      ASSERT_EQ(found.size(), 1u);
      const auto& game = found[0].as_object();
      EXPECT_EQ(game.at("game"), "OpenTTD");
      EXPECT_EQ(game.at("player"), "alice");
      EXPECT_EQ(game.at("address").as_string(), vip + ":3979");
      EXPECT_TRUE(game.at("rtt_ms").is_number());
      EXPECT_TRUE(game.at("title").is_null());
    }
  }
  const auto text = bob_.cli_text({"games"});
  EXPECT_NE(text.out.find("OpenTTD"), std::string::npos) << "kept for half a minute; " << text.out;
}

TEST_F(Games, AreOfAParty) {
  EXPECT_EQ(alice_.cli({"games"}).status, 5);
}

}  // namespace
}  // namespace lanrage::lab
