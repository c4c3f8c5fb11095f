// Commands whose signatures are checked elsewhere: their order, what is spared the trip, and what
// happens when it takes too long. And the thread that checks them.
#include <deque>
#include <mutex>
#include <semaphore>

#include "server/party_registry.hpp"
#include "server/prover_thread.hpp"
#include "support/memory_store.hpp"
#include "unit/party/fixture.hpp"
#include "unit/server/manual_clock.hpp"

namespace lanrage::server::test {

namespace {

using party::DeviceKeys;

// Proves when it is told to.
class SlowProver final : public SignatureProver {
 public:
  bool prove(const PartyId& id, const party::Action& action, Done done) override {
    if (waiting.size() >= room) return false;
    waiting.push_back(
        [id, action, done = std::move(done)]() mutable { done(party::prove(id, action)); });
    return true;
  }
  void prove_next() {
    ASSERT_FALSE(waiting.empty());
    auto next = std::move(waiting.front());
    waiting.pop_front();
    next();
  }
  std::size_t room = 100;
  std::deque<std::move_only_function<void()>> waiting;
};

class Proving : public ::testing::Test {
 protected:
  // A party that both the world (which signs) and the registry know.
  void found(party::World& in) {
    const auto command = in.command(in.host, in.create());
    ask(in, command);
    if (!prover.waiting.empty()) prover.prove_next();
    run();
    ASSERT_EQ(answers.back(), "ok");
    answers.pop_back();
  }
  void ask(const party::World& in, party::Command command, const std::string& name = "") {
    registry.execute(in.made.id, std::move(command), [this, name](const auto& outcome) {
      answers.push_back(name + party::code_of(outcome));
    });
  }
  // The same at the world, so that it can sign what comes next.
  void ask_and_follow(party::World& in, const party::Command& command,
                      const std::string& name = "") {
    ASSERT_EQ(party::code_of(in.run(command)), "ok");
    ask(in, command, name);
  }
  party::Command update(party::World& in, std::uint16_t port) {
    return in.command(in.host, party::Update{{}, {{}, Endpoint{IpAddress::v4(0x08080808u), port}}});
  }
  void run() {
    while (!tasks.empty()) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }

  ManualClock clock;
  SeededRandom random{1};
  Metrics metrics{"test"};
  Limits limits;
  SlowProver prover;
  std::deque<std::move_only_function<void()>> tasks;
  std::shared_ptr<store::MemoryStorage> storage = std::make_shared<store::MemoryStorage>();
  store::MemoryStore store{
      storage, [this](std::move_only_function<void()> task) { tasks.push_back(std::move(task)); }};
  PartyRegistry registry{{store, clock, random, metrics, &prover}, limits};
  std::vector<std::string> answers;
  party::World world{1};
  DeviceKeys guest = party::make_device(world.random);
};

TEST_F(Proving, ACommandWaitsForItsProofAndLaterOnesOfItsPartyForIt) {
  found(world);
  const auto join = world.command(guest, world.join_action(guest, world.invite()));
  ask_and_follow(world, join, "join ");
  ask(world, update(world, 1000), "update ");
  run();
  EXPECT_TRUE(answers.empty()) << "the update mustn't overtake the join";
  prover.prove_next();
  run();
  EXPECT_EQ(answers, (std::vector<std::string>{"join ok", "update ok"}));
  EXPECT_EQ(registry.find(world.made.id)->seq, 3u);
}

TEST_F(Proving, AnotherPartyDoesNotWait) {
  party::World other(2);
  found(world);
  found(other);
  ask(world, world.command(guest, world.join_action(guest, world.invite())), "join ");
  ask(other, update(other, 1000), "update ");
  run();
  EXPECT_EQ(answers, (std::vector<std::string>{"update ok"}));
}

TEST_F(Proving, ProofsOfWaitingCommandsAreMadeWhileOthersAreWritten) {
  found(world);
  const auto join = world.command(guest, world.join_action(guest, world.invite()));
  ask_and_follow(world, join, "join ");
  ask_and_follow(world,
                 world.command(guest, party::Depart{build_leave(world.ledger(), guest.identity)}),
                 "leave ");
  // Who isn't a member yet has its leave checked when it is judged.
  EXPECT_EQ(prover.waiting.size(), 1u);
  const auto second = party::make_device(world.random);
  ask_and_follow(world, world.command(second, world.join_action(second, world.invite())), "again ");
  EXPECT_EQ(prover.waiting.size(), 2u);
  prover.prove_next();
  prover.prove_next();
  run();
  EXPECT_EQ(answers, (std::vector<std::string>{"join ok", "leave ok", "again ok"}));
}

TEST_F(Proving, WithoutRoomSignaturesAreCheckedAtOnce) {
  prover.room = 0;
  found(world);
  ask(world, world.command(guest, world.join_action(guest, world.invite())), "join ");
  run();
  const auto second = party::make_device(world.random);
  auto bad = world.join_action(second, world.invite());
  bad.statement.back() ^= 1;
  ask(world, world.command(second, bad), "bad ");
  EXPECT_EQ(answers, (std::vector<std::string>{"join ok", "bad bad_signature"}));
  EXPECT_EQ(metrics.prover_overflows.value(), 3u) << "the creation, too";
  EXPECT_NE(metrics.text().find("lanrage_prover_overflows_total 3\n"), std::string::npos);
}

TEST_F(Proving, ABadSignatureIsRefusedAndLeavesNothing) {
  auto bad = world.create();
  bad.charter.back() ^= 1;
  ask(world, world.command(world.host, bad));
  prover.prove_next();
  EXPECT_EQ(answers, (std::vector<std::string>{"bad_signature"}));
  EXPECT_EQ(registry.size(), 0u);
}

TEST_F(Proving, WhatIsRefusedOrAnsweredWithoutSignaturesDoesNotReachTheProver) {
  ask(world, world.command(guest, world.join_action(guest, world.invite())), "nowhere ");
  found(world);
  const auto join = world.command(guest, world.join_action(guest, world.invite()));
  ask(world, join, "join ");
  prover.prove_next();
  run();
  ask(world, join, "again ");
  const auto stranger = party::make_device(world.random);
  ask(world, world.command(stranger, party::Depart{build_leave(world.ledger(), guest.identity)}),
      "stranger ");
  ask(world, update(world, 1000), "hints ");
  run();
  EXPECT_EQ(answers, (std::vector<std::string>{"nowhere unknown_party", "join ok", "again ok",
                                               "stranger not_member", "hints ok"}));
  ask(world, {{}, {}, party::Bar{guest.peer_id()}}, "bar ");
  run();
  ask(world, world.command(guest, world.join_action(guest, world.invite())), "barred ");
  EXPECT_EQ(answers.back(), "barred barred");
  EXPECT_TRUE(prover.waiting.empty());
}

TEST_F(Proving, AllButTheProofIsJudgedWhenItIsThere) {
  found(world);
  ask(world, world.command(guest, world.join_action(guest, world.invite())), "join ");
  // Another server process closes the party meanwhile.
  store::MemoryStore elsewhere(storage, [this](auto task) { tasks.push_back(std::move(task)); });
  PartyRegistry other({elsewhere, clock, random, metrics}, limits);
  ASSERT_TRUE(other.load(*elsewhere.parties()));
  other.execute(world.made.id,
                world.command(world.host, party::Close{party::CloseReason::host_closed}),
                [](const auto& outcome) { ASSERT_TRUE(outcome); });
  run();
  registry.catch_up(world.made.id);
  EXPECT_EQ(registry.find(world.made.id), nullptr);
  prover.prove_next();
  EXPECT_EQ(answers, (std::vector<std::string>{"join party_closed"}));
  EXPECT_EQ(registry.size(), 0u);
}

TEST_F(Proving, CommandsThatWaitForProofsCountAsWaiting) {
  limits.commands_waiting = 2;
  found(world);
  for (int n = 0; n < 3; ++n) {
    const auto one = party::make_device(world.random);
    ask(world, world.command(one, world.join_action(one, world.invite())));
  }
  EXPECT_EQ(answers, (std::vector<std::string>{"unavailable"}));
  EXPECT_EQ(prover.waiting.size(), 2u) << "what is refused isn't proven";
}

// ---- the thread

struct Tasks {
  ProverThread::Executor executor() {
    return [this](std::move_only_function<void()> task) {
      {
        const std::lock_guard lock(mutex);
        queue.push_back(std::move(task));
      }
      there.release();
    };
  }
  void run_next() {
    there.acquire();
    std::move_only_function<void()> task;
    {
      const std::lock_guard lock(mutex);
      task = std::move(queue.front());
      queue.pop_front();
    }
    task();
  }
  std::mutex mutex;
  std::deque<std::move_only_function<void()>> queue;
  std::counting_semaphore<> there{0};
};

struct ProverThreadTest : ::testing::Test {
  party::World world{1};
  party::Action action = world.create();
  Tasks tasks;
};

TEST_F(ProverThreadTest, AnswersInOrderOnTheThreadThatRunsItsTasks) {
  constexpr int kMany = 50;
  ProverThread prover(kMany, tasks.executor());
  std::vector<int> order;
  const auto charter = party::Envelope::parse(world.made.charter).value();
  for (int n = 0; n < kMany; ++n)
    ASSERT_TRUE(prover.prove(world.made.id, action, [&, n](const party::ProvenSignatures& proven) {
      order.push_back(n);
      EXPECT_TRUE(proven.contains(world.made.root.public_key(),
                                  charter.signed_message(world.made.id), charter.signatures.at(0)));
    }));
  while (order.size() < kMany)
    tasks.run_next();
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST_F(ProverThreadTest, TakesNoMoreThanItsQueueHolds) {
  std::counting_semaphore<> reached{0}, go_on{0};
  int answered = 0;
  ProverThread prover(2, [&, inner = tasks.executor()](std::move_only_function<void()> task) {
    reached.release();
    go_on.acquire();
    inner(std::move(task));
  });
  const auto ask = [&] {
    return prover.prove(world.made.id, action, [&](const auto&) { ++answered; });
  };
  EXPECT_TRUE(ask());
  reached.acquire();  // its thread is held up with the first one
  EXPECT_TRUE(ask());
  EXPECT_TRUE(ask());
  EXPECT_FALSE(ask()) << "two wait";
  go_on.release(4);
  while (answered < 3)
    tasks.run_next();
  EXPECT_TRUE(ask()) << "there is room again";
  while (answered < 4)
    tasks.run_next();
}

TEST_F(ProverThreadTest, WhatItHasNotAnsweredIsDroppedWithIt) {
  const auto kept = std::make_shared<int>();
  {
    ProverThread prover(100, tasks.executor());
    for (int n = 0; n < 20; ++n)
      ASSERT_TRUE(prover.prove(world.made.id, action,
                               [kept](const auto&) { ADD_FAILURE() << "called after its end"; }));
    tasks.there.acquire();  // an answer is on its way
    tasks.there.release();
  }
  EXPECT_EQ(kept.use_count(), 1);
  tasks.run_next();
}

}  // namespace
}  // namespace lanrage::server::test
