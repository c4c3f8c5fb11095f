#include "relay/load_threads.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <netinet/udp.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <thread>

namespace lanrage::bench {
namespace {

constexpr std::int64_t kStall = 20'000'000;  // ns without an arrival: what was sent is lost
constexpr auto kNap = std::chrono::microseconds(50);
constexpr std::size_t kBufferSize = 2048;
constexpr std::size_t kControlSize = 128;
constexpr std::size_t kMostLatencies = 4'000'000;

// Behind a message's header.
struct Stamp {
  std::int64_t sent_at;  // CLOCK_REALTIME, as receive timestamps are
  std::uint64_t number;
  std::uint64_t run;
};
static_assert(kMessageHeaderSize + sizeof(Stamp) <= kMessageSize);

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::int64_t arrival_of(msghdr& header) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec at{};
    std::memcpy(&at, CMSG_DATA(part), sizeof at);
    return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
  }
  return 0;
}

// The source, and behind it the size of a segment, which counts when the message has several.
void put_control(std::uint8_t* out, const IpAddress& source, std::size_t segment) {
  const SourceControl from = source_control(source);
  std::ranges::copy(from.bytes, out);
  auto* part = reinterpret_cast<cmsghdr*>(out + sizeof from.bytes);
  part->cmsg_level = SOL_UDP;
  part->cmsg_type = UDP_SEGMENT;
  part->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto size = static_cast<std::uint16_t>(segment);
  std::memcpy(CMSG_DATA(part), &size, sizeof size);
}

}  // namespace

Progress::Progress() {
  static std::uint64_t last = 0;
  run = ++last;
}

struct Sender::Arrays {
  struct alignas(cmsghdr) Control {
    std::uint8_t bytes[sizeof(SourceControl) + CMSG_SPACE(sizeof(std::uint16_t))];
  };
  std::array<std::array<std::uint8_t, kBufferSize>, kBatch> buffers{};
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> contents{};
  std::array<sockaddr_in, kBatch> addresses{};
  std::array<Control, kBatch> controls{};
};

Sender::Sender(const ClientPorts& ports, const LoadShape& shape, const std::vector<Flow>& flows,
               const Pace& pace, Progress& progress)
    : ports_(ports),
      shape_(shape),
      pace_(pace),
      progress_(progress),
      arrays_(std::make_unique<Arrays>()) {
  for (const Flow& flow : flows)
    queues_[ClientPorts::socket_of(flow.sender)].flows.push_back(&flow);
  for (const Queued& queue : queues_)
    if (queue.flows.empty()) throw std::logic_error("a load needs a flow on every socket");
}

Sender::~Sender() = default;

void Sender::run() {
  ::prctl(PR_SET_TIMERSLACK, 1000);  // ns
  began_ = last_progress_ = now_ns();
  while (!progress_.sender_stops) {
    if (const std::size_t count = room(); count > 0)
      send(count);
    else
      std::this_thread::sleep_for(kNap);
  }
}

std::size_t Sender::room() {
  const std::int64_t now = now_ns();
  if (pace_.per_second > 0) {
    const auto due = static_cast<std::uint64_t>(static_cast<double>(now - began_) * 1e-9 *
                                                static_cast<double>(pace_.per_second));
    return std::min<std::uint64_t>(due - std::min(due, number_), kBatch);
  }
  const std::uint64_t received = progress_.received;
  if (received != last_received_) {
    last_received_ = received;
    last_progress_ = now;
  }
  std::uint64_t lost = progress_.lost;
  if (now - last_progress_ > kStall) {
    lost = number_ - std::min(number_, received);
    progress_.lost = lost;
    last_progress_ = now;
  }
  const std::uint64_t under_way = number_ - std::min(number_, received + lost);
  return under_way + kBatch <= pace_.window ? kBatch : 0;
}

void Sender::send(std::size_t count) {
  Arrays& a = *arrays_;
  const std::size_t socket = turn_++ % ClientPorts::kSockets;
  Queued& queue = queues_[socket];
  const std::int64_t now = now_ns();
  std::size_t messages = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Flow& flow = *queue.flows[queue.next];
    const bool first = queue.sent == 0 || i == 0;
    if (++queue.sent == shape_.burst) {
      queue.sent = 0;
      queue.next = queue.next + 1 == queue.flows.size() ? 0 : queue.next + 1;
    }
    std::uint8_t* at = a.buffers[i].data();
    const ByteView head = flow.head.bytes();
    std::ranges::copy(head, at);
    const Stamp stamp{now, number_++, progress_.run};
    std::memcpy(at + head.size(), &stamp, sizeof stamp);
    a.contents[i] = {at, head.size() - kMessageHeaderSize + shape_.message_size};
    if (shape_.segmented && !first) {
      ++a.messages[messages - 1].msg_hdr.msg_iovlen;
      a.messages[messages - 1].msg_hdr.msg_controllen = sizeof a.controls[0].bytes;
      continue;
    }
    const std::size_t message = messages++;
    a.addresses[message] = to_sockaddr(flow.to);
    put_control(a.controls[message].bytes, ports_.endpoint(flow.sender).address,
                a.contents[i].iov_len);
    a.messages[message].msg_hdr = {.msg_name = &a.addresses[message],
                                   .msg_namelen = sizeof a.addresses[message],
                                   .msg_iov = &a.contents[i],
                                   .msg_iovlen = 1,
                                   .msg_control = a.controls[message].bytes,
                                   .msg_controllen = sizeof(SourceControl),
                                   .msg_flags = 0};
  }
  for (std::size_t done = 0; done < messages;) {
    const int sent = ::sendmmsg(ports_.fd(socket), a.messages.data() + done,
                                static_cast<unsigned>(messages - done), 0);
    if (sent > 0)
      done += static_cast<std::size_t>(sent);
    else if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
      throw std::runtime_error(std::string("sendmmsg: ") + std::strerror(errno));
  }
  progress_.sent = number_;
}

struct Receiver::Arrays {
  std::array<std::array<std::uint8_t, kBufferSize>, kBatch> buffers;
  struct alignas(cmsghdr) Control {
    std::uint8_t bytes[kControlSize];
  };
  std::array<Control, kBatch> controls;
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> contents{};
};

Receiver::Receiver(const ClientPorts& ports, const LoadShape& shape, Progress& progress)
    : ports_(ports),
      message_size_(shape.message_size),
      progress_(progress),
      arrays_(std::make_unique<Arrays>()) {
  latencies_.reserve(kMostLatencies);
}

Receiver::~Receiver() = default;

void Receiver::run() {
  std::array<pollfd, ClientPorts::kSockets> polled{};
  for (std::size_t i = 0; i < polled.size(); ++i)
    polled[i] = {ports_.fd(i), POLLIN, 0};
  while (!progress_.receiver_stops) {
    ::poll(polled.data(), polled.size(), 20);
    for (const pollfd& one : polled)
      while (one.revents != 0 && read(one.fd)) {
      }
  }
}

// False when there is nothing more.
bool Receiver::read(int fd) {
  Arrays& a = *arrays_;
  for (std::size_t i = 0; i < kBatch; ++i) {
    a.contents[i] = {a.buffers[i].data(), kBufferSize};
    a.messages[i].msg_hdr = {.msg_name = nullptr,
                             .msg_namelen = 0,
                             .msg_iov = &a.contents[i],
                             .msg_iovlen = 1,
                             .msg_control = a.controls[i].bytes,
                             .msg_controllen = kControlSize,
                             .msg_flags = 0};
  }
  const int count = ::recvmmsg(fd, a.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (count <= 0) return false;
  std::uint64_t counted = 0;
  const bool measuring = progress_.measuring;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::size_t size = a.messages[i].msg_len;
    if (size < message_size_) continue;
    Stamp stamp{};
    std::memcpy(&stamp, a.buffers[i].data() + size - message_size_ + kMessageHeaderSize,
                sizeof stamp);
    if (stamp.run != progress_.run) continue;
    ++counted;
    last_size_ = size;
    if (measuring && latencies_.size() < kMostLatencies)
      latencies_.push_back(static_cast<std::uint32_t>(std::clamp<std::int64_t>(
          arrival_of(a.messages[i].msg_hdr) - stamp.sent_at, 0, UINT32_MAX)));
  }
  progress_.received += counted;
  return static_cast<std::size_t>(count) == kBatch;
}

}  // namespace lanrage::bench
