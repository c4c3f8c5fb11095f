#include "party/party_key.hpp"

#include "fixture.hpp"
#include "party/proofs.hpp"

namespace lanrage::party {
namespace {

struct PartyKeyTest : testing::Test {
  SeededRandom random{5};
  PartyKey key = PartyKey::generate(random, 1);
  PartyId party{random.array<16>()};
  crypto::ExchangeSecret recipient = crypto::ExchangeSecret::generate(random);
  crypto::VerifyKey root = crypto::SigningKey::generate(random).public_key();
  crypto::Hash roster_hash = random.array<32>();
};

TEST_F(PartyKeyTest, BothEndsOfAPairDeriveTheSameKeyAndNoOtherPairDoes) {
  const auto a = crypto::ExchangeSecret::generate(random).public_key();
  const auto b = crypto::ExchangeSecret::generate(random).public_key();
  const auto c = crypto::ExchangeSecret::generate(random).public_key();
  const auto ab = key.preshared_key(party, a, b);
  EXPECT_TRUE(ab == key.preshared_key(party, b, a));
  EXPECT_FALSE(ab == key.preshared_key(party, a, c));
  EXPECT_FALSE(ab == PartyKey(key.key(), 2).preshared_key(party, a, b));
  EXPECT_FALSE(ab == key.preshared_key(PartyId{}, a, b));
}

TEST_F(PartyKeyTest, TheCommitmentBindsKeyEpochAndParty) {
  const auto commitment = key.commitment(party);
  EXPECT_NE(commitment, PartyKey(key.key(), 2).commitment(party));
  EXPECT_NE(commitment, key.commitment(PartyId{}));
  EXPECT_NE(commitment, PartyKey::generate(random, 1).commitment(party));
}

TEST_F(PartyKeyTest, ABoxOpensForItsRecipientAndRosterOnly) {
  const auto box = seal_party_key(random, {key, root, roster_hash}, recipient.public_key()).value();
  EXPECT_EQ(box.box.size(), kPartyBoxSize);
  const auto opened = open_party_key(recipient, roster_hash, box.box).value();
  EXPECT_TRUE(opened.key == key);
  EXPECT_EQ(opened.root_key, root);
  EXPECT_EQ(opened.roster_hash, roster_hash);

  EXPECT_EQ(code_of(open_party_key(recipient, crypto::Hash{}, box.box)), "box_unreadable");
  const auto other = crypto::ExchangeSecret::generate(random);
  EXPECT_EQ(code_of(open_party_key(other, roster_hash, box.box)), "box_unreadable");
  for (std::size_t i = 0; i < box.box.size(); ++i) {
    auto changed = box.box;
    changed[i] ^= 1;
    ASSERT_EQ(code_of(open_party_key(recipient, roster_hash, changed)), "box_unreadable") << i;
    changed = box.box;
    changed.resize(i);
    ASSERT_EQ(code_of(open_party_key(recipient, roster_hash, changed)), "box_unreadable") << i;
  }
}

TEST_F(PartyKeyTest, NothingIsSealedToAWeakKey) {
  EXPECT_EQ(code_of(seal_party_key(random, {key, root, roster_hash}, {})), "weak_key");
}

TEST_F(PartyKeyTest, InviteKeysFollowFromSecretAndParty) {
  const InviteSecret secret(random.array<16>());
  const auto keys = invite_keys(secret, party);
  const auto same = invite_keys(secret, party);
  EXPECT_EQ(keys.id(), same.id());
  EXPECT_EQ(keys.box.public_key(), same.box.public_key());
  EXPECT_NE(keys.id(), invite_keys(secret, PartyId{}).id());
  EXPECT_NE(keys.id(), invite_keys(InviteSecret(random.array<16>()), party).id());
}

TEST_F(PartyKeyTest, ProofsAreForOneServerNonceAndPeer) {
  const auto identity = crypto::SigningKey::generate(random);
  const auto server = random.array<32>();
  const auto nonce = random.array<24>();
  const auto proof = prove_identity(identity, server, nonce);
  EXPECT_TRUE(identity_proven(identity.public_key(), server, nonce, proof));
  EXPECT_FALSE(identity_proven(identity.public_key(), crypto::Hash{}, nonce, proof));
  EXPECT_FALSE(identity_proven(identity.public_key(), server, random.array<24>(), proof));
  EXPECT_FALSE(identity_proven(root, server, nonce, proof));

  const OpenRequest request{party, server, PeerId{random.array<16>()}, Bytes(16, 1)};
  const auto invite = prove_invite(identity, request);
  EXPECT_TRUE(invite_proven(identity.public_key(), request, invite));
  auto other = request;
  other.peer = {};
  EXPECT_FALSE(invite_proven(identity.public_key(), other, invite));
  other = request;
  other.party = {};
  EXPECT_FALSE(invite_proven(identity.public_key(), other, invite));
  other = request;
  other.server_binding = {};
  EXPECT_FALSE(invite_proven(identity.public_key(), other, invite));
  other = request;
  other.nonce.push_back(0);
  EXPECT_FALSE(invite_proven(identity.public_key(), other, invite));
}

}  // namespace
}  // namespace lanrage::party
