// Batches of datagrams in and out of a socket, each answered from the address of ours that it came
// to (a host may have several).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <sys/socket.h>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "server/udp_socket.hpp"

namespace lanrage::server {

struct UdpCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t oversized = 0;      // came in larger than the buffer, dropped
  std::uint64_t send_failures = 0;  // each costs its datagram only

  UdpCounters& operator+=(const UdpCounters& other) {
    received += other.received;
    sent += other.sent;
    oversized += other.oversized;
    send_failures += other.send_failures;
    return *this;
  }
};

// Buffers for one batch, allocated once.
class UdpBatch {
 public:
  static constexpr std::size_t kDatagrams = 64;
  static constexpr std::size_t kBufferSize = 2048;  // of the largest datagram

  // sendmmsg() in tests' clothes.
  using Send = std::function<int(int fd, mmsghdr* messages, unsigned count)>;

  // For sockets that receive trains: the buffers hold whole ones.
  enum class Trains { no, yes };
  explicit UdpBatch(Trains trains = Trains::no, Send send = {});
  ~UdpBatch();

  struct Received {
    Endpoint from;
    IpAddress local;
    MutableByteView bytes;
    MutableByteView buffer;  // the same, up to its place's end: an answer may be put here
  };

  // What is there now, without waiting; empty when nothing is, and more than kDatagrams when trains
  // came. Valid until the next receive().
  std::span<const Received> receive(const UdpSocket& socket);
  // Whether the socket had as much as fits one batch: there may be more.
  bool was_full() const { return was_full_; }
  bool full() const { return queued_ == kDatagrams; }
  // Queues for send(), until when `bytes` must live; not when full. By a socket that sends trains,
  // what follows another to the same place in the same size, or ends such a row, goes with it.
  void queue(const UdpSocket& socket, const Endpoint& to, const IpAddress& local, ByteView bytes);
  // Sends what was queued through the socket. A failure never stops the rest; a train that the way
  // doesn't take is sent singly, as are those to the same place from then on.
  void send(const UdpSocket& socket);

  const UdpCounters& counters() const { return counters_; }

 private:
  struct Arrays;
  bool joins_last(const Endpoint& to, const IpAddress& local, std::size_t size) const;
  void join_last(ByteView bytes);
  bool refuses_trains(const Endpoint& to) const;
  void note_refusal(const Endpoint& to, int error);
  void send_singly(const UdpSocket& socket, std::size_t message);

  std::unique_ptr<Arrays> arrays_;
  Send send_;
  std::size_t stride_;      // of the buffers
  std::size_t queued_ = 0;  // messages: a datagram or a train each
  std::size_t pieces_ = 0;
  bool was_full_ = false;
  bool refuses_all_ = false;  // trains
  UdpCounters counters_;
};

}  // namespace lanrage::server
