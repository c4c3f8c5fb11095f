#include "support/memory_store.hpp"

#include "unit/store/contract.hpp"

namespace lanrage::store::test {

namespace {

class MemoryBackend final : public Backend {
 public:
  Result<std::unique_ptr<Store>> open(Executor executor) override {
    return std::make_unique<MemoryStore>(storage_, std::move(executor));
  }
  std::string backup_path() override { return "copy"; }
  Result<std::unique_ptr<Store>> open_backup(Executor executor) override {
    return std::make_unique<MemoryStore>(storage_->backups.at("copy"), std::move(executor));
  }

 private:
  std::shared_ptr<MemoryStorage> storage_ = std::make_shared<MemoryStorage>();
};

const auto kMemory = ::testing::Values(
    BackendFactory([]() -> std::unique_ptr<Backend> { return std::make_unique<MemoryBackend>(); }));

class MemoryStoreTest : public ::testing::Test {
 protected:
  Result<void> append(const Append& append) {
    return loop_.wait([&](Completion done) { store_.append(append, std::move(done)); });
  }
  std::uint64_t seq() {
    const auto party = store_.party(make_id<PartyId>(1));
    return *party ? (*party)->seq : 0;
  }

  Loop loop_;
  std::shared_ptr<MemoryStorage> storage_ = std::make_shared<MemoryStorage>();
  MemoryStore store_{storage_, loop_.executor()};
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, kMemory);
INSTANTIATE_TEST_SUITE_P(Memory, SharedStoreContract, kMemory);

TEST_F(MemoryStoreTest, FailsAsManyWritesAsTold) {
  store_.fail_next(2, InjectedFailure::refused);
  EXPECT_TRUE(append(make_append(1, 0)).error().is(Errc::storage_failed));
  EXPECT_TRUE(append(make_append(1, 0)).error().is(Errc::storage_failed));
  EXPECT_EQ(seq(), 0u);
  EXPECT_TRUE(append(make_append(1, 0)));
}

TEST_F(MemoryStoreTest, AnUnknownOutcomeMayBeEither) {
  store_.fail_next(1, InjectedFailure::lost);
  EXPECT_TRUE(append(make_append(1, 0)).error().is(Errc::outcome_unknown));
  EXPECT_EQ(seq(), 0u);
  store_.fail_next(1, InjectedFailure::written);
  EXPECT_TRUE(append(make_append(1, 0)).error().is(Errc::outcome_unknown));
  EXPECT_EQ(seq(), 1u);
  EXPECT_TRUE(append(make_append(1, 0)).error().is(Errc::conflict)) << "which tells";
}

TEST_F(MemoryStoreTest, AppliesAWriteWhenItsTaskRuns) {
  bool answered = false;
  store_.append(make_append(1, 0), [&](Result<void>) { answered = true; });
  EXPECT_EQ(seq(), 0u);
  EXPECT_EQ(store_.waiting(), 1u);
  loop_.run_one();
  EXPECT_TRUE(answered);
  EXPECT_EQ(seq(), 1u);
}

TEST_F(MemoryStoreTest, AKilledOneWritesAndAnswersNothingMore) {
  bool answered = false;
  store_.append(make_append(1, 0), [&](Result<void>) { answered = true; });
  store_.kill();
  loop_.run_one();
  store_.append(make_append(1, 0), [&](Result<void>) { answered = true; });
  EXPECT_FALSE(answered);
  EXPECT_EQ(seq(), 0u);
  EXPECT_EQ(store_.waiting(), 0u);
}

}  // namespace lanrage::store::test
