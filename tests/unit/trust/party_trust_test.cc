// What a member does by what another one and the server tell it.
#include "unit/trust/party_trust_fixture.hpp"

namespace lanrage::trust {
namespace {

TEST_F(PartyTrustTest, MembersWhoAreAlikeSaySoAndAreSilent) {
  meet();
  EXPECT_TRUE(a_->trust.has_applied(b_->id(), history_.log.size()));
  EXPECT_TRUE(b_->trust.has_applied(a_->id(), history_.log.size()));
  EXPECT_TRUE(a_->findings.empty() && b_->findings.empty());
  EXPECT_LE(delivered_, 6u);
  const auto before = delivered_;
  run_for(60s);
  EXPECT_EQ(delivered_, before);
}

TEST_F(PartyTrustTest, AWithheldAdmissionComesFromAMember) {
  meet();
  const auto before = history_;
  event(*a_, history_.join(dan_));
  run_for(2s);
  EXPECT_NE(b_->trust.ledger().member(dan_.peer_id()), nullptr);
  EXPECT_NE(b_->access(dan_.peer_id()), nullptr);
  // What the server does, the player is told: once it was asked, and lacks it still.
  EXPECT_EQ(b_->snapshots_wanted, 0);
  run_for(5s);
  EXPECT_EQ(b_->snapshots_wanted, 1);
  EXPECT_FALSE(b_->raised(Topic::server_behind));
  snapshot(*b_, before);
  EXPECT_TRUE(b_->raised(Topic::server_behind));
  EXPECT_EQ(b_->findings.size(), 1u);
  run_for(60s);
  EXPECT_EQ(b_->findings.size(), 1u) << "once";
  EXPECT_TRUE(a_->findings.empty());
  snapshot(*b_, history_);
  EXPECT_TRUE(b_->healed(Topic::server_behind));
}

// As where it is polled, and the members are faster than the next poll.
TEST_F(PartyTrustTest, AServerThatHasItWhenAskedIsNotAccused) {
  meet();
  for (int i = 0; i < 5; ++i) {
    event(*a_, history_.state(cat_, "cat" + std::to_string(i)));
    run_for(6s);
    EXPECT_EQ(b_->snapshots_wanted, i + 1);
    snapshot(*b_, history_);
    run_for(10s);
  }
  EXPECT_TRUE(b_->findings.empty());
}

TEST_F(PartyTrustTest, AServerThatDoesNotAnswerIsAccusedAllTheSame) {
  meet();
  event(*a_, history_.join(dan_));
  run_for(9s);
  EXPECT_FALSE(b_->raised(Topic::server_behind));
  run_for(2s);
  EXPECT_TRUE(b_->raised(Topic::server_behind));
  EXPECT_EQ(b_->snapshots_wanted, 1);
}

// There is no doubt about that: it need not be asked, and may not answer it away.
TEST_F(PartyTrustTest, AServerThatForgetsWhatItShowedIsAccused) {
  const auto before = history_;
  history_.state(cat_, "cat");
  meet();
  snapshot(*b_, before);
  run_for(6s);
  EXPECT_TRUE(b_->raised(Topic::server_behind));
  EXPECT_EQ(b_->snapshots_wanted, 0);
  snapshot(*b_, history_);
  EXPECT_TRUE(b_->healed(Topic::server_behind));
}

TEST_F(PartyTrustTest, AnEventThatAMemberToldFirstAccusesNobody) {
  meet();
  const auto dan = history_.join(dan_);
  event(*a_, dan);
  run_for(2s);
  event(*b_, dan);
  event(*b_, history_.state(dan_, "dan"));
  run_for(20s);
  EXPECT_TRUE(b_->findings.empty());
  EXPECT_EQ(b_->snapshots_wanted, 0);
  EXPECT_EQ(b_->trust.log().length(), history_.log.size());
}

TEST_F(PartyTrustTest, WithoutALinkNobodyIsBehind) {
  meet();
  b_->trust.on_link_lost();
  event(*a_, history_.join(dan_));
  run_for(60s);
  EXPECT_TRUE(b_->findings.empty());
}

TEST_F(PartyTrustTest, AWithheldRotationIsHealedWithItsKey) {
  meet();
  const auto old = a_->access(b_->id())->preshared_key;
  event(*a_, history_.rotate(history_.made.root), history_.box_for(host_));
  EXPECT_TRUE(a_->access(b_->id())->preshared_key == old) << "the other doesn't have it yet";
  run_for(2s);
  EXPECT_TRUE(b_->trust.key_is_current());
  EXPECT_TRUE(b_->trust.keys().newest() == history_.key);
  EXPECT_TRUE(same_preshared_key());
  EXPECT_FALSE(a_->access(b_->id())->preshared_key == old);
}

TEST_F(PartyTrustTest, AWithheldBoxComesFromAMember) {
  meet();
  const auto roster = history_.rotate(history_.made.root);
  event(*b_, roster);
  EXPECT_EQ(b_->snapshots_wanted, 1) << "the box comes with it";
  snapshot(*b_, history_);
  EXPECT_FALSE(b_->trust.key_is_current());
  EXPECT_TRUE(b_->raised(Topic::key_missing));
  event(*a_, roster, history_.box_for(host_));
  run_for(6s);
  EXPECT_TRUE(b_->trust.key_is_current());
  EXPECT_TRUE(b_->healed(Topic::key_missing));
  EXPECT_TRUE(same_preshared_key());
}

TEST_F(PartyTrustTest, AKickIsHeardOfFromAMember) {
  meet();
  event(*a_, history_.kick(cat_), history_.box_for(host_));
  EXPECT_EQ(a_->access(cat_.peer_id()), nullptr) << "at once";
  run_for(2s);
  EXPECT_EQ(b_->access(cat_.peer_id()), nullptr);
  EXPECT_TRUE(a_->trust.has_applied(b_->id(), history_.log.size()));
}

TEST_F(PartyTrustTest, WhoComesBackWithAnotherKeyGetsAnotherPresharedKey) {
  meet();
  history_.leave(cat_);
  cat_.wireguard = crypto::ExchangeSecret::generate(random_);
  history_.join(cat_);
  snapshot(*a_, history_);
  EXPECT_TRUE(a_->access(cat_.peer_id())->preshared_key ==
              history_.key.preshared_key(history_.made.id, host_.wireguard.public_key(),
                                         cat_.wireguard.public_key()));
}

TEST_F(PartyTrustTest, LossOnlyDelays) {
  meet();
  SeededRandom loss(4);
  lose = [&](const Bytes&) { return loss.below(3) == 0; };
  for (int i = 0; i < 5; ++i)
    event(*a_, history_.rotate(history_.made.root), history_.box_for(host_));
  run_for(90s);
  EXPECT_TRUE(b_->trust.key_is_current());
  EXPECT_TRUE(same_preshared_key());
}

TEST_F(PartyTrustTest, NothingIsSaidOfWhatIsNotOnDisk) {
  meet();
  const auto old = a_->access(b_->id())->preshared_key;
  disk_time_ = 5s;
  const auto roster = history_.rotate(history_.made.root);
  event(*a_, roster, history_.box_for(host_));
  event(*b_, roster, history_.box_for(bob_));
  run_for(3s);
  EXPECT_TRUE(b_->trust.key_is_current());
  EXPECT_FALSE(a_->trust.has_applied(b_->id(), history_.log.size()));
  // It stops and has the old key only: so has the other, for it.
  b_ = &restart(*b_);
  EXPECT_TRUE(same_preshared_key());
  EXPECT_TRUE(a_->access(b_->id())->preshared_key == old);
  shake_hands(*a_, *b_);
  run_for(30s);
  EXPECT_TRUE(b_->trust.key_is_current());
  EXPECT_TRUE(a_->trust.has_applied(b_->id(), history_.log.size()));
  EXPECT_TRUE(same_preshared_key());
  EXPECT_FALSE(a_->access(b_->id())->preshared_key == old);
}

TEST_F(PartyTrustTest, AFetchThatFailedIsTriedAgain) {
  meet();
  lose = [](const Bytes& datagram) { return datagram[1] == 3; };  // parts
  event(*a_, history_.join(dan_));
  run_for(25s);
  lose = nullptr;
  run_for(40s);
  EXPECT_EQ(b_->trust.log().length(), history_.log.size());
}

TEST_F(PartyTrustTest, AForgedRecordOfAMemberIsRefusedAndReported) {
  meet();
  auto forged = history_.log;
  forged.push_back(history_.join(dan_)[0]);
  forged.back().back() ^= 1;
  const VerifiedLog liar(history_.ledger, forged);
  const auto tell = [&](const GossipMessage& message) {
    in_flight_.clear();
    take(*b_, b_->trust.on_datagram(now_, a_->id(), encode(message)));
  };
  const StateMessage state{b_->trust.keys().newest_id(),
                           b_->trust.log().head(),
                           b_->trust.keys().newest_id(),
                           {liar.head(), liar.head_at(liar.length() - 1)}};
  tell(state);
  const auto& record = forged.back();
  tell(PartMessage{forged.size() - 1, static_cast<std::uint32_t>(record.size()), 0, record});
  EXPECT_TRUE(b_->raised(Topic::member_record_refused, a_->id()));
  EXPECT_EQ(b_->trust.ledger().member(dan_.peer_id()), nullptr);
  tell(state);
  EXPECT_TRUE(in_flight_.empty()) << "not asked for again";
  // An honest state heals it.
  tell(StateMessage{b_->trust.keys().newest_id(),
                    b_->trust.log().head(),
                    b_->trust.keys().newest_id(),
                    {b_->trust.log().head()}});
  EXPECT_TRUE(b_->healed(Topic::member_record_refused, a_->id()));
  EXPECT_EQ(b_->count(Topic::member_record_refused), 2u);
}

TEST_F(PartyTrustTest, AMembersBoxThatDoesNotOpenIsNotKept) {
  meet();
  const auto roster = history_.kick(cat_);
  event(*b_, roster);
  const BoxMessage junk{key_id(history_.ledger.roster()), Bytes(party::kPartyBoxSize, 1)};
  take(*b_, b_->trust.on_datagram(now_, a_->id(), encode(junk)));
  snapshot(*b_, history_);
  EXPECT_TRUE(b_->raised(Topic::key_missing)) << "the server sent none";
  EXPECT_FALSE(b_->raised(Topic::key_refused));
}

TEST_F(PartyTrustTest, WhoeverIsRemovedIsTold) {
  meet();
  event(*b_, history_.kick(bob_));
  EXPECT_TRUE(b_->removed);
  run_for(10s);
  EXPECT_FALSE(b_->raised(Topic::key_missing)) << "no key is due to it any more";
}

}  // namespace
}  // namespace lanrage::trust
