#include "games/clean_text.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace lanrage::games {
namespace {

constexpr std::string_view kNoText = "\xef\xbf\xbd";

TEST(CleanText, LeavesTextAsItIs) {
  EXPECT_EQ(clean_text("Saturday, 20:00 [no bots]"), "Saturday, 20:00 [no bots]");
  EXPECT_EQ(clean_text("Größe \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8e\xae"),
            "Größe \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8e\xae");
  EXPECT_EQ(clean_text(""), "");
}

TEST(CleanText, ControlCharactersBecomeSpaces) {
  EXPECT_EQ(clean_text("\x1b[31mred\x1b[0m\nline\ttwo\x7f"), "[31mred [0m line two");
  EXPECT_EQ(clean_text("a\xc2\x9b"
                       "31m"),
            "a 31m")
      << "C1's CSI";
  EXPECT_EQ(clean_text(std::string_view("\0a\0\0b\0", 6)), "a b");
  EXPECT_EQ(clean_text("   \n "), "");
}

TEST(CleanText, NothingTurnsOrHidesText) {
  for (const auto* point : {"\xe2\x80\xae", "\xe2\x80\x8b", "\xe2\x80\xa8", "\xe2\x81\xa6",
                            "\xef\xbb\xbf", "\xd8\x9c", "\xf3\xa0\x81\x81"})
    EXPECT_EQ(clean_text(std::string("a") + point + "b"), "a b");
}

TEST(CleanText, WhatIsNoUtf8IsReplacedByteByByte) {
  EXPECT_EQ(clean_text("a\xff"
                       "b"),
            "a" + std::string(kNoText) + "b");
  EXPECT_EQ(clean_text("caf\xe9"), "caf" + std::string(kNoText)) << "Latin-1";
  EXPECT_EQ(clean_text("\xe2\x82"), std::string(kNoText) + std::string(kNoText)) << "cut off";
  EXPECT_EQ(clean_text("\xc0\x80x"), std::string(kNoText) + std::string(kNoText) + "x")
      << "overlong";
  EXPECT_EQ(clean_text("\xe9t\xe9"), std::string(kNoText) + "t" + std::string(kNoText));
}

TEST(CleanText, IsNoLongerThanItsLimit) {
  EXPECT_EQ(clean_text(std::string(5000, 'x')), std::string(kLongestText, 'x'));
  EXPECT_EQ(clean_text(std::string(kLongestText - 1, 'x') + " yz"),
            std::string(kLongestText - 1, 'x'));
  std::string wide;
  for (int i = 0; i < 100; ++i)
    wide += "\xc3\xa9";
  EXPECT_EQ(clean_text(wide), wide.substr(0, 2 * kLongestText)) << "code points, not bytes";
}

TEST(CleanText, ColourCodesGo) {
  EXPECT_EQ(clean_text("^1Red^7 arena", "^"), "Red arena");
  EXPECT_EQ(clean_text("\xc2\xa7"
                       "aGreen \xc2\xa7lfat",
                       "\xc2\xa7"),
            "Green fat");
  EXPECT_EQ(clean_text("x^", "^"), "x");
  EXPECT_EQ(clean_text("^\xc3\xa9x", "^"), "x") << "a code of two bytes";
  EXPECT_EQ(clean_text("2^3"), "2^3");
}

}  // namespace
}  // namespace lanrage::games
