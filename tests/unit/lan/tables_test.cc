#include "lan/tables.hpp"

#include <gtest/gtest.h>

#include "base/overloaded.hpp"
#include "base/random.hpp"
#include "some_segment.hpp"

namespace lanrage::lan {
namespace {

using namespace test;

// What the kernel does: an entry that is there already, or isn't there to be removed, is an error.
void perform(Tables& tables, const std::vector<TableOperation>& operations) {
  for (const auto& operation : operations)
    std::visit(
        Overloaded{
            [&](const RemoveForwarding& o) { EXPECT_EQ(tables.forwarding.erase(o.entry), 1u); },
            [&](const AddForwarding& o) { EXPECT_TRUE(tables.forwarding.insert(o.entry).second); },
            [&](const RemoveNeighbour& o) { EXPECT_EQ(tables.neighbours.erase(o.address), 1u); },
            [&](const SetNeighbour& o) { tables.neighbours[o.address] = o.mac; },
        },
        operation);
}

Tables random_tables(SeededRandom& random) {
  std::vector<std::uint8_t> others;
  for (std::uint8_t number = 2; number < 12; ++number)
    if (random.below(2) == 0) others.push_back(number);
  auto out = tables_of(segment_of(1, others));
  if (random.below(3) == 0) out.forwarding.insert({Mac{2, 9, 9, 9, 9, 9}, address("fd00::99")});
  if (random.below(3) == 0) out.forwarding.insert({Mac{}, address("192.0.2.1")});
  if (random.below(3) == 0) out.neighbours[address("10.66.0.5")] = Mac{2, 9, 9, 9, 9, 9};
  return out;
}

TEST(Tables, FloodToEveryOtherMemberAndKnowItsAddresses) {
  const auto segment = segment_of(1, {2, 3});
  const auto tables = tables_of(segment);
  EXPECT_EQ(tables.forwarding.size(), 4u);
  EXPECT_EQ(tables.neighbours.size(), 6u);
  for (const auto& station : segment.others) {
    EXPECT_TRUE(tables.forwarding.contains({Mac{}, station.underlay}));
    EXPECT_TRUE(tables.forwarding.contains({station.mac, station.underlay}));
    EXPECT_EQ(tables.neighbours.at(station.vip), station.mac);
    EXPECT_EQ(tables.neighbours.at(station.address), station.mac);
    EXPECT_EQ(tables.neighbours.at(station.link_local), station.mac);
  }
  EXPECT_FALSE(tables.neighbours.contains(segment.self.vip));
}

TEST(TablesDiff, AppliedToTheActualGivesTheDesired) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto desired = random_tables(random);
    auto actual = random_tables(random);
    perform(actual, diff(desired, actual));
    EXPECT_EQ(actual, desired);
    EXPECT_TRUE(diff(desired, actual).empty());
    if (HasFailure()) return;
  }
}

TEST(TablesDiff, TouchesNobodyElseWhenOneComesOrGoes) {
  const auto two = tables_of(segment_of(1, {2, 3}));
  const auto three = tables_of(segment_of(1, {2, 3, 4}));
  EXPECT_EQ(diff(three, two).size(), 5u) << "flood, MAC, three addresses";
  const auto gone = diff(two, three);
  EXPECT_EQ(gone.size(), 5u);
  for (const auto& operation : gone)
    EXPECT_TRUE(std::holds_alternative<RemoveForwarding>(operation) ||
                std::holds_alternative<RemoveNeighbour>(operation));
}

TEST(TablesDiff, RemovesBeforeItAdds) {
  const auto operations = diff(tables_of(segment_of(1, {3})), tables_of(segment_of(1, {2})));
  ASSERT_FALSE(operations.empty());
  bool added = false;
  for (const auto& operation : operations) {
    const bool adds = std::holds_alternative<AddForwarding>(operation) ||
                      std::holds_alternative<SetNeighbour>(operation);
    EXPECT_FALSE(added && !adds);
    added |= adds;
  }
}

}  // namespace
}  // namespace lanrage::lan
