#include "games/table.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <sstream>

#include "some_games.hpp"

namespace lanrage::games {
namespace {

using namespace test;
using testing::HasSubstr;

std::string refusal(const std::string& toml) {
  auto games = read_games(toml, "my.toml");
  if (!games) return games.error().message();
  const auto table = Table::make(std::move(*games));
  return table ? "accepted" : table.error().message();
}

constexpr std::string_view kGood = R"([[game]]
name = "X"
ports = [1000, "2000-2002"]
ask = [{ hex = "ff 00" }, { text = "who?" }, { zeros = 2 }]
answer = [{ text = "I" }, { string = "title" }]
)";

TEST(Table, ReadsAGame) {
  const auto games = read_games(kGood, "my.toml");
  ASSERT_TRUE(games) << games.error().message();
  ASSERT_EQ(games->size(), 1u);
  const auto& game = games->front();
  EXPECT_EQ(game.name, "X");
  EXPECT_EQ(game.ports, (std::vector<std::uint16_t>{1000, 2000, 2001, 2002}));
  EXPECT_EQ(to_hex(game.ask), "ff0077686f3f0000");
  const auto table = Table::make(*games);
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_EQ(table->traffic().from.size(), 4u);
  EXPECT_TRUE(table->traffic().from.at(2001).contains(Start{'I' << 8, 0xff00}));
}

TEST(Table, WhatComesWithLanrageIsGood) {
  const auto table = table_with();
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_GE(table->games().size(), 15u);
}

TEST(Table, AGameOfTheSameNameReplacesOurs) {
  auto more = read_games(
      "[[game]]\nname = 'OpenTTD'\nports = [4000]\nask = [{ text = 'a' }]\nanswer = [{ text = 'b' "
      "}]\n" +
          std::string(kGood),
      "my.toml");
  ASSERT_TRUE(more);
  const auto table = table_with(std::move(*more));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->games().size(), built_in().games().size() + 1);
  EXPECT_FALSE(table->traffic().from.contains(3979));
  EXPECT_TRUE(table->traffic().from.contains(4000));
}

TEST(Table, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(refusal(std::string(kGood)), "accepted");
  EXPECT_THAT(refusal("x = 1"), HasSubstr("my.toml line 1: \"x\" doesn't belong here"));
  EXPECT_THAT(refusal("\n[[game]\n"), HasSubstr("my.toml line 2"));
  EXPECT_THAT(refusal("[[game]]\nname = \"Gr\xc3\xb6\xc3\x9f"
                      "e\""),
              HasSubstr("my.toml line 2: has characters beyond ASCII"));
  EXPECT_THAT(refusal("[[game]]\nports = [1]\n"), HasSubstr("name is missing"));
  const auto with = [](const std::string& line) {
    return refusal(std::string(kGood) + line + "\n");
  };
  EXPECT_THAT(with("portz = [1]"),
              HasSubstr("my.toml line 6, game \"X\": portz is no key of a game"));
  EXPECT_THAT(with("announced_to = [0]"), HasSubstr("announced_to must have ports"));
  EXPECT_THAT(with("announced_to = [65536]"), HasSubstr("must have ports"));
  EXPECT_THAT(with("announced_to = ['9-1']"), HasSubstr("must have ports"));
  EXPECT_THAT(with("announced_to = ['1-x']"), HasSubstr("must have ports"));
  EXPECT_THAT(with("announced_to = ['1-']"), HasSubstr("must have ports"));
  EXPECT_THAT(with("announced_to = ['1-1000']"), HasSubstr("must have ports"));
  EXPECT_THAT(with("announced_to = 5"), HasSubstr("must be a list"));
  EXPECT_THAT(with("announced_to = [5]"), HasSubstr("need each other"));
  EXPECT_THAT(with("announcement = [{ text = 'a' }]"), HasSubstr("need each other"));
  EXPECT_THAT(with("port = 70000"), HasSubstr("port must be a whole number"));
  EXPECT_THAT(with("colour = 7"), HasSubstr("colour must be text"));
  EXPECT_THAT(with("names = 7"), HasSubstr("names must be"));
  EXPECT_THAT(with("groups = '225.1.1.1'"), HasSubstr("groups must be a list"));
  EXPECT_THAT(with("challenge = [{ text = 'a' }, { keep = 4 }]"),
              HasSubstr("challenge and ask_again"));
  EXPECT_THAT(with("challenge = [{ text = 'a' }]"), HasSubstr("must keep one piece"));
  EXPECT_THAT(with("ask_again = [{ text = 'a' }]"), HasSubstr("must say { kept = true }"));
  EXPECT_THAT(with("ask_again = [{ kept = true }, { kept = true }]"),
              HasSubstr("ask_again may say"));
}

TEST(Table, SaysWhichStepIsWrong) {
  const auto with = [](const std::string& step) {
    return refusal(
        "[[game]]\nname = 'X'\nports = [1]\nask = [{ text = 'a' }]\nanswer = [{ hex = 'ff' }, " +
        step + "]\n");
  };
  EXPECT_EQ(with("{ skip = 1 }"), "accepted");
  EXPECT_THAT(with("{ skip = 0 }"), HasSubstr("answer must be a whole number from 1 to 1500"));
  EXPECT_THAT(with("{ hex = 'f' }"), HasSubstr("hex that is none"));
  EXPECT_THAT(with("{ hex = 'zz' }"), HasSubstr("hex that is none"));
  EXPECT_THAT(with("{ hex = ' ' }"), HasSubstr("hex that is none"));
  EXPECT_THAT(with("{ text = '' }"), HasSubstr("must be text"));
  EXPECT_THAT(with("{ string = 'titel' }"), HasSubstr("tells \"titel\""));
  EXPECT_THAT(with("{ until = ';' }"), HasSubstr("no known kind"));
  EXPECT_THAT(with("{ until = '', is = 'title' }"), HasSubstr("must be text"));
  EXPECT_THAT(with("{ u64 = 'players' }"), HasSubstr("no known kind"));
  EXPECT_THAT(with("{ keep = 4 }"), HasSubstr("must keep one piece"));
  EXPECT_THAT(with("{ skip = 1, u8 = '-' }"), HasSubstr("with one key"));
  EXPECT_THAT(with("{ pairs = { a = 'b' } }"), HasSubstr("tells \"b\""));
  EXPECT_THAT(with("'x'"), HasSubstr("must have steps"));
  EXPECT_THAT(
      refusal(
          "[[game]]\nname = 'X'\nports = [1]\nask = [{ text = 'a' }]\nanswer = [{ skip = 1 }]\n"),
      HasSubstr("answer must begin with hex or text"));
  EXPECT_THAT(
      refusal(
          "[[game]]\nname = 'X'\nports = [1]\nask = [{ skip = 1 }]\nanswer = [{ text = 'a' }]\n"),
      HasSubstr("ask may say hex, text or zeros"));
}

TEST(Table, HasLimits) {
  const auto games = [](int count, const std::string& ports, const std::string& start) {
    std::string out;
    for (int i = 0; i < count; ++i)
      out += "[[game]]\nname = 'X" + std::to_string(i) + "'\nports = " + ports +
             "\nask = [{ text = 'a' }]\nanswer = [" +
             (start.empty() ? "{ text = '" + std::string(1, static_cast<char>('A' + i)) + "' }"
                            : start) +
             "]\n";
    return refusal(out);
  };
  EXPECT_EQ(games(128, "[1]", "{ text = 'b' }"), "accepted");
  EXPECT_THAT(games(129, "[1]", "{ text = 'b' }"), HasSubstr("more than 128 games"));
  EXPECT_EQ(games(1, "['1-64']", "{ text = 'b' }"), "accepted");
  EXPECT_THAT(games(1, "['1-64', 70]", "{ text = 'b' }"), HasSubstr("more than 64 ports"));
  EXPECT_EQ(games(32, "[1]", ""), "accepted");
  EXPECT_THAT(games(33, "[1]", ""), HasSubstr("begin in more than 32 ways"));
  EXPECT_THAT(refusal("[[game]]\nname = 'X'\nports = [1]\nask = [{ zeros = 1200 }, { text = 'a' "
                      "}]\nanswer = [{ text = 'a' }]\n"),
              HasSubstr("asks with more than 1200 bytes"));
}

// "| Chocolate Doom | ..." in the guide, one row a game.
TEST(Table, TheDocsListTheSameGames) {
  std::ifstream docs(LANRAGE_GAMES_MD);
  ASSERT_TRUE(docs);
  std::stringstream text;
  text << docs.rdbuf();
  for (const auto& each : built_in().games()) {
    EXPECT_THAT(text.str(), HasSubstr("\n| " + each.name + " | ")) << each.name;
  }
}

}  // namespace
}  // namespace lanrage::games
