// The forward path allocates nothing: counted by replacing operator new for this program.
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

#include "relay_world.hpp"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace lanrage::relay {
namespace {

TEST(RelayAllocation, CountsAtAll) {
  std::size_t before = allocations;
  // Not a new-expression, which the compiler may leave out.
  ::operator delete(::operator new(sizeof(int)));
  EXPECT_EQ(allocations, before + 1);
}

TEST(RelayAllocation, NoneForData) {
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Player b = world.bound(1, "[2001:db8::1]:1000");
  world.shake_hands(a, 11, b, 22);
  Bytes there = data(22, 1452);
  Bytes back = data(11, 32);
  std::size_t forwarded = 0;
  std::size_t before = allocations;
  for (int i = 0; i < 10'000; ++i) {
    world.now += std::chrono::milliseconds(1);
    forwarded += world.send(a.endpoint, there).kind == Verdict::Kind::forward;
    forwarded += world.send(b.endpoint, back).kind == Verdict::Kind::forward;
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(forwarded, 20'000u);
}

TEST(RelayAllocation, NoneForWhatIsDroppedOrNoticed) {
  World world;
  Player a = world.bound(1, "198.51.100.1:1000");
  Bytes unknown = data(99);
  Bytes garbage(700, 0xEE);
  Endpoint stranger = *Endpoint::parse("192.0.2.1:1");
  std::size_t before = allocations;
  for (int i = 0; i < 1000; ++i) {
    world.now += std::chrono::milliseconds(10);
    world.send(a.endpoint, unknown);
    world.send(stranger, unknown);
    world.send(stranger, garbage);
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(world.relay->counters().notices, 10u);
}

}  // namespace
}  // namespace lanrage::relay
