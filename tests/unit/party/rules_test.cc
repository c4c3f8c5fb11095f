#include "party/rules.hpp"

#include "base/encoding.hpp"
#include "fixture.hpp"

namespace lanrage::party {
namespace {

TEST(Rules, NicksHaveOneToThirtyTwoCharacters) {
  EXPECT_EQ(code_of(check_nick("x")), "ok");
  EXPECT_EQ(code_of(check_nick(std::string(32, 'x'))), "ok");
  std::string umlauts;
  for (int i = 0; i < 32; ++i)
    umlauts += "ü";
  EXPECT_EQ(code_of(check_nick(umlauts)), "ok");
  EXPECT_EQ(code_of(check_nick(umlauts + "x")), "invalid_nick");
  EXPECT_EQ(code_of(check_nick(std::string(33, 'x'))), "invalid_nick");
  EXPECT_EQ(code_of(check_nick("")), "invalid_nick");
}

TEST(Rules, TextsArePrintableWithoutTricks) {
  EXPECT_EQ(code_of(check_name("Friday night \U0001F3AE")), "ok");
  for (const char* text : {"a\nb", "a\x1b[31m", "\xff", "\xc0\x80", " a", "a ", "a\u202Eb",
                           "a\u200Bb", "\uFEFFa", "a\u2066b", "a\U000E0041"})
    EXPECT_EQ(code_of(check_name(text)), "invalid_name") << text;
  EXPECT_EQ(code_of(check_name(std::string(64, 'x'))), "ok");
  EXPECT_EQ(code_of(check_name(std::string(65, 'x'))), "invalid_name");
}

TEST(Rules, PrefixesArePrivateAndOfUsefulSize) {
  for (const char* text : {"10.0.0.0/8", "10.66.0.0/16", "172.16.0.0/12", "172.31.255.0/24",
                           "192.168.0.0/16", "192.168.1.8/29", "100.64.0.0/10", "100.127.0.0/16"})
    EXPECT_EQ(code_of(check_prefix(*Prefix::parse(text))), "ok") << text;
  for (const char* text :
       {"8.0.0.0/7", "10.0.0.0/30", "172.0.0.0/8", "172.32.0.0/12", "192.168.0.0/15", "100.0.0.0/8",
        "100.128.0.0/10", "203.0.113.0/24", "0.0.0.0/0", "127.0.0.0/8", "169.254.0.0/16"}) {
    const auto prefix = Prefix::parse(text);
    if (prefix) EXPECT_EQ(code_of(check_prefix(*prefix)), "invalid_prefix") << text;
  }
  EXPECT_EQ(code_of(check_prefix({*IpAddress::parse("10.66.0.1"), 16})), "invalid_prefix");
  EXPECT_EQ(code_of(check_prefix({*IpAddress::parse("10.66.0.0"), 200})), "invalid_prefix");
}

ExchangeKey exchange_key(std::string_view hex) {
  ExchangeKey key;
  std::ranges::copy(*from_hex(hex), key.bytes.begin());
  return key;
}

TEST(Rules, WeakExchangeKeysAreRefused) {
  SeededRandom random(3);
  const auto good = crypto::ExchangeSecret::generate(random).public_key();
  EXPECT_EQ(code_of(check_exchange_key(good, "box")), "ok");
  // Order 1, 2, 4 and 8, the points that share no secret with anybody.
  for (const char* hex : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000000",
                          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    const auto key = exchange_key(hex);
    Secret<32> shared;
    EXPECT_FALSE(crypto::ExchangeSecret::generate(random).agree(key, shared)) << hex;
    EXPECT_EQ(code_of(check_exchange_key(key, "box")), "weak_key") << hex;
  }
}

TEST(Rules, AKeysSecondSpellingIsRefused) {
  SeededRandom random(3);
  auto spelled_otherwise = crypto::ExchangeSecret::generate(random).public_key();
  spelled_otherwise.bytes[31] |= 0x80;
  EXPECT_EQ(code_of(check_exchange_key(spelled_otherwise, "box")), "weak_key");
  // p + 9 means 9, X25519's base point.
  EXPECT_EQ(
      code_of(check_exchange_key(
          exchange_key("f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), "box")),
      "weak_key");
  EXPECT_EQ(
      code_of(check_exchange_key(
          exchange_key("0900000000000000000000000000000000000000000000000000000000000000"), "box")),
      "ok");
}

TEST(Rules, CandidatesCanBeReached) {
  for (const char* text : {"203.0.113.9:1", "192.168.1.2:51820", "[2001:db8::1]:65535"})
    EXPECT_EQ(code_of(check_candidate(*Endpoint::parse(text))), "ok") << text;
  for (const char* text :
       {"127.0.0.1:1", "0.0.0.0:1", "224.0.0.1:1", "203.0.113.9:0", "[::1]:5", "[ff02::1]:5"})
    EXPECT_EQ(code_of(check_candidate(*Endpoint::parse(text))), "invalid_candidate") << text;
}

TEST(Rules, InviteTermsAddUp) {
  SeededRandom random(3);
  InviteTerms terms{{}, crypto::ExchangeSecret::generate(random).public_key(), 2, 2, kStart};
  EXPECT_EQ(code_of(check_invite_terms(terms)), "ok");
  terms.used = 3;
  EXPECT_EQ(code_of(check_invite_terms(terms)), "invalid_invite");
  terms.uses = terms.used = 0;
  EXPECT_EQ(code_of(check_invite_terms(terms)), "invalid_invite");
}

}  // namespace
}  // namespace lanrage::party
