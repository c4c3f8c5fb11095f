// The fields of `lanrage games --json` are a promise to scripts.
#include "agent/games_json.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

GameRow row() {
  return {{.game = "OpenArena",
           .title = "Saturday",
           .at = *Endpoint::parse("10.66.0.2:27960"),
           .players = 2,
           .max_players = 8,
           .rtt = 40ms,
           .seen = Instant(10s)},
          "ben",
          12'345us};
}

TEST(GamesJson, HasEveryPromisedField) {
  EXPECT_EQ(
      boost::json::serialize(games_json({row()}, Instant(12'900ms))),
      R"({"schema":1,"games":[{"game":"OpenArena","title":"Saturday","player":"ben",)"
      R"("address":"10.66.0.2:27960","players":2,"max_players":8,"rtt_ms":1.2345E1,"seen_s":2}]})");
}

TEST(GamesJson, WhatIsntKnownIsNull) {
  auto bare = row();
  bare.hosted.title.clear();
  bare.hosted.players = bare.hosted.max_players = std::nullopt;
  bare.hosted.rtt = bare.rtt = std::nullopt;
  const auto json = games_json({bare}, Instant(10s)).at("games").at(0).as_object();
  for (const auto* key : {"title", "players", "max_players", "rtt_ms"})
    EXPECT_TRUE(json.at(key).is_null()) << key;
}

TEST(GamesJson, WithoutAPathTheAnswersRoundTripCounts) {
  auto own = row();
  own.rtt = std::nullopt;
  EXPECT_EQ(games_json({own}, Instant(10s)).at("games").at(0).at("rtt_ms").as_double(), 40);
}

TEST(GamesJson, NoGamesAreAnEmptyList) {
  EXPECT_EQ(boost::json::serialize(games_json({}, Instant{})), R"({"schema":1,"games":[]})");
}

}  // namespace
}  // namespace lanrage::agent
