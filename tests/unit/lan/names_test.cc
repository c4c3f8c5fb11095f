#include "lan/names.hpp"

#include <gmock/gmock.h>

#include "base/random.hpp"

namespace lanrage::lan {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(LabelOf, KeepsLettersAndDigitsInLowerCase) {
  EXPECT_EQ(label_of("anna"), "anna");
  EXPECT_EQ(label_of("Ben 42"), "ben-42");
  EXPECT_EQ(label_of("  O'Neil_the  2nd! "), "o-neil-the-2nd");
  EXPECT_EQ(label_of("Jörg Müßig"), "jorg-mussig");
  EXPECT_EQ(label_of("Łukasz Żółć"), "lukasz-zolc");
  EXPECT_EQ(label_of("Æsir Øl Þór"), "aesir-ol-thor");
  EXPECT_EQ(label_of("Rene\u0301"), "rene");  // an accent of its own
  EXPECT_EQ(label_of("xn--anna"), "xn-anna");
}

TEST(LabelOf, FindsAnotherNameWhereThereIsNoneOrADangerousOne) {
  for (const auto* text : {"", "-", "♥♥♥", "Аня", "你好", "\xff\xfe"})
    EXPECT_EQ(label_of(text), "player") << text;
  EXPECT_EQ(label_of("1337"), "player-1337");
  EXPECT_EQ(label_of("127.0.0.1"), "127-0-0-1");  // no address, as it isn't one number
  for (const auto* text : {"localhost", "WPAD", "isatap", "Router", "gateway", "www", "lan"})
    EXPECT_TRUE(label_of(text).starts_with("player-")) << text;
  EXPECT_EQ(label_of("wpad", "party"), "party-wpad");
  EXPECT_EQ(label_of("NAS", "player"), "player-nas") << "a member in its place would get passwords";
}

TEST(LabelOf, IsAlwaysALabel) {
  SeededRandom random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto size = random.below(80); size > 0; --size)
      text += static_cast<char>(random.below(4) == 0 ? random.below(256) : ' ' + random.below(95));
    const auto label = label_of(text);
    ASSERT_FALSE(label.empty());
    ASSERT_LE(label.size(), 63u);
    ASSERT_EQ(label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), label.npos)
        << label;
    ASSERT_NE(label.find_first_not_of("0123456789"), label.npos) << label;
    ASSERT_FALSE(label.front() == '-' || label.back() == '-') << label;
    ASSERT_EQ(label.find("--"), label.npos) << label;
    ASSERT_EQ(label_of(label), label);
  }
  EXPECT_EQ(label_of(std::string(200, 'W')), std::string(50, 'w'));
}

NamedParty party(std::string name, std::vector<NamedMember> members) {
  return {std::move(name), std::move(members)};
}
const auto kA = IpAddress::v4(0x0a420001);
const auto kB = IpAddress::v4(0x0a420002);
const auto kC = IpAddress::v4(0x0a420003);
const auto kD = IpAddress::v4(0x0a430001);

TEST(NamesOf, EachMemberHasAPlainNameAndOneInItsParty) {
  const std::vector parties{party("LAN night", {{"Anna", kA}, {"ben", kB}})};
  EXPECT_THAT(names_of(parties),
              ElementsAre(ElementsAre(Pair("anna.lan", kA), Pair("anna.lan-night.lan", kA),
                                      Pair("ben.lan", kB), Pair("ben.lan-night.lan", kB))));
}

TEST(NamesOf, OfTwoWithOneLabelTheLaterGetsANumber) {
  const std::vector parties{party("x", {{"anna", kA}, {"Anna!", kB}, {"anna-2", kC}})};
  EXPECT_THAT(names_of(parties)[0], testing::IsSupersetOf({Pair(std::string("anna.lan"), kA),
                                                           Pair(std::string("anna-2.lan"), kB),
                                                           Pair(std::string("anna-2-2.lan"), kC)}));
}

TEST(NamesOf, TheFirstPartyKeepsThePlainName) {
  std::vector parties{party("one", {{"anna", kA}}), party("one", {{"anna", kD}, {"ben", kB}})};
  EXPECT_THAT(names_of(parties),
              ElementsAre(ElementsAre(Pair("anna.lan", kA), Pair("anna.one.lan", kA)),
                          ElementsAre(Pair("anna.one-2.lan", kD), Pair("ben.lan", kB),
                                      Pair("ben.one-2.lan", kB))));
  parties.erase(parties.begin());
  EXPECT_EQ(names_of(parties)[0].at("anna.lan"), kD);
}

TEST(DomainsOf, HoldPlainNamesAndThePartysDomain) {
  const std::vector parties{party("one", {{"anna", kA}, {"ben", kB}})};
  EXPECT_THAT(domains_of(names_of(parties)[0]), ElementsAre("anna.lan", "ben.lan", "one.lan"));
}

}  // namespace
}  // namespace lanrage::lan
