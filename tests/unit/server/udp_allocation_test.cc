// Batches allocate nothing once they are there, with trains in both directions: counted by
// replacing operator new for this program.
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>
#include <utility>

#include "server/udp_batch.hpp"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace lanrage::server {
namespace {

TEST(UdpAllocation, NoneForBatches) {
  const IpAddress local = *IpAddress::parse("127.0.0.1");
  auto one = std::move(*UdpSocket::open({local, 0}, "--relay-listen"));
  auto other = std::move(*UdpSocket::open({local, 0}, "--relay-listen"));
  one.send_trains();
  other.receive_trains();
  UdpBatch sending;
  UdpBatch receiving(UdpBatch::Trains::yes);
  const Bytes datagram(100, 7);
  constexpr std::size_t kARound = 3 * UdpBatch::kDatagrams;
  const auto round = [&] {
    for (std::size_t i = 0; i < kARound; ++i)
      sending.queue(one, other.local(), local, datagram);
    sending.send(one);
    return receiving.receive(other).size();
  };

  // Room for the most that came at a time is made once.
  ASSERT_EQ(round(), kARound);
  const std::size_t before = allocations;
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(round(), kARound);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace lanrage::server
