// What a server says beside the records, held against them.
#include "agent/server_claims.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "party/membership.hpp"

namespace lanrage::agent {
namespace {

const UnixTime kNow{std::chrono::seconds(1'800'000'000)};

class ServerClaims : public ::testing::Test {
 protected:
  ServerClaims() {
    auto made =
        party::create_party(random_, {.name = "fun", .invite = {}}, device(), "ann", kNow).value();
    const std::vector<Bytes> log{made.charter, made.roster, made.statement};
    ledger_ = party::Ledger::replay(made.id, log).value();
    const auto bob = device();
    const auto admission =
        party::build_admission(*ledger_, party::invite_keys(made.invite, made.id), bob);
    EXPECT_TRUE(ledger_->append(admission));
    const auto vip = ledger_->suggest_vip(bob.peer_id()).value();
    EXPECT_TRUE(
        ledger_->append(party::build_statement(*ledger_, bob.identity, "bob", vip).value()));
    bob_ = bob.peer_id();

    shown_.id = made.id;
    shown_.name = "fun";
    shown_.prefix = ledger_->charter().prefix;
    shown_.host_id = ledger_->host_id();
    for (const auto& [id, member] : ledger_->members())
      shown_.peers.push_back({id,
                              member.identity,
                              member.nick,
                              member.vip,
                              member.wireguard,
                              member.box,
                              1,
                              true,
                              {},
                              {},
                              {}});
  }
  party::DeviceKeys device() {
    return {crypto::SigningKey::generate(random_), crypto::ExchangeSecret::generate(random_),
            crypto::ExchangeSecret::generate(random_)};
  }
  protocol::Peer& shown_bob() {
    return *std::ranges::find(shown_.peers, bob_, &protocol::Peer::peer_id);
  }
  FalseClaims claims() const { return false_claims(*ledger_, shown_); }

  SeededRandom random_{7};
  std::optional<party::Ledger> ledger_;
  PeerId bob_;
  protocol::Party shown_;
};

TEST_F(ServerClaims, TheTruthIsNoClaim) {
  shown_bob().online = false;
  shown_bob().nat_type = protocol::NatType::symmetric;
  EXPECT_FALSE(claims().peer);
  EXPECT_FALSE(claims().removal);
  EXPECT_FALSE(claims().charter);
}

TEST_F(ServerClaims, APeerWhomNobodyLetIn) {
  auto stranger = shown_bob();
  stranger.peer_id.bytes[0] ^= 1;
  stranger.nick = "\x1b[2Jann";
  shown_.peers.push_back(stranger);
  ASSERT_TRUE(claims().peer);
  EXPECT_NE(claims().peer->find(stranger.peer_id.to_string()), std::string::npos);
  EXPECT_EQ(claims().peer->find(stranger.nick), std::string::npos) << "the server's own text";
}

TEST_F(ServerClaims, AnythingSignedThatDiffers) {
  const auto differs = [&](auto change) {
    const auto before = shown_bob();
    change(shown_bob());
    const auto claim = claims().peer;
    shown_bob() = before;
    return claim && claim->find("\"bob\"") != std::string::npos;
  };
  EXPECT_TRUE(differs([](auto& peer) { peer.identity.bytes[0] ^= 1; }));
  EXPECT_TRUE(differs([](auto& peer) { peer.wireguard_key.bytes[0] ^= 1; }));
  EXPECT_TRUE(differs([](auto& peer) { peer.box_key.bytes[0] ^= 1; }));
  EXPECT_TRUE(differs([](auto& peer) { peer.vip = IpAddress::v4(0x08080808); }));
  EXPECT_TRUE(differs([](auto& peer) { peer.nick = "bop"; }));
  EXPECT_FALSE(claims().peer);
}

TEST_F(ServerClaims, AMemberWhoIsNotShown) {
  std::erase_if(shown_.peers, [&](const auto& peer) { return peer.peer_id == bob_; });
  ASSERT_TRUE(claims().removal);
  EXPECT_NE(claims().removal->find("\"bob\""), std::string::npos);
  EXPECT_FALSE(unsigned_removal(*ledger_, PeerId{})) << "who was never in can't be out";
}

TEST_F(ServerClaims, AnotherHostNameOrPrefix) {
  shown_.host_id = bob_;
  EXPECT_TRUE(claims().charter);
  shown_.host_id = ledger_->host_id();
  shown_.name = "work";
  EXPECT_TRUE(claims().charter);
  shown_.name = "fun";
  shown_.prefix = *Prefix::parse("8.8.8.0/24");
  EXPECT_TRUE(claims().charter);
}

}  // namespace
}  // namespace lanrage::agent
