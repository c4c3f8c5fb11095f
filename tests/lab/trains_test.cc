// Datagrams that a relay gives to the kernel several at a time, on ways that don't take them so.
#include <cerrno>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <vector>

#include "server/udp_batch.hpp"
#include "support/namespace.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kSeen{5'000};

struct Trains : testing::Test {
  // Both on the loopback.
  void carry(std::size_t size) {
    const Endpoint local{*IpAddress::parse("127.0.0.1"), 0};
    UdpSocket receiver(place, {local.address, 4000});
    auto sender = place.inside([&] { return server::UdpSocket::open(local, "--relay-listen"); });
    ASSERT_TRUE(sender) << sender.error().message();
    sender->send_trains();
    ASSERT_TRUE(sender->sends_trains());
    server::UdpBatch batch(server::UdpBatch::Trains::no,
                           [this](int fd, mmsghdr* messages, unsigned count) {
                             const int sent = sendmmsg(fd, messages, count, MSG_DONTWAIT);
                             if (sent < 0) errors.push_back(errno);
                             return sent;
                           });
    std::vector<Bytes> row;
    for (std::uint8_t i = 0; i < 10; ++i)
      row.emplace_back(size, i);
    for (int round = 0; round < 2; ++round) {
      for (const auto& each : row)
        batch.queue(*sender, {local.address, 4000}, local.address, each);
      batch.send(*sender);
      for (const auto& each : row) {
        const auto got = receiver.receive(kSeen);
        ASSERT_TRUE(got);
        ASSERT_EQ(got->payload, each);
      }
    }
    EXPECT_EQ(batch.counters().sent, 2 * row.size());
    EXPECT_EQ(batch.counters().send_failures, 0u);
  }

  NetNamespace place{"trains"};
  std::vector<int> errors;
};

TEST_F(Trains, AreTakenWhereTheyFit) {
  carry(1300);
  EXPECT_TRUE(errors.empty());
}

// Single ones are fragmented there.
TEST_F(Trains, ASmallMtuIsMetOnceAndCostsNoDatagram) {
  place.ip("link set dev lo mtu 1280\n");
  carry(1300);
  EXPECT_EQ(errors, std::vector<int>{EMSGSIZE});
}

}  // namespace
}  // namespace lanrage::lab
