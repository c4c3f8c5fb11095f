// The WebSocket link: it comes back for ever, and knows a proxy from a server that refuses.
#include "agent/remote_control_plane.hpp"

#include <algorithm>

#include "unit/agent/control_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using protocol::Errc;

class RemoteControlPlaneTest : public ControlPlaneTest {
 protected:
  ControlPlane::Listener listener() {
    return {.on_message = [this](const auto& message) { messages.push_back(message); },
            .on_link = [this](LinkState state) { links.push_back(state); },
            .on_trouble = [this](const Error& error) { troubles.emplace_back(error.code()); }};
  }
  std::shared_ptr<RemoteControlPlane> open(RemoteControlPlane::Options options = {}) {
    auto control = std::make_shared<RemoteControlPlane>(session(), options);
    control->on_obstructed = [this] { ++obstructed; };
    control->subscribe(party, "incarnation", 5);
    control->open_link(listener());
    return control;
  }

  std::vector<LinkState> links;
  std::vector<ws::ServerMessage> messages;
  std::vector<std::string> troubles;
  int obstructed = 0;
};

TEST_F(RemoteControlPlaneTest, SaysWhatItKnowsAndIsConnectedOnceWelcomed) {
  server.welcomes = true;
  const auto control = open();
  EXPECT_EQ(control->link_state(), LinkState::connecting);
  until([&] { return control->link_state() == LinkState::connected; });
  ASSERT_EQ(server.heard.size(), 1u);
  const auto& hello = std::get<ws::Hello>(server.heard[0]);
  ASSERT_EQ(hello.resume.size(), 1u);
  EXPECT_EQ(hello.resume[0], (ws::Resume{party, "incarnation", 5}));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ws::Welcome>(messages[0]));
  control->close();
}

TEST_F(RemoteControlPlaneTest, TellsWhyThereIsNoLink) {
  server.welcomes = true;
  const auto control = open();
  until([&] { return control->link_state() == LinkState::connected; });
  EXPECT_TRUE(troubles.empty());
  server.stop();
  until([&] { return troubles.size() >= 2; });
  EXPECT_EQ(troubles[0], "closed");
  EXPECT_EQ(troubles[1], "server_unreachable");
  control->close();
}

TEST_F(RemoteControlPlaneTest, ALinkOpenedAheadTellsItsListenerWhatItMissed) {
  server.welcomes = true;
  const auto control = std::make_shared<RemoteControlPlane>(session());
  control->open_link_ahead();
  until([&] { return control->link_state() == LinkState::connected; });
  control->subscribe(party, "incarnation", 5);
  control->open_link(listener());
  EXPECT_EQ(links, std::vector{LinkState::connected});
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ws::Welcome>(messages[0]));
  control->subscribe(party, "incarnation", 6);  // knowing more is no reason to ask again
  until([&] { return server.heard.size() >= 2; });
  EXPECT_TRUE(std::get<ws::Hello>(server.heard[0]).resume.empty());
  EXPECT_EQ(server.heard[1], ws::ClientMessage(ws::Subscribe{party, std::nullopt}));
  EXPECT_EQ(server.upgrades, 1);
  // The next WebSocket is an ordinary one.
  server.cut();
  until([&] { return server.heard.size() >= 3; });
  EXPECT_EQ(std::get<ws::Hello>(server.heard[2]).resume.size(), 1u);
  control->close();
}

TEST_F(RemoteControlPlaneTest, WhoSubscribesBeforeTheWelcomeIsSubscribedToo) {
  server.swallows_frames = true;  // and so hasn't welcomed
  const auto control = std::make_shared<RemoteControlPlane>(session());
  control->open_link_ahead();
  until([&] { return server.heard.size() == 1; });
  ASSERT_EQ(control->link_state(), LinkState::connecting);
  control->subscribe(party, "incarnation", 5);
  control->open_link(listener());
  until([&] { return server.heard.size() == 2; });
  EXPECT_EQ(server.heard[1], ws::ClientMessage(ws::Subscribe{party, std::nullopt}));
  EXPECT_TRUE(links.empty());
  control->close();
}

TEST_F(RemoteControlPlaneTest, AServerAwayAndBackIsFoundWhateverItTakes) {
  server.welcomes = true;
  const auto control = open();
  until([&] { return control->link_state() == LinkState::connected; });
  server.stop();
  until([&] { return control->link_state() == LinkState::reconnecting; });
  // The pauses between tries of the link, among those between attempts of a request.
  until([&] { return std::ranges::count_if(pauses, [](auto p) { return p >= 30s; }) >= 5; });
  EXPECT_LE(std::ranges::max(pauses), 60s);
  server.start();
  until([&] { return control->link_state() == LinkState::connected; });
  EXPECT_EQ(links,
            (std::vector{LinkState::connected, LinkState::reconnecting, LinkState::connected}));
  EXPECT_EQ(obstructed, 0) << "a server that is away is no proxy";
  // Success brings the pauses back to the beginning.
  pauses.clear();
  server.cut();
  until([&] { return links.size() == 5; });
  ASSERT_FALSE(pauses.empty());
  EXPECT_LE(pauses[0], 2s);
  control->close();
}

TEST_F(RemoteControlPlaneTest, ATokenThatTheServerDoesntTakeIsReplaced) {
  server.upgrade_refusal = problem(Errc::unknown_token);
  const auto control = open();
  until([&] { return server.seen("POST /auth/register").size() >= 3; });
  EXPECT_EQ(obstructed, 0);
  control->close();
}

TEST_F(RemoteControlPlaneTest, AFullServerIsGivenTheTimeThatItAsksFor) {
  server.upgrade_refusal = problem(Errc::unavailable, 40);
  const auto control = open();
  until([&] { return server.upgrades >= 5; });
  ASSERT_GE(pauses.size(), 4u);
  for (const auto pause : pauses)
    EXPECT_GE(pause, 41s);
  EXPECT_EQ(obstructed, 0);
  control->close();
}

TEST_F(RemoteControlPlaneTest, RefusalsByAProxyAreTold) {
  const auto control = open();
  until([&] { return server.upgrades == 2; });
  EXPECT_EQ(obstructed, 0);
  until([&] { return obstructed >= 1; });
  EXPECT_GE(server.upgrades, 3);
  server.welcomes = true;  // it goes on trying
  until([&] { return control->link_state() == LinkState::connected; });
  control->close();
}

TEST_F(RemoteControlPlaneTest, AnUpgradeStrippedOnTheWayIsAProxysWorkToo) {
  // What our server says to a GET /ws that came without its Upgrade header.
  server.upgrade_refusal = problem(Errc::not_found);
  const auto control = open();
  until([&] { return obstructed >= 1; });
  control->close();
}

TEST_F(RemoteControlPlaneTest, FramesThatNeverArriveAreAProxysWorkToo) {
  server.swallows_frames = true;
  RemoteControlPlane::Options options;
  options.welcome_time = 1ms;
  const auto control = open(options);
  until([&] { return obstructed >= 1; });
  EXPECT_TRUE(links.empty() || links[0] == LinkState::reconnecting);
  control->close();
}

TEST_F(RemoteControlPlaneTest, AfterAChangeOfNetworkADeadConnectionIsReplacedAtOnce) {
  server.welcomes = true;
  RemoteControlPlane::Options options;
  options.alive_time = 0ms;  // the server can't answer in no time
  const auto control = open(options);
  until([&] { return control->link_state() == LinkState::connected; });
  pauses.clear();
  control->on_network_change();
  until([&] { return links.size() == 3; });
  EXPECT_EQ(links,
            (std::vector{LinkState::connected, LinkState::reconnecting, LinkState::connected}));
  EXPECT_EQ(server.upgrades, 2);
  EXPECT_EQ(obstructed, 0);
  EXPECT_LE(std::ranges::max(pauses), 250ms);
  control->close();
}

TEST_F(RemoteControlPlaneTest, AfterAChangeOfNetworkALiveConnectionIsKept) {
  server.welcomes = true;
  RemoteControlPlane::Options options;
  options.alive_time = 60'000ms;
  const auto control = open(options);
  until([&] { return control->link_state() == LinkState::connected; });
  control->on_network_change();
  server.say(ws::ServerMessage(messages[0]));
  until([&] { return messages.size() == 2; });
  EXPECT_EQ(links, std::vector{LinkState::connected});
  EXPECT_EQ(server.upgrades, 1);
  control->close();
}

TEST_F(RemoteControlPlaneTest, NothingIsToldAfterClosing) {
  server.welcomes = true;
  const auto control = open();
  until([&] { return control->link_state() == LinkState::connected; });
  const auto told = links.size() + messages.size();
  control->close();
  server.stop();
  io.poll();
  EXPECT_EQ(links.size() + messages.size(), told);
}

}  // namespace
}  // namespace lanrage::agent::test
