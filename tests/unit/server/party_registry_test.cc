// The registry against a store that fails, conflicts, and is written by another server process.
#include "server/party_registry.hpp"

#include <deque>
#include <gtest/gtest.h>

#include "support/memory_store.hpp"
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

namespace {

class Registry : public ::testing::Test {
 protected:
  // One server process: its opening of the shared database, its registry.
  struct Process {
    Process(Registry& world)
        : store(world.storage,
                [&tasks = world.tasks](std::move_only_function<void()> task) {
                  tasks.push_back(std::move(task));
                }),
          registry({store, world.clock, world.random, world.metrics}, world.limits) {
      std::vector<store::StoredParty> parties = *store.parties();
      EXPECT_TRUE(registry.load(parties));
      registry.listen(
          [this](const party::Party&, const party::Event& event) { heard.push_back(event.seq); });
      store.watch([this](const PartyId& id) { registry.catch_up(id); });
    }
    store::MemoryStore store;
    PartyRegistry registry;
    std::vector<std::uint64_t> heard;
  };

  void run() {
    while (!tasks.empty()) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }
  party::Command create() {
    party::PartyOptions options;
    options.name = "LAN night";
    made.emplace(*party::create_party(random, options, host, "host", clock.unix_time()));
    return {host.peer_id(), "c",
            party::Create{made->charter, made->roster, made->statement, made->boxes, {}}};
  }
  party::Command update(const std::string& id, std::uint16_t port) {
    return {host.peer_id(), id,
            party::Update{{}, {{}, Endpoint{IpAddress::v4(0x08080808u), port}}}};
  }
  // The outcome once everything has run.
  Result<party::Outcome> execute(PartyRegistry& registry, party::Command command) {
    std::optional<Result<party::Outcome>> out;
    registry.execute(made->id, std::move(command), [&](auto outcome) { out = std::move(outcome); });
    run();
    EXPECT_TRUE(out);
    return out ? std::move(*out) : Result<party::Outcome>(party::Outcome{});
  }

  ManualClock clock;
  SeededRandom random{1};
  Metrics metrics{"test"};
  Limits limits;
  std::deque<std::move_only_function<void()>> tasks;
  std::shared_ptr<store::MemoryStorage> storage = std::make_shared<store::MemoryStorage>();
  const party::DeviceKeys host{crypto::SigningKey::generate(random),
                               crypto::ExchangeSecret::generate(random),
                               crypto::ExchangeSecret::generate(random)};
  std::optional<party::NewParty> made;
};

}  // namespace

TEST_F(Registry, WhatCouldNotBeStoredDidNotHappenAndCanBeRepeated) {
  Process process(*this);
  ASSERT_TRUE(execute(process.registry, create()));
  process.store.fail_next(1, store::InjectedFailure::refused);
  const auto refused = execute(process.registry, update("u", 1000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), "unavailable");
  EXPECT_EQ(process.registry.find(made->id)->seq, 1u);
  EXPECT_EQ(execute(process.registry, update("u", 1000))->seq, 2u);
  EXPECT_EQ(process.heard, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(Registry, AnUnknownOutcomeIsSettledEitherWay) {
  Process process(*this);
  ASSERT_TRUE(execute(process.registry, create()));
  std::uint16_t port = 1000;
  for (const auto kind : {store::InjectedFailure::written, store::InjectedFailure::lost}) {
    process.store.fail_next(1, kind);
    const auto outcome = execute(process.registry, update("u" + std::to_string(port), port));
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->seq, port - 1000u + 2);
    ++port;
  }
  EXPECT_EQ(process.heard, (std::vector<std::uint64_t>{1, 2, 3})) << "each event once";
}

TEST_F(Registry, AClosingOfUnknownOutcomeIsSettledEitherWay) {
  for (const auto failure : {store::InjectedFailure::lost, store::InjectedFailure::written}) {
    Process process(*this);
    ASSERT_TRUE(execute(process.registry, create()));
    process.store.fail_next(1, failure);
    const auto closed = execute(
        process.registry, {host.peer_id(), "x", party::Close{party::CloseReason::host_closed}});
    ASSERT_TRUE(closed) << "the store has the party no more";
    EXPECT_EQ(closed->seq, 2u);
    EXPECT_EQ(process.heard.back(), 2u) << "members hear of it";
    EXPECT_EQ(process.registry.size(), 0u);
    EXPECT_TRUE(storage->tables.parties.empty());
  }
}

TEST_F(Registry, APartyThatAnotherProcessClosedIsGoneHereToo) {
  Process one(*this);
  ASSERT_TRUE(execute(one.registry, create()));
  Process other(*this);
  ASSERT_TRUE(execute(other.registry,
                      {host.peer_id(), "x", party::Close{party::CloseReason::host_closed}}));
  EXPECT_EQ(one.registry.find(made->id), nullptr);
  EXPECT_EQ(one.heard.back(), 2u);
}

TEST_F(Registry, AFailedCreationLeavesNothing) {
  Process process(*this);
  const auto command = create();
  process.store.fail_next(1, store::InjectedFailure::refused);
  EXPECT_FALSE(execute(process.registry, command));
  EXPECT_EQ(process.registry.size(), 0u);
  EXPECT_EQ(process.registry.hosted_by(host.peer_id()), 0u);
  EXPECT_TRUE(execute(process.registry, command));
  EXPECT_EQ(process.registry.hosted_by(host.peer_id()), 1u);
}

TEST_F(Registry, TwoProcessesOfOneDatabaseSeeEachOthersEventsAndNeverForkAParty) {
  Process first(*this);
  ASSERT_TRUE(execute(first.registry, create()));
  Process second(*this);
  ASSERT_TRUE(execute(second.registry, update("a", 1000)));
  EXPECT_EQ(first.registry.find(made->id)->seq, 2u) << "told by the watcher";
  // Both at once: one of them conflicts, catches up and is judged again.
  std::vector<std::uint64_t> seqs;
  for (int n = 0; n < 10; ++n)
    for (auto* process : {&first, &second})
      process->registry.execute(
          made->id,
          update((process == &first ? "f" : "s") + std::to_string(n),
                 static_cast<std::uint16_t>(2000 + 2 * n + (process == &first ? 0 : 1))),
          [&](const Result<party::Outcome>& outcome) {
            ASSERT_TRUE(outcome) << outcome.error().message();
            seqs.push_back(outcome->seq);
          });
  run();
  EXPECT_EQ(seqs.size(), 20u);
  std::ranges::sort(seqs);
  EXPECT_EQ(std::ranges::adjacent_find(seqs), seqs.end()) << "no seq twice";
  EXPECT_EQ(first.registry.find(made->id)->digest(), second.registry.find(made->id)->digest());
  EXPECT_EQ(first.registry.find(made->id)->seq, 22u);
}

TEST_F(Registry, CommandsOfOnePartyWaitInALineOfLimitedLength) {
  limits.commands_waiting = 4;
  Process process(*this);
  ASSERT_TRUE(execute(process.registry, create()));
  std::size_t stored = 0, refused = 0;
  for (std::uint16_t n = 0; n < 8; ++n)
    process.registry.execute(
        made->id, update("u" + std::to_string(n), 1000 + n),
        [&](const Result<party::Outcome>& outcome) { outcome ? ++stored : ++refused; });
  run();
  EXPECT_EQ(stored, 5u) << "one being written, four waiting";
  EXPECT_EQ(refused, 3u);
}

TEST_F(Registry, ADamagedJournalIsRefusedNamingTheParty) {
  {
    Process process(*this);
    ASSERT_TRUE(execute(process.registry, create()));
    ASSERT_TRUE(execute(process.registry, update("a", 1000)));
  }
  auto& events = storage->tables.parties.begin()->second.events;
  events.back().body.pop_back();
  store::MemoryStore store(storage, [](std::move_only_function<void()>) {});
  PartyRegistry registry({store, clock, random, metrics}, limits);
  const auto loaded = registry.load(*store.parties());
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error().is(store::Errc::database_corrupt));
  EXPECT_NE(loaded.error().message().find(made->id.to_string()), std::string::npos);
}

}  // namespace lanrage::server::test
