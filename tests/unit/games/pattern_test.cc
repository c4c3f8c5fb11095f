// What games say: captured from Debian's servers (tests/data/games), or written after their
// documentation where they aren't in Debian.
#include "games/pattern.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <sstream>

#include "some_games.hpp"

namespace lanrage::games {
namespace {

using namespace test;
using namespace std::string_literals;

std::string from_hex_text(std::string_view hex) {
  const auto bytes = from_hex(hex).value();
  return {bytes.begin(), bytes.end()};
}

std::optional<Told> heard(std::uint16_t from, std::uint16_t to, std::string_view payload) {
  return recognise(built_in(),
                   {{address("10.66.0.2"), from}, {address("10.66.0.1"), to}, as_bytes(payload)});
}

// "game;title;players/max;port".
std::string shown(const std::optional<Told>& told) {
  if (!told) return "nothing";
  const auto count = [](const auto& number) { return number ? std::to_string(*number) : "?"; };
  return told->game + ';' + told->title + ';' + count(told->players) + '/' +
         count(told->max_players) + ';' + std::to_string(told->port);
}

// ---- captured: a line "FROM_PORT TO_PORT HEX" each, after a comment that says of what

std::vector<std::string> captured(const std::string& game) {
  std::ifstream file(std::string(LANRAGE_TEST_DATA) + "/games/" + game + ".txt");
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::uint16_t from = 0, to = 0;
    std::string hex;
    words >> from >> to >> hex;
    out.push_back(shown(heard(from, to, from_hex_text(hex))));
  }
  return out;
}

using testing::ElementsAre;

TEST(Captured, ChocolateDoom) {
  EXPECT_THAT(captured("chocolate_doom"), ElementsAre("Chocolate Doom;Knee-deep;0/8;2342"));
}
TEST(Captured, OpenTtd) {
  EXPECT_THAT(captured("openttd"), ElementsAre("OpenTTD;;?/?;3979"));
}
TEST(Captured, Teeworlds) {
  EXPECT_THAT(captured("teeworlds"), ElementsAre("Teeworlds 0.7;Saturday;0/8;8303"));
}
TEST(Captured, BzFlag) {
  EXPECT_THAT(captured("bzflag"), ElementsAre("BZFlag;;0/20;5154"));
}
TEST(Captured, Freeciv) {
  EXPECT_THAT(captured("freeciv"), ElementsAre("Freeciv;;0/?;5556"));
}
TEST(Captured, OpenArena) {
  EXPECT_THAT(captured("openarena"), ElementsAre("OpenArena;Saturday arena;0/8;27960"));
}

// ---- documented

TEST(Documented, MinecraftJava) {
  EXPECT_EQ(shown(heard(50000, 4445, minecraft("ben - New World"))),
            "Minecraft (Java);ben - New World;?/?;25565");
  EXPECT_EQ(shown(heard(50000, 4445,
                        minecraft("\xc2\xa7"
                                  "6Gold \xc2\xa7lworld"))),
            "Minecraft (Java);Gold world;?/?;25565");
  EXPECT_EQ(shown(heard(50000, 4445, minecraft("x", "0"))), "nothing");
  EXPECT_EQ(shown(heard(50000, 4445, minecraft("x", "65536"))), "nothing");
  EXPECT_EQ(shown(heard(50000, 4445, minecraft("x", "25565x"))), "nothing");
  EXPECT_EQ(shown(heard(50000, 4445, minecraft("x", ""))), "nothing");
  EXPECT_EQ(shown(heard(50000, 4446, minecraft("x"))), "nothing") << "to another port";
}

// https://wiki.vg/Raknet_Protocol: unconnected pong.
TEST(Documented, MinecraftBedrock) {
  const std::string motd =
      "MCPE;Cave;594;1.20.0;3;10;13253860892328930865;Level;Survival;1;19132;19133;";
  const auto pong = from_hex_text(
                        "1c"
                        "0000000000000001"
                        "0000000000000002"
                        "00ffff00fefefefefdfdfdfd12345678"
                        "004c") +
                    motd;
  EXPECT_EQ(shown(heard(19132, 40000, pong)), "Minecraft (Bedrock);Cave;3/10;19132");
}

// https://developer.valvesoftware.com/wiki/Server_queries, its example of Counter-Strike: Source.
TEST(Documented, Source) {
  const auto answer = from_hex_text(
                          "ffffffff49"
                          "11") +
                      "The Server\0de_dust\0cstrike\0Counter-Strike: Source\0"s +
                      from_hex_text(
                          "f000"
                          "05"
                          "10"
                          "04"
                          "64"
                          "6c"
                          "00"
                          "00");
  EXPECT_EQ(shown(heard(27015, 40000, answer)), "Counter-Strike: Source;The Server;5/16;27015");
  const auto again =
      answer_to_challenge(game("Source and GoldSrc games"), from_hex("ffffffff4101020304").value());
  ASSERT_TRUE(again);
  EXPECT_EQ(to_hex(*again).substr(50 - 2),
            "00"
            "01020304");
}

TEST(Documented, QuakeAndItsSequels) {
  const auto quake = from_hex_text(
                         "80000032"
                         "83") +
                     "10.66.0.2:26000\0dm\0e1m1\0"s + from_hex_text("020803");
  EXPECT_EQ(shown(heard(26000, 40000, quake)), "Quake;dm;2/8;26000");
  EXPECT_EQ(
      shown(heard(27500, 40000, "\xff\xff\xff\xffn\\maxclients\\16\\hostname\\qw\n0 0 5 \"x\"\n")),
      "QuakeWorld;qw;?/16;27500");
  EXPECT_EQ(shown(heard(27910, 40000,
                        "\xff\xff\xff\xffprint\n\\hostname\\q2dm1\\maxclients\\8\n0 5 \"x\"\n")),
            "Quake II;q2dm1;?/8;27910");
  EXPECT_EQ(shown(heard(26000, 40000,
                        "\xff\xff\xff\xffinfoResponse\n\\gamename\\Xonotic\\modname\\data\\clients"
                        "\\3\\sv_maxclients\\16\\hostname\\^1dm^7")),
            "Xonotic;dm;3/16;26000");
}

TEST(Documented, Teeworlds06) {
  const auto answer = std::string(10, '\xff') + "inf3" +
                      "0\0"
                      "0.6.5\0ctf night\0ctf2\0CTF\0"
                      "0\0"
                      "2\0"
                      "16\0"
                      "3\0"
                      "16\0"s;
  EXPECT_EQ(shown(heard(8303, 40000, answer)), "Teeworlds 0.6, DDNet;ctf night;3/16;8303");
}

TEST(Documented, SuperTuxKart) {
  EXPECT_EQ(shown(heard(2757, 40000,
                        from_hex_text("00000006"
                                      "05") +
                            "karts" +
                            from_hex_text("0802"
                                          "0ac7"
                                          "0100"))),
            "SuperTuxKart;karts;2/8;2759");
}

// https://bnetdocs.org: W3GS_REFRESHGAME.
TEST(Documented, WarcraftIII) {
  EXPECT_EQ(shown(heard(6112, 6112,
                        from_hex_text("f7321000"
                                      "03000000"
                                      "02000000"
                                      "04000000"))),
            "Warcraft III;;2/4;6112");
}

// ---- bad data

TEST(Pattern, WhatIsCutOffMatchesNothing) {
  const auto answer = from_hex_text(
                          "ffffffff49"
                          "11") +
                      "S\0m\0f\0G\0"s + from_hex_text("f0000510");
  ASSERT_NE(shown(heard(27015, 1, answer)), "nothing");
  for (std::size_t size = 0; size < answer.size(); ++size)
    EXPECT_EQ(shown(heard(27015, 1, answer.substr(0, size))), "nothing") << size;
}

TEST(Pattern, NonsenseCountsAreUnknown) {
  const auto info = [](const std::string& players) {
    return "\xff\xff\xff\xffinfoResponse\n\\clients\\" + players + "\\sv_maxclients\\8";
  };
  EXPECT_EQ(shown(heard(27960, 1, info("3"))), "Quake III and its kin;;3/8;27960");
  for (const auto* players : {"", "-1", "x", "3x", "65536", "99999999999"})
    EXPECT_EQ(shown(heard(27960, 1, info(players))), "Quake III and its kin;;?/8;27960") << players;
}

TEST(Pattern, PairsMayEndAnywhere) {
  for (const auto* pairs : {"\\", "\\\\", "\\hostname", "\\hostname\\", "\\x\\y\\hostname"})
    EXPECT_EQ(shown(heard(27960, 1, "\xff\xff\xff\xffinfoResponse\n" + std::string(pairs))),
              "Quake III and its kin;;?/?;27960")
        << pairs;
  EXPECT_EQ(shown(heard(27960, 1, "\xff\xff\xff\xffinfoResponse\nhostname\\x")), "nothing");
  EXPECT_EQ(shown(heard(27960, 1, "\xff\xff\xff\xffinfoResponse\n")), "nothing");
}

TEST(Pattern, NumbersHaveTheirForms) {
  Game any;
  any.name = "X";
  const auto number = [&](NumberForm form, std::string_view hex) {
    const auto told = read(any, {Number{Field::players, form}}, from_hex(hex).value());
    return told ? told->players ? std::to_string(*told->players) : "unknown" : "nothing";
  };
  EXPECT_EQ(number(NumberForm::u8, "07"), "7");
  EXPECT_EQ(number(NumberForm::u16, "0102"), "258");
  EXPECT_EQ(number(NumberForm::u16le, "0201"), "258");
  EXPECT_EQ(number(NumberForm::u32, "00000102"), "258");
  EXPECT_EQ(number(NumberForm::u32le, "02010000"), "258");
  EXPECT_EQ(number(NumberForm::u32le, "0000"), "nothing");
  EXPECT_EQ(number(NumberForm::varint, "3f"), "63");
  EXPECT_EQ(number(NumberForm::varint, "8001"), "64");
  EXPECT_EQ(number(NumberForm::varint, "bf7f"), "8191");
  EXPECT_EQ(number(NumberForm::varint, "41"), "unknown") << "negative";
  EXPECT_EQ(number(NumberForm::varint,
                   "80808080"
                   "0f"),
            "unknown")
      << "too many";
  EXPECT_EQ(number(NumberForm::varint, "80"), "nothing") << "cut off";
  EXPECT_EQ(number(NumberForm::varint, "808080808000"), "nothing") << "too long";
}

TEST(Pattern, CountsOfTeamsAddUp) {
  Game any;
  const Number players{Field::players, NumberForm::u8};
  EXPECT_EQ(read(any, {players, Skip{1}, players}, from_hex("02ff03").value())->players, 5u);
}

TEST(Pattern, NoneMatchesNothing) {
  EXPECT_FALSE(read(Game{}, {}, as_bytes("x")));
  EXPECT_FALSE(answer_to_challenge(game("OpenTTD"), as_bytes("x")));
}

TEST(Pattern, TextIsClean) {
  EXPECT_EQ(shown(heard(50000, 4445, minecraft("\x1b]0;owned\x07\x1b[2J"))),
            "Minecraft (Java);]0;owned [2J;?/?;25565");
  EXPECT_EQ(
      shown(heard(27960, 1, "\xff\xff\xff\xffinfoResponse\n\\gamename\\\x1b[31mX\\hostname\\y")),
      "[31mX;y;?/?;27960");
}

}  // namespace
}  // namespace lanrage::games
