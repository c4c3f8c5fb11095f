// Two members wired together, and a server that tells them different things.
#include "unit/trust/machines.hpp"

namespace lanrage::trust {
namespace {

using namespace std::chrono_literals;

class PartyTrustTest : public MachinesTest {
 protected:
  PartyTrustTest() {
    history_.join(bob_);
    history_.join(cat_);
  }
  // The host and bob, alike and in touch.
  void meet() {
    a_ = &add(host_, history_, history_.key);
    b_ = &add(bob_, history_, history_.key);
    shake_hands(*a_, *b_);
    run_for(2s);
  }
  bool same_preshared_key() {
    return a_->access(b_->id())->preshared_key == b_->access(a_->id())->preshared_key;
  }

  party::DeviceKeys host_ = make_device(random_);
  party::DeviceKeys bob_ = make_device(random_);
  party::DeviceKeys cat_ = make_device(random_);
  party::DeviceKeys dan_ = make_device(random_);
  History history_{random_, host_};
  Machine* a_ = nullptr;
  Machine* b_ = nullptr;
};

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

// ---- histories

class SplitTest : public PartyTrustTest {
 protected:
  SplitTest() : mine_(history_), theirs_(history_) {}
  // Each was shown one of them; then they meet.
  void meet_split(Duration time = 9s) {
    a_ = &add(host_, mine_, mine_.key);
    b_ = &add(bob_, theirs_, theirs_.key);
    shake_hands(*a_, *b_);
    run_for(time);
  }
  History mine_, theirs_;
};

TEST_F(SplitTest, AnUndecidedOneIsReportedByBothAndEachGoesOn) {
  mine_.join(dan_);
  theirs_.state(cat_, "cat");
  meet_split();
  EXPECT_TRUE(a_->raised(Topic::member_split, b_->id()));
  EXPECT_TRUE(b_->raised(Topic::member_split, a_->id()));
  run_for(60s);
  EXPECT_EQ(a_->findings.size(), 1u);
  EXPECT_EQ(b_->findings.size(), 1u);
  EXPECT_EQ(a_->trust.log().records(), mine_.log);
  EXPECT_EQ(b_->trust.log().records(), theirs_.log);
  EXPECT_TRUE(same_preshared_key()) << "of the key before";
  // The host decides: a roster on its history.
  event(*a_, mine_.rotate(mine_.made.root), mine_.box_for(host_));
  run_for(9s);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
  EXPECT_TRUE(b_->trust.key_is_current());
  EXPECT_TRUE(b_->healed(Topic::member_split, a_->id()));
  EXPECT_TRUE(a_->healed(Topic::member_split, b_->id()));
  EXPECT_TRUE(same_preshared_key());
}

TEST_F(SplitTest, ADecidedOneIsReportedByBothThoughItHealsAtOnce) {
  mine_.kick(cat_);
  theirs_.join(dan_);
  // Both still have the key of before: their tunnel lives.
  a_ = &add(host_, history_, history_.key);
  b_ = &add(bob_, theirs_, theirs_.key);
  shake_hands(*a_, *b_);
  event(*a_, mine_.since(history_.log.size()), mine_.box_for(host_));
  run_for(9s);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
  EXPECT_EQ(b_->trust.ledger().member(dan_.peer_id()), nullptr);
  for (const auto& [one, other] : {std::pair{a_, b_}, std::pair{b_, a_}}) {
    EXPECT_EQ(one->count(Topic::member_split), 2u);
    EXPECT_TRUE(one->healed(Topic::member_split, other->id()));
  }
}

TEST_F(SplitTest, OneWhoseEndLiesFarBackIsReportedByBoth) {
  for (int i = 0; i < 40; ++i)
    mine_.state(cat_, "cat" + std::to_string(i));
  mine_.kick(cat_);
  theirs_.join(dan_);
  a_ = &add(host_, mine_, history_.key);
  b_ = &add(bob_, theirs_, theirs_.key);
  shake_hands(*a_, *b_);
  run_for(9s);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
  EXPECT_GT(a_->count(Topic::member_split), 0u);
  EXPECT_GT(b_->count(Topic::member_split), 0u);
}

// A member can say that it has anything.
TEST_F(SplitTest, APointThatNobodySignedIsNoHistory) {
  meet();
  crypto::Hash made_up{};
  made_up.fill(1);
  const auto common = b_->trust.log().head_at(1);
  const StateMessage state{
      b_->trust.keys().newest_id(), {}, {}, {{history_.log.size(), made_up}, common}};
  in_flight_.clear();
  take(*b_, b_->trust.on_datagram(now_, a_->id(), encode(state)));
  EXPECT_FALSE(in_flight_.empty()) << "is asked for it";
  in_flight_.clear();
  EXPECT_TRUE(b_->findings.empty());
}

// Where neither what it says that it has nor what has come shows that it is another by now.
TEST_F(SplitTest, WhoeverChangesHistoryIsHeardAtOnce) {
  for (int i = 0; i < 40; ++i)
    theirs_.state(cat_, "cat" + std::to_string(i));
  mine_.rotate(mine_.made.root);
  for (int i = 0; i < 42; ++i)
    mine_.state(cat_, "tom" + std::to_string(i));
  a_ = &add(host_, theirs_, theirs_.key);
  b_ = &add(bob_, history_, history_.key);
  int parts = 0;
  lose = [&](const Bytes& datagram) { return datagram[1] == 3 && ++parts > 10; };
  shake_hands(*a_, *b_);
  run_for(100ms);
  snapshot(*a_, mine_, mine_.box_for(host_));
  ASSERT_EQ(a_->trust.log().records(), mine_.log);
  lose = nullptr;
  run_for(2s);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
}

// The server's event of a branch is judged like its snapshot.
TEST_F(SplitTest, TheServersOtherHistoryIsReported) {
  meet();
  mine_.join(dan_);
  theirs_.state(cat_, "cat");
  snapshot(*a_, mine_);
  snapshot(*a_, theirs_);
  EXPECT_TRUE(a_->raised(Topic::server_split));
  EXPECT_EQ(a_->trust.log().records(), mine_.log);
  event(*a_, theirs_.state(cat_, "again"));
  EXPECT_EQ(a_->trust.log().records(), mine_.log);
  EXPECT_EQ(a_->snapshots_wanted, 1);
  snapshot(*a_, mine_);
  EXPECT_TRUE(a_->healed(Topic::server_split));
}

TEST_F(SplitTest, AMembersHistoryThatReplacesOursLeavesTheServerBehind) {
  meet();
  event(*b_, theirs_.join(dan_));
  in_flight_.clear();
  event(*a_, mine_.kick(cat_), mine_.box_for(host_));
  run_for(5s);
  ASSERT_EQ(b_->trust.log().records(), mine_.log);
  event(*b_, theirs_.state(dan_, "dan"));
  EXPECT_FALSE(b_->raised(Topic::server_record_refused)) << "its record was right where it stands";
  EXPECT_EQ(b_->snapshots_wanted, 1);
  EXPECT_EQ(b_->trust.log().records(), mine_.log);
}

// A server restored from a backup forgot Bob's kick, and Cat, a deputy as well, made a roster that
// keeps all: on it somebody joins.
TEST_F(SplitTest, WhileTwoDeputiesDisagreeNewcomersGetNoTunnel) {
  history_.deputies({bob_.peer_id(), cat_.peer_id()});
  const auto eve = make_device(random_);
  history_.join(eve);
  auto bobs = history_, cats = history_;
  bobs.rotate(bob_.identity, {eve.peer_id()});
  cats.rotate(cat_.identity);
  cats.rotate(cat_.identity);  // so this one is followed
  cats.join(dan_);
  a_ = &add(host_, cats, cats.key);
  b_ = &add(bob_, bobs, bobs.key);
  EXPECT_NE(a_->access(dan_.peer_id()), nullptr);
  shake_hands(*a_, *b_);
  run_for(5s);
  for (auto* machine : {a_, b_}) {
    ASSERT_EQ(machine->trust.ledger().head(), cats.ledger.head());
    EXPECT_EQ(machine->access(eve.peer_id()), nullptr) << "kicked by one of them";
    EXPECT_EQ(machine->access(dan_.peer_id()), nullptr) << "let in by the other alone";
    EXPECT_NE(machine->access(cat_.peer_id()), nullptr);
  }
  // The host's next roster names Dan and leaves out Eve.
  const auto decided = cats.kick(eve);
  event(*a_, decided);
  run_for(2s);
  for (auto* machine : {a_, b_}) {
    EXPECT_NE(machine->access(dan_.peer_id()), nullptr);
    EXPECT_EQ(machine->access(eve.peer_id()), nullptr);
  }
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

// ---- whoever comes back

// Its disk is older than what it had told: the other still takes it for up to date.
TEST_F(PartyTrustTest, WhoeverComesBackWithLessIsToldTheRest) {
  const auto before = history_;
  history_.state(cat_, "cat");
  meet();
  machines_.pop_back();
  b_ = &add(bob_, before, before.key, false);
  shake_hands(*a_, *b_);
  run_for(5s);
  EXPECT_EQ(b_->trust.log().length(), history_.log.size());
}

TEST_F(PartyTrustTest, WhoeverComesBackWaitsForAWordOfTheServer) {
  auto& back = add(bob_, history_, history_.key, false);
  EXPECT_FALSE(back.trust.confirmed());
  EXPECT_FALSE(back.access(host_.peer_id())->may_talk);
  snapshot(back, history_);
  EXPECT_TRUE(back.access(host_.peer_id())->may_talk);
}

TEST_F(PartyTrustTest, AServerThatGetsItsRecordsBackIsWordEnough) {
  const auto old = history_;
  const auto records = history_.join(dan_);
  auto& a = add(host_, history_, history_.key, false);
  take(a, a.trust.on_snapshot(now_, old.log, 3, "restored", std::nullopt));
  EXPECT_FALSE(a.trust.confirmed());
  event(a, records);
  EXPECT_TRUE(a.trust.confirmed());
}

TEST_F(PartyTrustTest, WhoeverComesBackWaitsForAWordOfAMember) {
  const auto before = history_;
  history_.kick(cat_);
  a_ = &add(host_, history_, before.key);  // in an old session with bob
  b_ = &add(bob_, before, before.key, false);
  EXPECT_NE(b_->access(cat_.peer_id()), nullptr);
  shake_hands(*a_, *b_);
  EXPECT_FALSE(b_->trust.confirmed());
  run_for(5s);
  EXPECT_TRUE(b_->trust.confirmed());
  EXPECT_EQ(b_->access(cat_.peer_id()), nullptr) << "before anybody talks";
}

TEST_F(PartyTrustTest, NobodyVouchesForItself) {
  const auto before = history_;
  history_.kick(cat_);
  b_ = &add(bob_, before, before.key, false);  // has heard nothing of it
  auto& cat = add(cat_, before, before.key);
  shake_hands(*b_, cat);
  run_for(5s);
  EXPECT_TRUE(b_->trust.confirmed());
  EXPECT_FALSE(b_->access(cat_.peer_id())->may_talk);
  EXPECT_TRUE(b_->access(host_.peer_id())->may_talk) << "as far as cat can tell";
  // The host knows whom it removed.
  auto& host = add(host_, before, before.key, false);
  shake_hands(host, cat);
  run_for(5s);
  EXPECT_TRUE(host.access(cat_.peer_id())->may_talk);
}

TEST_F(PartyTrustTest, WhoIsBehindVouchesForNothing) {
  const auto before = history_;
  history_.state(cat_, "cat");
  b_ = &add(bob_, history_, history_.key, false);
  a_ = &add(host_, before, before.key);
  const StateMessage state{b_->trust.keys().newest_id(), {}, {}, {a_->trust.log().head()}};
  take(*b_, b_->trust.on_datagram(now_, a_->id(), encode(state)));
  EXPECT_FALSE(b_->trust.confirmed());
  snapshot(*b_, before);
  EXPECT_FALSE(b_->trust.confirmed()) << "a server that has forgotten";
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

TEST_F(PartyTrustTest, AnotherHistoryOfTheServerConfirmsNothing) {
  auto mine = history_;
  mine.join(dan_);
  auto& back = add(bob_, mine, mine.key, false);
  history_.state(cat_, "cat");
  snapshot(back, history_);
  EXPECT_TRUE(back.raised(Topic::server_split));
  take(back, back.trust.on_caught_up(now_, back.trust.log().seq()));
  EXPECT_FALSE(back.trust.confirmed());
}

TEST_F(PartyTrustTest, WhoeverIsRemovedIsTold) {
  meet();
  event(*b_, history_.kick(bob_));
  EXPECT_TRUE(b_->removed);
  run_for(10s);
  EXPECT_FALSE(b_->raised(Topic::key_missing)) << "no key is due to it any more";
}

TEST_F(PartyTrustTest, AMemberAwayForFourRotationsIsFound) {
  const auto before = history_;
  std::vector<party::PartyKey> older{history_.key};
  for (int i = 0; i < 4; ++i) {
    history_.rotate(history_.made.root);
    if (i < 3) older.push_back(history_.key);
  }
  PartyTrust here(now_, {host_.peer_id(), host_.box, host_.wireguard.public_key()}, history_.ledger,
                  history_.log, KeyRing(history_.made.id, history_.key, older), true, random_);
  b_ = &add(bob_, before, before.key, false);
  const auto theirs = b_->access(host_.peer_id())->preshared_key;
  bool met = false;
  for (int turns = 0; turns < 200 && !met; ++turns, now_ += PairKey::kTurn) {
    here.on_timeout(now_);
    for (const auto& row : here.access())
      met |= row.peer == b_->id() && row.preshared_key == theirs;
  }
  EXPECT_TRUE(met);
}

}  // namespace
}  // namespace lanrage::trust
