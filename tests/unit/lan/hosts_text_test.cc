#include "lan/hosts_text.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace lanrage::lan {
namespace {

const NameTable kNames{{"anna.lan", IpAddress::v4(0x0a420001)},
                       {"ben.lan", IpAddress::v4(0x0a420002)}};
constexpr std::string_view kBlock =
    "# Your LAN party's members. lanrage changes these lines, and removes them when it ends. "
    "# lanrage k7\n"
    "10.66.0.1\tanna.lan\t# lanrage k7\n"
    "10.66.0.2\tben.lan\t# lanrage k7\n";

TEST(HostsBlock, StandsAtTheEndAndGoesWithoutATrace) {
  const std::string text = "127.0.0.1 localhost\n# mine\n";
  const auto with = with_hosts_block(text, "k7", kNames);
  EXPECT_EQ(with, text + std::string(kBlock));
  EXPECT_EQ(with_hosts_block(with, "k7", kNames), with);
  EXPECT_EQ(with_hosts_block(with, "k7", {}), text);
}

TEST(HostsBlock, OthersTextAroundAndInsideStays) {
  auto edited = "a\n" + std::string(kBlock) + "b";
  edited.insert(edited.find("10.66.0.2"), "192.168.1.5 nas\n");
  EXPECT_EQ(with_hosts_block(edited, "k7", {}), "a\n192.168.1.5 nas\nb");
  EXPECT_EQ(with_hosts_block(edited, "k7", {{"c.lan", IpAddress::v4(0x0a420003)}}),
            "a\n" + std::string(kBlock.substr(0, kBlock.find('\n') + 1)) +
                "10.66.0.3\tc.lan\t# lanrage k7\n192.168.1.5 nas\nb");
}

TEST(HostsBlock, AnotherAgentsBlockStays) {
  const auto theirs = with_hosts_block("a\n", "other", {{"x.lan", IpAddress::v4(0x0a430001)}});
  const auto both = with_hosts_block(theirs, "k7", kNames);
  EXPECT_EQ(both, theirs + std::string(kBlock));
  EXPECT_EQ(with_hosts_block(both, "k7", {}), theirs);
}

TEST(HostsBlock, ANameThatTheFileHasIsLeftToIt) {
  const std::string text = "192.168.1.9\tNAS Anna.LAN # here\n# ben.lan\n";
  EXPECT_EQ(with_hosts_block(text, "k7", kNames).find("10.66.0.1"), std::string::npos);
  EXPECT_NE(with_hosts_block(text, "k7", kNames).find("10.66.0.2\tben.lan"), std::string::npos);
}

TEST(HostsBlock, ALastLineWithoutNewlineIsAsItWasAfterwards) {
  for (const std::string text : {"", "\n", "a", "a\r\n", "a\r", "\n\na"}) {
    const auto with = with_hosts_block(text, "k7", kNames);
    EXPECT_TRUE(with.starts_with(text));
    EXPECT_TRUE(with.empty() || with.ends_with("\t# lanrage k7\n"));
    EXPECT_EQ(with_hosts_block(with, "k7", {}), text);
  }
  // Who wrote behind it keeps his line apart.
  EXPECT_EQ(with_hosts_block(with_hosts_block("a", "k7", kNames) + "b\n", "k7", {}), "a\nb\n");
}

TEST(HostsBlock, AnyTextIsTheSameAfterwards) {
  SeededRandom random(11);
  constexpr std::string_view kBytes = "a1 \t\n\r#.-\x80\xff";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto size = random.below(60); size > 0; --size)
      text += kBytes[random.below(kBytes.size())];
    auto with = with_hosts_block(text, "k7", kNames);
    ASSERT_EQ(with_hosts_block(with, "k7", {}), text);
    const NameTable fewer{*kNames.begin()};
    ASSERT_EQ(with_hosts_block(with, "k7", fewer), with_hosts_block(text, "k7", fewer));
  }
}

}  // namespace
}  // namespace lanrage::lan
