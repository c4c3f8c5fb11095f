// The root key on its way from one member's device to another's, with devices that stop and
// messages that get lost or are made up.
#include "trust/root_handover.hpp"

#include <gmock/gmock.h>

#include "unit/trust/machines.hpp"

namespace lanrage::trust {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint8_t kRoot = 5, kKept = 6;  // types of messages

class RootHandoverTest : public MachinesTest {
 protected:
  RootHandoverTest() {
    history_.join(bob_);
    history_.join(cat_);
    a_ = &add(host_, history_, history_.key, true, history_.made.root);
    b_ = &add(bob_, history_, history_.key);
    c_ = &add(cat_, history_, history_.key);
    meet();
  }

  void meet() {
    shake_hands(*a_, *b_);
    shake_hands(*a_, *c_);
    shake_hands(*b_, *c_);
    run_for(1s);
  }
  void offer(Machine& from, const Machine& to) { take(from, from.trust.offer_root(now_, to.id())); }
  // A charter that names `device` the host; whoever is given hears it from the server.
  void name(const party::DeviceKeys& device, const std::vector<Machine*>& hear) {
    const auto records = history_.host(device);
    for (auto* machine : hear)
      event(*machine, records);
  }
  std::vector<PeerId> holders() const {
    std::vector<PeerId> out;
    for (const auto& machine : machines_)
      if (machine->trust.root().held() != nullptr) out.push_back(machine->id());
    return out;
  }
  bool on_some_disk() const {
    return std::ranges::any_of(machines_,
                               [](const auto& machine) { return machine->disk.root.has_value(); });
  }
  void deliver(Machine& to, const Machine& from, const GossipMessage& message) {
    take(to, to.trust.on_datagram(now_, from.id(), encode(message)));
  }
  RootMessage sealed(const crypto::SigningKey& key, const Machine& from, const Machine& to) {
    const party::RootRoute route{history_.made.id, from.id(), to.id(),
                                 history_.ledger.charter_hash()};
    return {party::seal_root_key(random_, key, route, to.keys.box.public_key()).value()};
  }
  void lose_type(std::uint8_t type) {
    lose = [type](const Bytes& datagram) { return datagram[1] == type; };
  }

  party::DeviceKeys host_ = make_device(random_);
  party::DeviceKeys bob_ = make_device(random_);
  party::DeviceKeys cat_ = make_device(random_);
  History history_{random_, host_};
  Machine *a_, *b_, *c_;
};

TEST_F(RootHandoverTest, ItGoesToTheNextHostAndTheFormerOneForgetsIt) {
  offer(*a_, *b_);
  run_for(100ms);
  EXPECT_TRUE(a_->trust.root().taken());
  ASSERT_NE(b_->trust.root().held(), nullptr);
  EXPECT_TRUE(b_->trust.root().held()->seed() == history_.made.root.seed());
  EXPECT_EQ(b_->trust.root().root(), nullptr) << "no host yet";
  EXPECT_NE(a_->trust.root().root(), nullptr) << "still the host";

  name(bob_, {a_, b_, c_});
  EXPECT_NE(b_->trust.root().root(), nullptr);
  EXPECT_EQ(a_->trust.root().root(), nullptr);
  run_for(100ms);
  EXPECT_THAT(holders(), ElementsAre(b_->id()));
  EXPECT_FALSE(a_->disk.root);
  EXPECT_TRUE(b_->disk.root);
  const auto before = delivered_;
  run_for(60s);
  EXPECT_EQ(delivered_, before) << "all is said";
}

TEST_F(RootHandoverTest, ItComesBack) {
  offer(*a_, *b_);
  run_for(100ms);
  name(bob_, {a_, b_, c_});
  run_for(1s);
  offer(*b_, *a_);
  run_for(100ms);
  ASSERT_TRUE(b_->trust.root().taken());
  name(host_, {a_, b_, c_});
  run_for(1s);
  EXPECT_THAT(holders(), ElementsAre(a_->id()));
}

TEST_F(RootHandoverTest, NobodyConfirmsWhatIsNotOnItsDisk) {
  disk_time_ = 5s;
  offer(*a_, *b_);
  run_for(4s);
  EXPECT_NE(b_->trust.root().held(), nullptr);
  EXPECT_FALSE(a_->trust.root().taken());
  b_ = &restart(*b_);
  EXPECT_THAT(holders(), ElementsAre(a_->id()));
  shake_hands(*a_, *b_);
  run_for(20s);
  EXPECT_TRUE(a_->trust.root().taken()) << "it is offered still";
  EXPECT_TRUE(b_->disk.root);
}

TEST_F(RootHandoverTest, TheFormerHostKeepsItUntilTheNewOneGoesByTheCharter) {
  offer(*a_, *b_);
  run_for(100ms);
  lose = [](const Bytes&) { return true; };
  name(bob_, {a_});
  run_for(10s);
  EXPECT_NE(a_->trust.root().held(), nullptr);
  lose = nullptr;
  run_for(40s);
  EXPECT_THAT(holders(), ElementsAre(b_->id()));
}

TEST_F(RootHandoverTest, LostMessagesAreRepeated) {
  for (const auto type : {kRoot, kKept}) {
    lose_type(type);
    offer(*a_, *b_);
    run_for(3s);
    EXPECT_FALSE(a_->trust.root().taken());
    lose = nullptr;
    run_for(10s);
    EXPECT_TRUE(a_->trust.root().taken());
  }
}

TEST_F(RootHandoverTest, WhoeverIsNeverNamedGivesItBack) {
  offer(*a_, *b_);
  run_for(100ms);
  take(*a_, (a_->trust.withdraw_root(), a_->trust.on_timeout(now_)));
  run_for(RootHandover::kPatience - 5s);
  EXPECT_NE(b_->trust.root().held(), nullptr) << "the charter may be on its way";
  // Only to whoever has it for certain.
  lose = [](const Bytes&) { return true; };
  run_for(60s);
  EXPECT_NE(b_->trust.root().held(), nullptr);
  lose = nullptr;
  run_for(20s);
  EXPECT_THAT(holders(), ElementsAre(a_->id()));
  EXPECT_FALSE(b_->disk.root);
}

TEST_F(RootHandoverTest, ACharterForSomebodyElseSendsItThere) {
  offer(*a_, *b_);
  run_for(100ms);
  offer(*a_, *c_);
  run_for(100ms);
  ASSERT_TRUE(a_->trust.root().taken());
  name(cat_, {a_, b_, c_});
  run_for(5s);
  EXPECT_THAT(holders(), ElementsAre(c_->id()));
}

// Stopped at each moment, the one or the other, with a disk that takes its time.
TEST_F(RootHandoverTest, WhoeverStopsWheneverSomebodyHasIt) {
  disk_time_ = 40ms;
  const auto before = history_;
  std::set<PeerId> hosts;
  for (int step = 0; step < 50; ++step)
    for (const bool host_stops : {true, false}) {
      SCOPED_TRACE(std::to_string(step) + (host_stops ? ", the host" : ", the other"));
      history_ = before;
      machines_.clear();
      in_flight_.clear();
      a_ = &add(host_, history_, history_.key, true, history_.made.root);
      b_ = &add(bob_, history_, history_.key);
      c_ = &add(cat_, history_, history_.key);
      meet();
      offer(*a_, *b_);
      bool named = false;
      const auto watch = [&](Duration time) {
        for (const auto end = now_ + time; now_ < end;) {
          run_for(10ms);
          ASSERT_TRUE(on_some_disk());
        }
      };
      for (int turn = 0; turn < step; ++turn) {
        watch(10ms);
        if (!named && a_->trust.root().taken()) {
          name(bob_, {});
          named = true;
          event(*a_, history_.since(before.log.size()));
        }
        if (named && turn % 4 == 0 && !b_->trust.log().has(a_->trust.log().head()))
          event(*b_, history_.since(before.log.size()));
      }
      auto& stopped = host_stops ? a_ : b_;
      stopped = &restart(*stopped);
      watch(1s);
      for (auto* machine : {a_, b_, c_})
        snapshot(*machine, history_);
      meet();
      watch(3 * RootHandover::kPatience);
      const auto host = history_.ledger.host_id();
      hosts.insert(host);
      EXPECT_THAT(holders(), ElementsAre(host));
    }
  EXPECT_EQ(hosts.size(), 2u) << "some stopped before the charter, some after it";
}

// The server shows the next host an older charter of the host's that it had kept back: each goes on
// with its own, and the key isn't lost.
TEST_F(RootHandoverTest, AServerThatShowsAnotherCharterTakesItFromNobody) {
  auto other = history_;
  const auto kept_back = other.deputies({cat_.peer_id()});
  offer(*a_, *b_);
  run_for(100ms);
  ASSERT_TRUE(a_->trust.root().taken());
  event(*b_, kept_back);
  name(bob_, {a_});
  run_for(3 * RootHandover::kPatience);
  EXPECT_TRUE(on_some_disk());
  EXPECT_NE(a_->trust.root().held(), nullptr);
}

// ---- what others make up

TEST_F(RootHandoverTest, OnlyTheHostHandsItOut) {
  deliver(*b_, *c_, sealed(history_.made.root, *c_, *b_));
  EXPECT_EQ(b_->trust.root().held(), nullptr);
}

TEST_F(RootHandoverTest, AnotherKeyIsRefused) {
  deliver(*b_, *a_, sealed(crypto::SigningKey::generate(random_), *a_, *b_));
  EXPECT_EQ(b_->trust.root().held(), nullptr);
  deliver(*b_, *a_, sealed(history_.made.root, *a_, *b_));
  EXPECT_NE(b_->trust.root().held(), nullptr) << "as it would be right";
}

TEST_F(RootHandoverTest, ABoxForSomebodyElseIsRefused) {
  deliver(*b_, *a_, sealed(history_.made.root, *a_, *c_));
  deliver(*b_, *a_, sealed(history_.made.root, *c_, *b_));
  EXPECT_EQ(b_->trust.root().held(), nullptr);
}

TEST_F(RootHandoverTest, ABoxOfAnotherPartyIsRefused) {
  History other(random_, host_);
  other.join(bob_);
  const party::RootRoute route{other.made.id, a_->id(), b_->id(), history_.ledger.charter_hash()};
  deliver(*b_, *a_,
          RootMessage{
              party::seal_root_key(random_, history_.made.root, route, b_->keys.box.public_key())
                  .value()});
  EXPECT_EQ(b_->trust.root().held(), nullptr);
}

TEST_F(RootHandoverTest, AnOldBoxIsRefused) {
  const auto old = sealed(history_.made.root, *a_, *b_);
  const auto charter = history_.deputies({cat_.peer_id()});
  event(*a_, charter);
  event(*b_, charter);
  deliver(*b_, *a_, old);
  EXPECT_EQ(b_->trust.root().held(), nullptr);
}

TEST_F(RootHandoverTest, NobodyTalksTheHostOutOfIt) {
  const RootKeptMessage kept{history_.ledger.charter_hash()};
  deliver(*a_, *b_, kept);
  offer(*a_, *c_);
  lose = [](const Bytes&) { return true; };
  deliver(*a_, *b_, kept);
  EXPECT_FALSE(a_->trust.root().taken()) << "it wasn't offered to bob";
  EXPECT_NE(a_->trust.root().root(), nullptr);
}

TEST_F(RootHandoverTest, OnlyTheHostsWordLetsItBeForgotten) {
  offer(*a_, *b_);
  run_for(100ms);
  lose = [](const Bytes&) { return true; };
  const auto before = history_.ledger.charter_hash();
  name(bob_, {a_, b_});
  deliver(*a_, *c_, RootKeptMessage{history_.ledger.charter_hash()});
  deliver(*a_, *b_, RootKeptMessage{before});
  EXPECT_NE(a_->trust.root().held(), nullptr);
  deliver(*a_, *b_, RootKeptMessage{history_.ledger.charter_hash()});
  EXPECT_THAT(holders(), ElementsAre(b_->id()));
}

}  // namespace
}  // namespace lanrage::trust
