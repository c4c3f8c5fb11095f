#include "games/round.hpp"

#include <map>

#include "some_games.hpp"

namespace lanrage::games {
namespace {

using namespace test;
using namespace std::chrono_literals;

std::vector<Question> all(Round& round, Instant now) {
  std::vector<Question> out;
  while (auto question = round.next(now))
    out.push_back(std::move(*question));
  return out;
}

std::vector<IpAddress> peers(std::uint32_t count) {
  std::vector<IpAddress> out;
  for (std::uint32_t i = 1; i <= count; ++i)
    out.push_back(IpAddress::v4(0x0a420000u + i));
  return out;
}

TEST(Round, AsksEverybodyForEveryGameAtEachPort) {
  std::size_t expected = 0;
  for (const auto& each : built_in().games())
    if (!each.ask.empty()) expected += each.ports.size();
  Round round(built_in(), peers(3));
  std::map<IpAddress, std::size_t> asked;
  for (const auto& question : all(round, Instant(1h)))
    ++asked[question.to.address];
  EXPECT_EQ(asked.size(), 3u);
  for (const auto& [peer, count] : asked)
    EXPECT_EQ(count, expected);
}

TEST(Round, ABigPartyIsAskedAtFirstPorts) {
  Round round(built_in(), peers(100));
  const auto questions = all(round, Instant(1h));
  EXPECT_EQ(questions.size(), kMostQuestions);
  std::map<IpAddress, std::size_t> at_first_port;
  for (const auto& question : questions)
    at_first_port[question.to.address] += question.to.port == 27960 ? 1 : 0;
  EXPECT_EQ(at_first_port.size(), 100u);
  for (const auto& [peer, count] : at_first_port)
    EXPECT_EQ(count, 1u);
}

TEST(Round, TellsTheRoundTrip) {
  Round round(built_in(), peers(1));
  const auto questions = all(round, Instant(1h));
  const auto heard = round.hear(Instant(1h) + 31ms, endpoint("10.66.0.1:27960"), as_bytes("x"));
  EXPECT_EQ(heard.rtt, 31ms);
  EXPECT_FALSE(heard.again);
}

TEST(Round, WhoWasntAskedIsntHeard) {
  Round round(built_in(), peers(1));
  EXPECT_FALSE(round.hear(Instant(1h), endpoint("10.66.0.1:27960"), as_bytes("x")).rtt)
      << "not yet";
  all(round, Instant(1h));
  EXPECT_FALSE(round.hear(Instant(1h), endpoint("10.66.0.1:9"), as_bytes("x")).rtt);
  EXPECT_FALSE(round.hear(Instant(1h), endpoint("10.66.0.2:27960"), as_bytes("x")).rtt);
}

TEST(Round, AnswersOneChallenge) {
  Round round(built_in(), peers(1));
  all(round, Instant(1h));
  const Bytes challenge = from_hex(
                              "ffffffff41"
                              "0badcafe")
                              .value();
  const auto server = endpoint("10.66.0.1:27015");
  const auto heard = round.hear(Instant(1h) + 5ms, server, challenge);
  ASSERT_TRUE(heard.again);
  EXPECT_EQ(heard.again->to, server);
  EXPECT_EQ(to_hex(heard.again->payload), "ffffffff54" + to_hex(as_bytes("Source Engine Query")) +
                                              "00"
                                              "0badcafe");
  EXPECT_FALSE(round.hear(Instant(1h) + 6ms, server, challenge).again)
      << "or two could play ping-pong";
  EXPECT_EQ(round.hear(Instant(1h) + 9ms, server, as_bytes("x")).rtt, 4ms)
      << "since it was asked again";
}

}  // namespace
}  // namespace lanrage::games
