// What exactly is signed: a tag of its own, and the server that it is meant for.
#include "party/proofs.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace lanrage::party {
namespace {

class ProofsTest : public testing::Test {
 protected:
  ProofsTest() {
    binding_.fill(1);
    request_.party.bytes.fill(3);
    request_.server_binding = binding_;
    request_.peer.bytes.fill(2);
    request_.nonce = nonce_;
  }

  SeededRandom random_{1};
  crypto::SigningKey key_ = crypto::SigningKey::generate(random_);
  crypto::Hash binding_{};
  Bytes nonce_ = Bytes(5, 9);
  OpenRequest request_;
  const std::string zero_ = std::string(1, '\0');
};

TEST_F(ProofsTest, AnIdentityIsProvenToOneServer) {
  const auto proof = prove_identity(key_, binding_, nonce_);
  const auto id = crypto::id_of<PeerId>(key_.public_key().bytes);
  const auto text = "lanrage/v1/register" + zero_ + std::string(32, 1) + std::string(5, 9) +
                    std::string(as_text(id.bytes));
  EXPECT_TRUE(key_.public_key().verify(as_bytes(text), proof));
  EXPECT_TRUE(identity_proven(key_.public_key(), binding_, nonce_, proof));
  auto other = binding_;
  other[0] ^= 1;
  EXPECT_FALSE(identity_proven(key_.public_key(), other, nonce_, proof));
  EXPECT_FALSE(identity_proven(key_.public_key(), binding_, Bytes(5, 8), proof));
}

TEST_F(ProofsTest, AnInviteIsProvenByOnePeerToOneServer) {
  const auto proof = prove_invite(key_, request_);
  const auto text = "lanrage/v1/open" + zero_ + std::string(16, 3) + std::string(32, 1) +
                    std::string(16, 2) + std::string(5, 9);
  EXPECT_TRUE(key_.public_key().verify(as_bytes(text), proof));
  EXPECT_TRUE(invite_proven(key_.public_key(), request_, proof));
  auto other = request_;
  other.peer.bytes[0] ^= 1;
  EXPECT_FALSE(invite_proven(key_.public_key(), other, proof));
  other = request_;
  other.party.bytes[0] ^= 1;
  EXPECT_FALSE(invite_proven(key_.public_key(), other, proof));
}

}  // namespace
}  // namespace lanrage::party
