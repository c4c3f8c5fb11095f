// What leaves as a train, and what becomes of one that comes or is refused.
#include "server/udp_batch.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <netinet/udp.h>
#include <numeric>
#include <span>
#include <vector>

#include "udp_player.hpp"

namespace lanrage::server {
namespace {

Bytes numbered(std::size_t size, std::uint8_t number) {
  Bytes out(size);
  std::iota(out.begin(), out.end(), number);
  return out;
}

// 0: the message isn't a train.
std::size_t segment_size_of(mmsghdr& message) {
  msghdr& header = message.msg_hdr;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_UDP || part->cmsg_type != UDP_SEGMENT) continue;
    std::uint16_t size = 0;
    std::memcpy(&size, CMSG_DATA(part), sizeof size);
    return size;
  }
  return 0;
}

std::size_t bytes_of(const mmsghdr& message) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < message.msg_hdr.msg_iovlen; ++i)
    out += message.msg_hdr.msg_iov[i].iov_len;
  return out;
}

struct UdpBatchTest : testing::Test {
  UdpBatchTest() { socket.send_trains(); }

  struct Message {
    std::size_t bytes;
    std::size_t segment;
    friend bool operator==(const Message&, const Message&) = default;
  };
  // Sends by the kernel, but for trains while `train_error` isn't 0.
  UdpBatch::Send watched() {
    return [this](int fd, mmsghdr* messages, unsigned count) {
      for (unsigned i = 0; i < count; ++i) {
        if (train_error != 0 && segment_size_of(messages[i]) != 0) {
          ++refusals;
          if (i > 0) return static_cast<int>(i);
          errno = train_error;
          return -1;
        }
        if (const int sent = sendmmsg(fd, messages + i, 1, 0); sent != 1)
          return i > 0 ? static_cast<int>(i) : sent;
        sent_messages.push_back({bytes_of(messages[i]), segment_size_of(messages[i])});
      }
      return static_cast<int>(count);
    };
  }
  static void expect(UdpPlayer& player, const std::vector<Bytes>& datagrams) {
    for (const auto& each : datagrams) {
      const auto got = player.receive();
      ASSERT_TRUE(got);
      EXPECT_EQ(got->second, each);
    }
  }
  void queue(UdpBatch& batch, const UdpPlayer& to, std::span<const Bytes> datagrams) {
    for (const auto& each : datagrams)
      batch.queue(socket, to.endpoint(), local, each);
  }

  IpAddress local = *IpAddress::parse("127.0.0.1");
  UdpSocket socket = std::move(*UdpSocket::open({local, 0}, "--relay-listen"));
  UdpPlayer player, other;
  int train_error = 0;
  int refusals = 0;
  std::vector<Message> sent_messages;
};

TEST_F(UdpBatchTest, ARowOfOneSizeIsOneMessage) {
  UdpBatch batch(UdpBatch::Trains::no, watched());
  const std::vector<Bytes> row{numbered(100, 1), numbered(100, 2), numbered(100, 3)};
  queue(batch, player, row);
  batch.send(socket);
  EXPECT_EQ(sent_messages, (std::vector<Message>{{300, 100}}));
  expect(player, row);
  EXPECT_EQ(batch.counters().sent, 3u);
}

TEST_F(UdpBatchTest, AShorterOneEndsARow) {
  UdpBatch batch(UdpBatch::Trains::no, watched());
  const std::vector<Bytes> row{numbered(100, 1), numbered(100, 2), numbered(37, 3),
                               numbered(37, 4),  numbered(36, 5),  numbered(100, 6)};
  queue(batch, player, row);
  batch.send(socket);
  EXPECT_EQ(sent_messages, (std::vector<Message>{{237, 100}, {73, 37}, {100, 0}}));
  expect(player, row);
}

TEST_F(UdpBatchTest, AnotherPlaceEndsARowAndOrderStays) {
  UdpBatch batch(UdpBatch::Trains::no, watched());
  const std::vector<Bytes> row{numbered(80, 1), numbered(80, 2), numbered(80, 4), numbered(90, 5)};
  const std::vector<Bytes> between{numbered(80, 3)};
  queue(batch, player, std::span(row).first(2));
  queue(batch, other, between);
  queue(batch, player, std::span(row).subspan(2));
  batch.send(socket);
  EXPECT_EQ(sent_messages, (std::vector<Message>{{160, 80}, {80, 0}, {80, 0}, {90, 0}}));
  expect(player, row);
  expect(other, between);
}

TEST_F(UdpBatchTest, AnotherAddressOfOursEndsARow) {
  auto any = std::move(*UdpSocket::open({IpAddress(), 0}, "--relay-listen"));
  any.send_trains();
  UdpBatch batch(UdpBatch::Trains::no, watched());
  const Bytes datagram = numbered(50, 1);
  for (const char* from : {"127.0.0.5", "127.0.0.5", "127.0.0.6"})
    batch.queue(any, player.endpoint(), *IpAddress::parse(from), datagram);
  batch.send(any);
  EXPECT_EQ(sent_messages, (std::vector<Message>{{100, 50}, {50, 0}}));
  for (const char* from : {"127.0.0.5", "127.0.0.5", "127.0.0.6"}) {
    const auto got = player.receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->first.address.to_string(), from);
  }
}

TEST_F(UdpBatchTest, ARowGrowsNoLargerThanTheKernelTakes) {
  UdpBatch batch(UdpBatch::Trains::no, watched());
  const Bytes small = numbered(20, 1);
  const Bytes large = numbered(1400, 2);
  for (int i = 0; i < 65; ++i)
    batch.queue(socket, player.endpoint(), local, small);
  for (int i = 0; i < 47; ++i)
    batch.queue(socket, other.endpoint(), local, large);
  batch.send(socket);
  EXPECT_EQ(sent_messages,
            (std::vector<Message>{{64 * 20, 20}, {20, 0}, {46 * 1400, 1400}, {1400, 0}}));
  expect(player, std::vector<Bytes>(65, small));
  expect(other, std::vector<Bytes>(47, large));
  EXPECT_EQ(batch.counters().sent, 112u);
  EXPECT_EQ(batch.counters().send_failures, 0u);
}

// From loopback they come as they were sent.
TEST_F(UdpBatchTest, ATrainIsReceivedAsItsDatagrams) {
  socket.receive_trains();
  UdpBatch batch(UdpBatch::Trains::yes);
  const Bytes train = numbered(5 * 100 + 37, 1);
  player.send(socket.local(), numbered(60, 7));
  player.send_train(socket.local(), train, 100);
  player.send(socket.local(), numbered(37, 8));
  const auto received = batch.receive(socket);
  ASSERT_EQ(received.size(), 8u);
  EXPECT_EQ(Bytes(received[0].bytes.begin(), received[0].bytes.end()), numbered(60, 7));
  Bytes joined;
  for (std::size_t i = 1; i < 7; ++i) {
    EXPECT_EQ(received[i].bytes.size(), i < 6 ? 100u : 37u);
    EXPECT_EQ(received[i].buffer.size(), received[i].bytes.size()) << "the next one is behind it";
    joined.insert(joined.end(), received[i].bytes.begin(), received[i].bytes.end());
  }
  EXPECT_EQ(joined, train);
  EXPECT_EQ(Bytes(received[7].bytes.begin(), received[7].bytes.end()), numbered(37, 8));
  for (const auto& each : received) {
    EXPECT_EQ(each.from, player.endpoint());
    EXPECT_EQ(each.local, local);
  }
  EXPECT_EQ(batch.counters().received, 8u);
  EXPECT_FALSE(batch.was_full()) << "three messages";
}

TEST_F(UdpBatchTest, MoreTrainsThanFitABatchOfSingleOnes) {
  socket.receive_trains();
  UdpBatch batch(UdpBatch::Trains::yes);
  const Bytes train = numbered(64 * 20, 1);
  for (int i = 0; i < 8; ++i)
    player.send_train(socket.local(), train, 20);
  EXPECT_EQ(batch.receive(socket).size(), 8u * 64);
  EXPECT_EQ(batch.counters().received, 8u * 64);
  EXPECT_EQ(batch.counters().oversized, 0u);
}

TEST_F(UdpBatchTest, ATrainOfOversizedDatagramsIsDroppedAndEachCounted) {
  socket.receive_trains();
  UdpBatch batch(UdpBatch::Trains::yes);
  player.send_train(socket.local(), numbered(3 * 2049, 1), 2049);
  player.send(socket.local(), numbered(60, 7));
  EXPECT_EQ(batch.receive(socket).size(), 1u);
  EXPECT_EQ(batch.counters().received, 4u);
  EXPECT_EQ(batch.counters().oversized, 3u);
}

TEST_F(UdpBatchTest, WithoutTrainsEachIsAMessage) {
  auto plain = std::move(*UdpSocket::open({local, 0}, "--relay-listen"));
  UdpBatch batch(UdpBatch::Trains::no, watched());
  const Bytes datagram = numbered(50, 1);
  for (int i = 0; i < 2; ++i)
    batch.queue(plain, player.endpoint(), local, datagram);
  batch.send(plain);
  EXPECT_EQ(sent_messages, (std::vector<Message>{{50, 0}, {50, 0}}));
}

TEST_F(UdpBatchTest, ARefusedTrainIsSentSinglyAndItsPlaceRemembered) {
  for (const int error : {EMSGSIZE, EINVAL}) {
    train_error = error;
    refusals = 0;
    sent_messages.clear();
    UdpBatch batch(UdpBatch::Trains::no, watched());
    const std::vector<Bytes> before{numbered(60, 9)};
    const std::vector<Bytes> row{numbered(100, 1), numbered(100, 2), numbered(37, 3)};
    queue(batch, other, before);
    queue(batch, player, row);
    queue(batch, other, before);
    batch.send(socket);
    EXPECT_EQ(refusals, 2) << "behind another, then on its own";
    EXPECT_EQ(sent_messages, (std::vector<Message>{{60, 0}, {100, 0}, {100, 0}, {37, 0}, {60, 0}}));
    expect(player, row);
    expect(other, {before[0], before[0]});
    EXPECT_EQ(batch.counters().sent, 5u);
    EXPECT_EQ(batch.counters().send_failures, 0u);

    refusals = 0;
    queue(batch, player, row);
    batch.send(socket);
    EXPECT_EQ(refusals, 0) << "known by now";
    expect(player, row);
    train_error = 0;
    sent_messages.clear();
    queue(batch, other, row);
    batch.send(socket);
    EXPECT_EQ(sent_messages, (std::vector<Message>{{237, 100}})) << "others' way takes them";
    expect(other, row);
  }
}

TEST_F(UdpBatchTest, ADeviceThatTakesNoTrainsIsAskedOnce) {
  train_error = EIO;
  UdpBatch batch(UdpBatch::Trains::no, watched());
  const std::vector<Bytes> row{numbered(100, 1), numbered(100, 2)};
  queue(batch, player, row);
  batch.send(socket);
  expect(player, row);
  queue(batch, other, row);
  batch.send(socket);
  expect(other, row);
  EXPECT_EQ(refusals, 1);
  EXPECT_EQ(batch.counters().sent, 4u);
}

TEST_F(UdpBatchTest, WhereThereIsNoRoomEachDatagramIsAFailure) {
  train_error = ENOBUFS;
  UdpBatch batch(UdpBatch::Trains::no, watched());
  const std::vector<Bytes> row{numbered(100, 1), numbered(100, 2), numbered(100, 3)};
  const std::vector<Bytes> after{numbered(60, 4)};
  queue(batch, player, row);
  queue(batch, other, after);
  batch.send(socket);
  EXPECT_EQ(batch.counters().send_failures, 3u);
  EXPECT_EQ(batch.counters().sent, 1u);
  expect(other, after);
}

}  // namespace
}  // namespace lanrage::server
