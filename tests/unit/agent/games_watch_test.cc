// Two members on one segment, whose games are emulated.
#include "agent/games_watch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <gmock/gmock.h>

#include "base/encoding.hpp"
#include "support/namespace.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::agent::test {
namespace {

using namespace std::string_view_literals;
using lab::UdpSocket;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr lab::Millis kSoon{10'000};
constexpr std::string_view kWorld = "[MOTD]a world[/MOTD][AD]25565[/AD]";
constexpr std::string_view kArena =
    "\xff\xff\xff\xffinfoResponse\n\\gamename\\Arena\\hostname\\dm\\clients\\1\\sv_maxclients\\8";

IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}
Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

class GamesWatchTest : public testing::Test {
 protected:
  GamesWatchTest() {
    a_.ip("link add lan0 type veth peer name lan0 netns " + b_.name() + "\n");
    for (const auto& [netns, vip] : {std::pair{&a_, "10.66.0.1"}, {&b_, "10.66.0.2"}})
      netns->ip("link set lan0 up\naddr add " + std::string(vip) +
                "/16 dev lan0\nroute add default dev lan0\n");
    // A device that has just come up may lose what is sent on it.
    const bool carries = lab::eventually(kSoon, [&] {
      const lab::Argv ping{"ping", "-n", "-c", "1", "-W", "1", "10.66.0.2"};
      return lab::run(ping, {.netns_fd = a_.fd()}).status == 0;
    });
    if (!carries) throw lab::LabError("the segment carries nothing");
    watch_ = a_.inside(
        [&] { return GamesWatch::open(io_, table_, "lan0", address("10.66.0.1")).value(); });
    watch_->set_members({address("10.66.0.2")});
  }
  ~GamesWatchTest() override {
    watch_->close();
    poll();
  }

  void poll() {
    a_.inside([&] { io_.poll(); });
    io_.restart();
  }
  std::vector<std::string> shown() {
    std::vector<std::string> out;
    for (const auto& game : watch_->hosted())
      out.push_back(game.game + " " + game.title + " " + game.at.to_string());
    return out;
  }
  // When as many games as that are known.
  std::vector<std::string> shown_when(std::size_t count) {
    lab::eventually(
        kSoon,
        [&] {
          poll();
          return shown().size() >= count;
        },
        lab::Millis(5));
    return shown();
  }
  void ask() {
    ++asking_;
    boost::asio::co_spawn(
        io_,
        [](std::shared_ptr<GamesWatch> watch, int& asking) -> boost::asio::awaitable<void> {
          co_await watch->ask();
          --asking;
        }(watch_, asking_),
        boost::asio::detached);
  }
  // Until all questions are answered, or not; `serve` plays the servers meanwhile.
  void until_asked(const std::function<void()>& serve) {
    ASSERT_TRUE(lab::eventually(
        kSoon,
        [&] {
          poll();
          serve();
          return asking_ == 0;
        },
        lab::Millis(1)));
  }
  // Answers each `question` that came; how many there were.
  static int serve(UdpSocket& server, std::string_view question, std::string_view answer) {
    int count = 0;
    while (const auto got = server.receive(lab::Millis(0))) {
      if (as_text(got->payload) != question) continue;
      server.send(got->from, as_bytes(answer));
      ++count;
    }
    return count;
  }

  const games::Table table_ = games::table_with().value();
  lab::NetNamespace a_{"a"};
  lab::NetNamespace b_{"b"};
  boost::asio::io_context io_;
  std::shared_ptr<GamesWatch> watch_;
  int asking_ = 0;
};

constexpr std::string_view kGetInfo = "\xff\xff\xff\xffgetinfo xxx";

TEST_F(GamesWatchTest, SeesWhatPasses) {
  UdpSocket game(b_, endpoint("10.66.0.2:50000"));
  game.send(endpoint("224.0.2.60:4445"), as_bytes(kWorld));
  EXPECT_THAT(shown_when(1), ElementsAre("Minecraft (Java) a world 10.66.0.2:25565"));
}

TEST_F(GamesWatchTest, SeesWhatThisMachineAnnounces) {
  UdpSocket game(a_, endpoint("10.66.0.1:50000"));
  game.send(endpoint("224.0.2.60:4445"), as_bytes(kWorld));
  EXPECT_THAT(shown_when(1), ElementsAre("Minecraft (Java) a world 10.66.0.1:25565"));
}

TEST_F(GamesWatchTest, StrangersDontCount) {
  b_.ip("addr add 10.66.0.9/16 dev lan0\n");
  UdpSocket stranger(b_, endpoint("10.66.0.9:50000"));
  UdpSocket game(b_, endpoint("10.66.0.2:50000"));
  stranger.send(endpoint("224.0.2.60:4445"), as_bytes(kWorld));
  game.send(endpoint("224.0.2.60:4445"), as_bytes(kWorld));
  EXPECT_THAT(shown_when(1), ElementsAre("Minecraft (Java) a world 10.66.0.2:25565"));
  EXPECT_EQ(watch_->looked_at(), 2u);
}

TEST_F(GamesWatchTest, AGameBeingPlayedDoesntWakeIt) {
  UdpSocket server(b_, endpoint("10.66.0.2:27960"));
  UdpSocket game(b_, endpoint("10.66.0.2:50000"));
  for (std::uint8_t sequence = 0; sequence < 200; ++sequence)
    server.send(endpoint("10.66.0.1:27960"), Bytes{sequence, 0, 0, 0, 1, 2, 3, 4});
  game.send(endpoint("224.0.2.60:4445"), as_bytes(kWorld));
  shown_when(1);
  EXPECT_EQ(watch_->looked_at(), 1u);
}

TEST_F(GamesWatchTest, AsksMembersAndThisMachinesOwnServers) {
  UdpSocket theirs(b_, endpoint("0.0.0.0:27960"));
  UdpSocket ours(a_, endpoint("0.0.0.0:27961"));
  int questions = 0;
  ask();
  until_asked([&] {
    questions += serve(theirs, kGetInfo, kArena);
    questions += serve(ours, kGetInfo, kArena);
  });
  EXPECT_EQ(questions, 2);
  EXPECT_THAT(shown(),
              UnorderedElementsAre("Arena dm 10.66.0.1:27961", "Arena dm 10.66.0.2:27960"));
  for (const auto& game : watch_->hosted())
    EXPECT_TRUE(game.rtt) << game.at.to_string();
}

// Whose kernel has no VXLAN.
TEST_F(GamesWatchTest, AsksMembersWhomAnotherDeviceReaches) {
  a_.ip("link add wg0 type veth peer name wg0 netns " + b_.name() +
        "\nlink set wg0 up\nroute add 10.66.0.3/32 dev wg0\n");
  b_.ip("link set wg0 up\naddr add 10.66.0.3/32 dev wg0\nroute add 10.66.0.1/32 dev wg0\n");
  const auto other = address("10.66.0.3");
  watch_->set_members({address("10.66.0.2")}, {&other, 1});
  UdpSocket server(b_, endpoint("10.66.0.3:27960"));
  ask();
  until_asked([&] { serve(server, kGetInfo, kArena); });
  EXPECT_THAT(shown(), ElementsAre("Arena dm 10.66.0.3:27960"));
}

TEST_F(GamesWatchTest, WhoAsksMeanwhileWaitsForTheSameAnswers) {
  UdpSocket server(b_, endpoint("0.0.0.0:27960"));
  int questions = 0;
  ask();
  poll();
  ask();
  until_asked([&] { questions += serve(server, kGetInfo, kArena); });
  EXPECT_EQ(questions, 1);
  ask();
  until_asked([&] { questions += serve(server, kGetInfo, kArena); });
  EXPECT_EQ(questions, 2) << "and later again";
}

TEST_F(GamesWatchTest, SaysAServersChallengeBackToIt) {
  UdpSocket server(b_, endpoint("0.0.0.0:27015"));
  const auto bytes = [](std::string_view hex) { return from_hex(hex).value(); };
  const Bytes info = [&] {
    auto out = bytes("ffffffff4911");
    for (const char c : "dust\0de_dust\0cstrike\0Counter-Strike\0"sv)
      out.push_back(static_cast<std::uint8_t>(c));
    return bytes(to_hex(out) + "f0000510");
  }();
  ask();
  until_asked([&] {
    while (const auto got = server.receive(lab::Millis(0))) {
      const bool knows = to_hex(got->payload).ends_with("0a0b0c0d");
      server.send(got->from, knows ? info : bytes("ffffffff410a0b0c0d"));
    }
  });
  EXPECT_THAT(shown(), ElementsAre("Counter-Strike dust 10.66.0.2:27015"));
}

// As Freeciv's does.
TEST_F(GamesWatchTest, AServerMayAnswerEverybody) {
  UdpSocket server(b_, endpoint("0.0.0.0:4555"));
  UdpSocket speaker(b_, endpoint("10.66.0.2:50000"));
  constexpr std::string_view kAnswer =
      "\x02host\0"
      "5556\0"
      "3.0.6\0"
      "Pregame\0"
      "0\0"
      "1\0"
      "\0"sv;
  ask();
  until_asked([&] {
    while (server.receive(lab::Millis(0)))
      speaker.send(endpoint("225.1.1.1:4556"), as_bytes(kAnswer));
  });
  EXPECT_THAT(shown(), ElementsAre("Freeciv  10.66.0.2:5556"));
}

TEST_F(GamesWatchTest, AnswersOfOthersDontCount) {
  b_.ip("addr add 10.66.0.9/16 dev lan0\n");
  UdpSocket server(b_, endpoint("10.66.0.2:27960"));
  UdpSocket other(b_, endpoint("10.66.0.9:27960"));
  ask();
  until_asked([&] {
    while (const auto got = server.receive(lab::Millis(0)))
      other.send(got->from, as_bytes(kArena));
  });
  EXPECT_THAT(shown(), IsEmpty());
}

TEST_F(GamesWatchTest, MayBeClosedWhileItAsks) {
  ask();
  ask();
  poll();
  watch_->close();
  until_asked([] {});
  ask();
  until_asked([] {});
}

TEST_F(GamesWatchTest, WithoutTheDeviceItSaysSo) {
  const auto watch =
      a_.inside([&] { return GamesWatch::open(io_, table_, "none0", address("10.66.0.1")); });
  ASSERT_FALSE(watch);
  EXPECT_THAT(watch.error().message(), testing::HasSubstr("cannot find the device none0"));
}

}  // namespace
}  // namespace lanrage::agent::test
