#include "relay/flat_table.hpp"

#include <gtest/gtest.h>
#include <map>

#include "base/random.hpp"

namespace lanrage::relay {
namespace {

// Against std::map, with few keys in a small table so that probes collide and wrap around.
TEST(FlatTable, AgreesWithAMap) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SeededRandom random(seed);
    FlatTable<std::uint64_t, std::uint32_t> table(seed, 4);
    std::map<std::uint64_t, std::uint32_t> model;
    for (std::uint32_t step = 0; step < 2000; ++step) {
      std::uint64_t key = random.below(40);
      if (random.below(2) == 0) {
        table.put(key, step);
        model[key] = step;
      } else {
        EXPECT_EQ(table.erase(key), model.erase(key) == 1);
      }
      ASSERT_EQ(table.size(), model.size());
      for (std::uint64_t k = 0; k < 40; ++k) {
        const std::uint32_t* found = table.find(k);
        auto expected = model.find(k);
        ASSERT_EQ(found != nullptr, expected != model.end());
        if (found) ASSERT_EQ(*found, expected->second);
      }
    }
  }
}

TEST(FlatTable, EndpointsThatDifferAnywhereAreDifferent) {
  FlatTable<Endpoint, int> table(1);
  const char* endpoints[] = {"1.2.3.4:5",       "1.2.3.4:6",       "1.2.3.5:5",
                             "[2001:db8::1]:5", "[2001:db8::1]:6", "[2001:db8::2]:5",
                             "[2001:db9::1]:5"};
  int n = 0;
  for (const char* text : endpoints)
    table.put(*Endpoint::parse(text), n++);
  n = 0;
  for (const char* text : endpoints)
    EXPECT_EQ(*table.find(*Endpoint::parse(text)), n++);
  EXPECT_EQ(table.find(*Endpoint::parse("[2001:db8::3]:5")), nullptr);
}

}  // namespace
}  // namespace lanrage::relay
