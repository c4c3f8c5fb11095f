#include "base/encoding.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace lanrage {
namespace {

struct Vector {
  std::string_view plain, base64, base32, hex;
};
// RFC 4648 section 10; our base32 is lower-case and unpadded.
constexpr Vector kVectors[] = {
    {"", "", "", ""},
    {"f", "Zg==", "my", "66"},
    {"fo", "Zm8=", "mzxq", "666f"},
    {"foo", "Zm9v", "mzxw6", "666f6f"},
    {"foob", "Zm9vYg==", "mzxw6yq", "666f6f62"},
    {"fooba", "Zm9vYmE=", "mzxw6ytb", "666f6f6261"},
    {"foobar", "Zm9vYmFy", "mzxw6ytboi", "666f6f626172"},
};

TEST(Encoding, Rfc4648Vectors) {
  for (const auto& vector : kVectors) {
    const Bytes plain(vector.plain.begin(), vector.plain.end());
    EXPECT_EQ(to_base64(plain), vector.base64);
    EXPECT_EQ(to_base32(plain), vector.base32);
    EXPECT_EQ(to_hex(plain), vector.hex);
    EXPECT_EQ(from_base64(vector.base64), plain);
    EXPECT_EQ(from_base32(vector.base32), plain);
    EXPECT_EQ(from_hex(vector.hex), plain);
  }
}

TEST(Encoding, EveryLengthRoundTrips) {
  SeededRandom random(1);
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes(size);
    random.fill(bytes);
    EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
    EXPECT_EQ(from_base32(to_base32(bytes)), bytes);
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
}

TEST(Encoding, CaseIsFoldedWhereItMeansNothing) {
  EXPECT_EQ(from_hex("AbCd"), (Bytes{0xab, 0xcd}));
  EXPECT_EQ(from_base32("MzXw6"), (Bytes{'f', 'o', 'o'}));
  EXPECT_NE(from_base64("ZM9V"), from_base64("Zm9v"));
}

TEST(Encoding, Base64IsStrict) {
  for (std::string_view bad : {"Zg", "Zg=", "Zg===", "=", "==", "====", "Zh==", "Zm9=", "Zm 9v",
                               "Zm9v\n", "Z=g=", "Zg==Zg==", "Zm9-", "Zm9_", "Zm9\x80"})
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
}

TEST(Encoding, Base32IsStrict) {
  // 1, 3 and 6 digits over carry no whole byte; "mz" has fill bits that aren't zero.
  for (std::string_view bad : {"m", "mzx", "mzxw6y", "mz", "m0", "m1", "m8", "my======", "m y"})
    EXPECT_EQ(from_base32(bad), std::nullopt) << bad;
}

TEST(Encoding, HexIsStrict) {
  for (std::string_view bad : {"a", "abc", "0x", "g0", " 0", "0 "})
    EXPECT_EQ(from_hex(bad), std::nullopt) << bad;
}

TEST(Encoding, NulIsNoDigit) {
  const std::string_view nul("\0\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(from_hex(nul), std::nullopt);
  EXPECT_EQ(from_base32(nul), std::nullopt);
  EXPECT_EQ(from_base64(nul), std::nullopt);
}

TEST(Utf8, WellFormedTextIsPrintable) {
  for (std::string_view good : {
           "", "plain ~ text",
           "\xc2\xa0",           // U+00A0, the first after the C1 controls
           "\xc3\xa9t\xc3\xa9",  // two bytes
           "\xdf\xbf",           // U+07FF, the last of two
           "\xe0\xa0\x80",       // U+0800, the first of three
           "\xed\x9f\xbf",       // U+D7FF, before the surrogates
           "\xee\x80\x80",       // U+E000, after them
           "\xef\xbf\xbd",       // U+FFFD
           "\xf0\x90\x80\x80",   // U+10000, the first of four
           "\xf0\x9f\x8e\xae",   // a game pad
           "\xf4\x8f\xbf\xbf",   // U+10FFFF, the last of all
       })
    EXPECT_TRUE(is_printable_utf8(good)) << good;
}

TEST(Utf8, MalformedTextAndControlsAreRefused) {
  for (std::string_view bad : {
           "\x1b[31m",  // would colour somebody's terminal
           "tab\t",
           "line\n",
           "\x7f",
           "\xc2\x85",  // U+0085, a C1 control
           "\xc2\x80",
           "\xc2\x9f",
           "\x80",
           "\xbf",  // continuation without a start
           "\xc0\x80",
           "\xc0\xaf",
           "\xc1\xbf",  // overlong, two bytes
           "\xe0\x80\x80",
           "\xe0\x9f\xbf",  // overlong, three
           "\xf0\x80\x80\x80",
           "\xf0\x8f\xbf\xbf",
           "\xed\xa0\x80",
           "\xed\xbf\xbf",  // surrogates
           "\xf4\x90\x80\x80",
           "\xf5\x80\x80\x80",
           "\xff",
           "\xfe",
           "\xc3",
           "\xe2\x82",
           "\xf0\x9f\x8e",  // cut short
           "\xc3(",
           "\xe2(\xa1",
           "\xe2\x82(",
           "\xf0(\x8c\xbc",
           "\xf0\x90(\xbc",
           "\xf0\x90\x8c(",
       })
    EXPECT_FALSE(is_printable_utf8(bad)) << to_hex(as_bytes(bad));
  EXPECT_FALSE(is_printable_utf8(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace lanrage
