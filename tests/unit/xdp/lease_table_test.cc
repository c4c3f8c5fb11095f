// Tables of leases as the relay keeps them, in plain memory, looked up as the program does it.
#include "xdp/lease_table.hpp"

#include <gtest/gtest.h>
#include <map>
#include <vector>

#include "base/random.hpp"

namespace lanrage::xdp {
namespace {

constexpr std::uint64_t kSeed = 0x1234'5678'9ABC'DEF0ull;

RelayKey4 key_of(std::uint32_t number, RelayKey4 /*family*/) {
  return {0x0A000000u + number / 7, static_cast<__be16>(1000 + number % 7), 1, number % 5};
}
RelayKey6 key_of(std::uint32_t number, RelayKey6 /*family*/) {
  return {{7, number / 7}, static_cast<__be16>(1000 + number % 7), 1, number % 5};
}

template <class Slot>
class LeaseTableTest : public testing::Test {
 protected:
  using Table = LeaseTable<Slot>;

  void make(std::uint32_t leases) {
    shape = TableShape::of(leases, kSeed);
    slots.assign(shape.slots(), Slot{});
    table = Table(slots, shape);
  }
  static auto key(std::uint32_t number) { return key_of(number, decltype(Slot::key){}); }
  void put(std::uint32_t number, std::uint64_t mark, std::uint32_t packets = 9,
           std::uint32_t bytes = 900) {
    decltype(Slot::lease) lease{};
    lease.until_ns = mark;
    table.put(key(number), lease, packets, bytes);
  }
  Slot* find(std::uint32_t number) {
    const std::uint32_t home = home_of(key(number), shape);
    for (std::uint32_t i = 0; i < relay_reach; ++i) {
      Slot& slot = slots[home + i];
      if (!slot.key.used) return nullptr;
      if (same(slot.key, key(number))) return &slot;
    }
    return nullptr;
  }

  TableShape shape;
  std::vector<Slot> slots;
  Table table;
};
using Families = testing::Types<RelaySlot4, RelaySlot6>;
TYPED_TEST_SUITE(LeaseTableTest, Families);

TYPED_TEST(LeaseTableTest, FindsWhatWasPutAndNotErased) {
  this->make(64);
  std::map<std::uint32_t, std::uint64_t> expected;
  SeededRandom random(3);
  for (std::uint64_t step = 1; step < 20'000; ++step) {
    const auto number = static_cast<std::uint32_t>(random.below(100));
    if (random.below(3) == 0) {
      this->table.erase(this->key(number));
      expected.erase(number);
    } else {
      const bool room = expected.contains(number) || expected.size() < 64;
      EXPECT_EQ(this->table.has_place(this->key(number)), room);
      this->put(number, step);
      if (room) expected[number] = step;
    }
    for (std::uint32_t each = 0; each < 100; ++each) {
      const auto* found = this->find(each);
      const auto wanted = expected.find(each);
      ASSERT_EQ(found != nullptr, wanted != expected.end()) << step;
      if (!found) continue;
      EXPECT_EQ(found->lease.until_ns, wanted->second);
      EXPECT_EQ(relay_packets(found->budget), 9u);
      EXPECT_EQ(relay_bytes(found->budget), 900u);
    }
  }
}

TYPED_TEST(LeaseTableTest, AFullTableTakesNoMoreButRenews) {
  this->make(1000);
  for (std::uint32_t number = 0; number < 1000; ++number)
    this->put(number, 1);
  EXPECT_FALSE(this->table.has_place(this->key(1000)));
  this->put(1000, 1);
  EXPECT_EQ(this->find(1000), nullptr);
  for (std::uint32_t number = 0; number < 1000; ++number) {
    EXPECT_TRUE(this->table.has_place(this->key(number)));
    this->put(number, 2);
    ASSERT_NE(this->find(number), nullptr) << number;
    EXPECT_EQ(this->find(number)->lease.until_ns, 2u);
  }
  this->table.erase(this->key(5));
  this->put(1000, 1);
  EXPECT_NE(this->find(1000), nullptr);
}

TYPED_TEST(LeaseTableTest, WhatIsOutOfReachOfItsHomeIsNotTaken) {
  this->make(4096);
  std::vector<std::uint32_t> neighbours;  // of one home
  for (std::uint32_t number = 0; neighbours.size() <= relay_reach; ++number)
    if (home_of(this->key(number), this->shape) == 100) neighbours.push_back(number);
  const auto last = neighbours.back();
  neighbours.pop_back();
  for (const auto number : neighbours)
    this->put(number, number);
  EXPECT_FALSE(this->table.has_place(this->key(last)));
  this->put(last, 1);
  EXPECT_EQ(this->find(last), nullptr);
  for (const auto number : neighbours)
    EXPECT_NE(this->find(number), nullptr) << number;
  this->table.erase(this->key(neighbours.front()));
  this->put(last, 1);
  EXPECT_NE(this->find(last), nullptr);
  for (std::size_t i = 1; i < neighbours.size(); ++i)
    EXPECT_NE(this->find(neighbours[i]), nullptr) << i;
}

TYPED_TEST(LeaseTableTest, AMovedLeaseKeepsWhatIsLeftOfIt) {
  this->make(4096);
  std::vector<std::uint32_t> neighbours;
  for (std::uint32_t number = 0; neighbours.size() < 3; ++number)
    if (home_of(this->key(number), this->shape) == 100) neighbours.push_back(number);
  for (const auto number : neighbours)
    this->put(number, number);
  auto* before = this->find(neighbours[2]);
  before->budget -= relay_budget(0, 2, 300);
  this->table.erase(this->key(neighbours[0]));
  const auto* after = this->find(neighbours[2]);
  ASSERT_NE(after, nullptr);
  EXPECT_NE(after, before);
  EXPECT_EQ(after->lease.until_ns, neighbours[2]);
  EXPECT_EQ(relay_packets(after->budget), 7u);
  EXPECT_EQ(relay_bytes(after->budget), 600u);
  EXPECT_EQ(before->budget, 0u);
}

// A program that has read the budget before notices by it alone.
TYPED_TEST(LeaseTableTest, ABudgetIsAnotherAfterEachWrite) {
  this->make(16);
  this->put(1, 1);
  const auto* slot = this->find(1);
  const auto first = slot->budget;
  this->put(1, 2);
  EXPECT_EQ(this->find(1), slot);
  const auto second = slot->budget;
  EXPECT_NE(first, second);
  this->table.erase(this->key(1));
  EXPECT_EQ(slot->budget, 0u);
  this->put(1, 1);
  EXPECT_EQ(this->find(1), slot);
  EXPECT_NE(slot->budget, first);
  EXPECT_NE(slot->budget, second);
  EXPECT_EQ(relay_packets(slot->budget), 9u);
  EXPECT_EQ(relay_bytes(slot->budget), 900u);
}

// The program may come at any moment of a write.
struct WatchedSlot {
  struct Watched {
    Watched() = default;
    Watched(const Watched&) = default;
    Watched& operator=(const Watched& from) {
      mark = from.mark;
      budget_when_written = slot ? slot->budget : 0;
      ++writes;
      return *this;
    }
    int mark = 0;
    int writes = 0;
    std::uint64_t budget_when_written = 0;
    WatchedSlot* slot = nullptr;
  };
  __u64 budget = 0;
  RelayKey4 key{};
  __u32 generation = 0;
  Watched lease;
};

TEST(LeaseTableWrites, NothingCanBeChargedWhileALeaseIsWritten) {
  const auto shape = TableShape::of(1, kSeed);
  std::vector<WatchedSlot> slots(shape.slots());
  for (auto& slot : slots)
    slot.lease.slot = &slot;
  LeaseTable<WatchedSlot> table(slots, shape);
  WatchedSlot::Watched lease;
  for (lease.mark = 1; lease.mark < 4; ++lease.mark) {
    table.put(key_of(1, RelayKey4{}), lease, 9, 900);
    EXPECT_EQ(slots[0].lease.mark, lease.mark);
    EXPECT_EQ(slots[0].lease.writes, lease.mark);
    EXPECT_EQ(slots[0].lease.budget_when_written, 0u);
    EXPECT_NE(slots[0].budget, 0u);
  }
}

}  // namespace
}  // namespace lanrage::xdp
