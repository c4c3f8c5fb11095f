#include "party/root_box.hpp"

#include "fixture.hpp"

namespace lanrage::party {
namespace {

struct RootBoxTest : testing::Test {
  SeededRandom random{6};
  crypto::SigningKey root = crypto::SigningKey::generate(random);
  crypto::ExchangeSecret recipient = crypto::ExchangeSecret::generate(random);
  RootRoute route{PartyId{random.array<16>()}, PeerId{random.array<16>()},
                  PeerId{random.array<16>()}, random.array<32>()};
  Bytes box = seal_root_key(random, root, route, recipient.public_key()).value();

  std::string opened(const RootRoute& other) const {
    return code_of(open_root_key(recipient, other, root.public_key(), box));
  }
};

TEST_F(RootBoxTest, ItOpensForItsRecipientAndRouteOnly) {
  EXPECT_EQ(box.size(), kRootBoxSize);
  const auto key = open_root_key(recipient, route, root.public_key(), box);
  ASSERT_EQ(code_of(key), "ok");
  EXPECT_TRUE(key->seed() == root.seed());

  EXPECT_EQ(code_of(open_root_key(crypto::ExchangeSecret::generate(random), route,
                                  root.public_key(), box)),
            "box_unreadable");
  EXPECT_EQ(opened({{}, route.from, route.to, route.charter}), "box_unreadable");
  EXPECT_EQ(opened({route.party, {}, route.to, route.charter}), "box_unreadable");
  EXPECT_EQ(opened({route.party, route.from, {}, route.charter}), "box_unreadable");
  EXPECT_EQ(opened({route.party, route.to, route.from, route.charter}), "box_unreadable");
  EXPECT_EQ(opened({route.party, route.from, route.to, {}}), "box_unreadable");
}

TEST_F(RootBoxTest, AnotherKeyThanTheRootIsRefused) {
  const auto other = crypto::SigningKey::generate(random);
  const auto forged = seal_root_key(random, other, route, recipient.public_key()).value();
  EXPECT_EQ(code_of(open_root_key(recipient, route, root.public_key(), forged)), "wrong_party");
}

TEST_F(RootBoxTest, EveryChangedByteAndEveryOtherLengthIsRefused) {
  const auto refused = [&](const Bytes& changed) {
    return code_of(open_root_key(recipient, route, root.public_key(), changed)) == "box_unreadable";
  };
  for (std::size_t i = 0; i < box.size(); ++i) {
    auto changed = box;
    changed[i] ^= 1;
    ASSERT_TRUE(refused(changed)) << i;
    changed = box;
    changed.resize(i);
    ASSERT_TRUE(refused(changed)) << i;
  }
  auto longer = box;
  longer.push_back(0);
  EXPECT_TRUE(refused(longer));
}

TEST_F(RootBoxTest, NothingIsSealedToAWeakKey) {
  EXPECT_EQ(code_of(seal_root_key(random, root, route, {})), "weak_key");
}

}  // namespace
}  // namespace lanrage::party
