#include "base/ids.hpp"

#include <gtest/gtest.h>
#include <type_traits>

namespace lanrage {
namespace {

TEST(Id, TextRoundTripsInEitherCase) {
  PeerId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i)
    id.bytes[i] = static_cast<std::uint8_t>(i * 17);
  const auto text = id.to_string();
  EXPECT_EQ(text.size(), 26u);
  EXPECT_EQ(PeerId::parse(text), id);
  auto upper = text;
  for (char& c : upper)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  EXPECT_EQ(PeerId::parse(upper), id);
}

TEST(Id, OnlySixteenWholeBytes) {
  const std::string zero(26, 'a');
  EXPECT_EQ(PeerId::parse(zero), PeerId{});
  EXPECT_EQ(PeerId::parse(""), std::nullopt);
  EXPECT_EQ(PeerId::parse(zero.substr(1)), std::nullopt);
  EXPECT_EQ(PeerId::parse(zero + "aa"), std::nullopt);
  EXPECT_EQ(PeerId::parse(zero.substr(1) + "b"), std::nullopt) << "fill bits aren't zero";
  EXPECT_EQ(PeerId::parse(zero.substr(1) + "1"), std::nullopt);
}

TEST(Id, KindsDoNotMix) {
  static_assert(!std::is_convertible_v<PeerId, PartyId>);
  static_assert(!std::is_constructible_v<InviteId, PartyId>);
}

TEST(Id, Hashes) {
  PeerId a, b;
  b.bytes[0] = 1;
  EXPECT_NE(std::hash<PeerId>{}(a), std::hash<PeerId>{}(b));
}

}  // namespace
}  // namespace lanrage
