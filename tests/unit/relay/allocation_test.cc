// The forward path allocates nothing, and what clients and pairs take stays small: counted by
// replacing operator new for this program.
#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <malloc.h>
#include <new>

#include "relay_world.hpp"

namespace {

std::size_t allocations = 0;
std::size_t live_bytes = 0;  // as the allocator rounds them

void* counted(void* memory) {
  if (!memory) throw std::bad_alloc();
  ++allocations;
  live_bytes += ::malloc_usable_size(memory);
  return memory;
}
void release(void* memory) {
  live_bytes -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(std::malloc(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory);
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

// Its leases aren't anybody's memory here.
struct NoPath final : FastPath {
  void grant(const FastRoute&, const Traffic&, Instant) override {}
  void revoke(const Endpoint&, std::uint32_t) override {}
};

// Clients in parties of two, and sessions of each pair. Tables double, so each takes most right
// after that: the figures are the greatest on the way.
class RelayMemory : public testing::Test {
 protected:
  static constexpr std::size_t kPairs = 1'050;
  static constexpr std::size_t kLeast = 128;  // until then the tables' beginnings count

  // Bytes a client.
  std::size_t bind_all() {
    for (int i = 0; i < 2; ++i)
      bind();
    const std::size_t before = live_bytes;
    std::size_t most = 0;
    for (std::size_t pair = 1; pair < kPairs; ++pair) {
      bind();
      bind();
      if (pair >= kLeast) most = std::max(most, (live_bytes - before) / (2 * pair));
    }
    std::printf("a client: %zu bytes\n", most);
    return most;
  }
  // Bytes a pair with so many sessions at a time.
  std::size_t talk_all(std::uint32_t sessions) {
    const std::size_t before = live_bytes;
    std::size_t most = 0;
    for (std::uint32_t pair = 0; pair < kPairs; ++pair) {
      for (std::uint32_t session = 0; session < sessions; ++session)
        talk(clients_[2 * pair], clients_[2 * pair + 1], 1 + 4 * pair + 2 * session);
      if (pair >= kLeast) most = std::max(most, (live_bytes - before) / (pair + 1));
    }
    EXPECT_EQ(world_.relay->sessions(), 2 * sessions * kPairs);
    std::printf("a pair: %zu bytes\n", most);
    return most;
  }
  void come_talk_and_go(std::uint32_t pairs) {
    const std::size_t first = clients_.size();
    for (std::uint32_t pair = 0; pair < pairs; ++pair) {
      bind();
      bind();
      talk(clients_[first + 2 * pair], clients_[first + 2 * pair + 1], 1 + 4 * pair);
    }
    for (int i = 0; i < 20; ++i) {
      world_.now += std::chrono::seconds(30);
      world_.time_out();
      world_.relay->take_posted();
    }
    EXPECT_EQ(world_.relay->clients(), 0u);
    EXPECT_EQ(world_.relay->sessions(), 0u);
  }
  // The relay has a second thread, whose clients are others.
  void share_work() {
    world_.relay = std::move(
        Relay::shards({kRelayId, world_.control_key.public_key(), {}}, world_.random, 2)[0]);
  }
  World world_;

 private:
  struct Client {
    Endpoint endpoint;
    ByteArray<32> mac1_key;
  };
  void bind() {
    const auto number = static_cast<std::uint32_t>(clients_.size());
    const Endpoint at{IpAddress::v4(0x0A000000u + number), 1000};
    const Player player = world_.bound(1 + number / 2, at.to_string());
    world_.relay->take_posted();
    clients_.push_back({player.endpoint, player.mac1_key});
  }
  void talk(const Client& a, const Client& b, std::uint32_t index) {
    expect_forward(world_.send(a.endpoint, initiation(index, b.mac1_key)), b.endpoint);
    expect_forward(world_.send(b.endpoint, response(index + 1, index, a.mac1_key)), a.endpoint);
    for (int i = 0; i < 3; ++i) {
      world_.send(a.endpoint, data(index + 1));
      world_.send(b.endpoint, data(index));
    }
  }
  std::vector<Client> clients_ = [] {
    std::vector<Client> out;
    out.reserve(4 * kPairs);
    return out;
  }();
};

TEST_F(RelayMemory, AKibibyteForAClientAndForAPairThatTalks) {
  EXPECT_LE(bind_all(), 1024u);
  EXPECT_LE(talk_all(1), 1024u);
}

TEST_F(RelayMemory, NorMoreForAPairThatHasItsSessionBeforeAsWell) {
  bind_all();
  EXPECT_LE(talk_all(2), 1024u);
}

TEST_F(RelayMemory, NorMoreUnderSeveralThreads) {
  share_work();
  bind_all();
  EXPECT_LE(talk_all(1), 1024u);
}

// For a while after each new handshake, and only where its tables have just doubled.
TEST_F(RelayMemory, AnEighthMoreUnderSeveralThreadsWithTheSessionBefore) {
  share_work();
  bind_all();
  EXPECT_LE(talk_all(2), 1152u);
}

TEST_F(RelayMemory, WhoCameAndWentLeavesNothing) {
  share_work();
  come_talk_and_go(200);
  come_talk_and_go(200);  // by now tables and lists are as large as they get
  const std::size_t before = live_bytes;
  for (int round = 0; round < 4; ++round)
    come_talk_and_go(200);
  EXPECT_EQ(live_bytes, before);
}

TEST_F(RelayMemory, ThreeWhereSessionsAreLeased) {
  NoPath path;
  world_.relay->set_fast_path(path);
  bind_all();
  EXPECT_LE(talk_all(2), 3072u);
}

}  // namespace
}  // namespace lanrage::relay
