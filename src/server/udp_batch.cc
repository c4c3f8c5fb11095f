#include "server/udp_batch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <vector>

#include "server/udp_address.hpp"

namespace lanrage::server {
namespace {

// What the kernel takes as a train, and makes one of.
constexpr std::size_t kMostSegments = 64;
constexpr std::size_t kMostTrainBytes = 65'507;

// Bytes of each datagram of a train but the last; 0: it's none.
std::size_t segment_of(msghdr& header) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_UDP || part->cmsg_type != UDP_GRO) continue;
    int size = 0;
    std::memcpy(&size, CMSG_DATA(part), sizeof size);
    return static_cast<std::size_t>(size);
  }
  return 0;
}

IpAddress destination_of(msghdr& header) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      return to_address(info.ipi_addr);
    }
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      return to_address(info.ipi6_addr);
    }
  }
  return {};
}

// Sends from `local`; the interface is left to routing.
std::size_t put_source(const IpAddress& local, bool v6_socket, std::uint8_t* control,
                       std::size_t size) {
  if (local.is_unspecified()) return 0;
  msghdr header{};
  header.msg_control = control;
  header.msg_controllen = size;
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  sockaddr_storage address;
  to_sockaddr({local, 0}, v6_socket, address);
  if (v6_socket) {
    in6_pktinfo info{};
    info.ipi6_addr = reinterpret_cast<sockaddr_in6&>(address).sin6_addr;
    part->cmsg_level = IPPROTO_IPV6;
    part->cmsg_type = IPV6_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(part), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }
  in_pktinfo info{};
  info.ipi_spec_dst = reinterpret_cast<sockaddr_in&>(address).sin_addr;
  part->cmsg_level = IPPROTO_IP;
  part->cmsg_type = IP_PKTINFO;
  part->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(part), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

constexpr std::size_t kSegmentSizeSpace = CMSG_SPACE(sizeof(std::uint16_t));

void put_segment_size(std::size_t size, std::uint8_t* control) {
  auto* part = reinterpret_cast<cmsghdr*>(control);
  part->cmsg_level = SOL_UDP;
  part->cmsg_type = UDP_SEGMENT;
  part->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto value = static_cast<std::uint16_t>(size);
  std::memcpy(CMSG_DATA(part), &value, sizeof value);
}

}  // namespace

struct UdpBatch::Arrays {
  static constexpr std::size_t kControlSize = 96;
  static constexpr std::size_t kRefused = 16;
  // Not a power of two: the places' beginnings would share few lines of the cache.
  static constexpr std::size_t kTrainStride = (64 << 10) + 192;
  struct alignas(cmsghdr) Control {
    std::uint8_t bytes[kControlSize];
  };
  // In: with UDP_GRO's int.
  static_assert(kControlSize >= CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int)));
  static_assert(kControlSize >= CMSG_SPACE(sizeof(in6_pktinfo)) + kSegmentSizeSpace);

  explicit Arrays(std::size_t stride)
      : buffers(std::make_unique_for_overwrite<std::uint8_t[]>(kDatagrams * stride)) {
    received.reserve(kDatagrams);
  }

  std::unique_ptr<std::uint8_t[]> buffers;  // its pages are taken when they are first needed
  std::vector<Received> received;           // grows with the most that came at a time
  std::array<mmsghdr, kDatagrams> in{};
  std::array<iovec, kDatagrams> in_bytes{};
  std::array<sockaddr_storage, kDatagrams> in_address{};
  std::array<Control, kDatagrams> in_control{};
  struct Queued {
    Endpoint to;
    IpAddress local;
    std::size_t size;     // of each datagram
    std::size_t bytes;    // of all
    std::size_t count;    // datagrams
    std::size_t control;  // bytes, without the segment's size
    bool closed;          // ends in a shorter one
  };
  std::array<Queued, kDatagrams> queued{};
  std::array<mmsghdr, kDatagrams> out{};
  std::array<iovec, kDatagrams * kMostSegments> out_bytes{};
  std::array<sockaddr_storage, kDatagrams> out_address{};
  std::array<Control, kDatagrams> out_control{};
  std::array<mmsghdr, kMostSegments> single{};
  std::array<iovec, kMostSegments> single_bytes{};
  std::array<Endpoint, kRefused> refused{};  // the ways to them take no trains
  std::size_t refusals = 0;
};

UdpBatch::UdpBatch(Trains trains, Send send)
    : arrays_(std::make_unique<Arrays>(trains == Trains::yes ? Arrays::kTrainStride : kBufferSize)),
      send_(send ? std::move(send)
                 : [](int fd, mmsghdr* messages,
                      unsigned count) { return sendmmsg(fd, messages, count, MSG_DONTWAIT); }),
      stride_(trains == Trains::yes ? Arrays::kTrainStride : kBufferSize) {}
UdpBatch::~UdpBatch() = default;

std::span<const UdpBatch::Received> UdpBatch::receive(const UdpSocket& socket) {
  Arrays& a = *arrays_;
  queued_ = pieces_ = 0;
  const std::size_t capacity = socket.receives_trains() ? stride_ : kBufferSize;
  for (std::size_t i = 0; i < kDatagrams; ++i) {
    a.in_bytes[i] = {a.buffers.get() + i * stride_, capacity};
    a.in[i].msg_hdr = {.msg_name = &a.in_address[i],
                       .msg_namelen = sizeof a.in_address[i],
                       .msg_iov = &a.in_bytes[i],
                       .msg_iovlen = 1,
                       .msg_control = a.in_control[i].bytes,
                       .msg_controllen = Arrays::kControlSize,
                       .msg_flags = 0};
  }
  int count = recvmmsg(socket.fd(), a.in.data(), kDatagrams, MSG_DONTWAIT, nullptr);
  was_full_ = count == static_cast<int>(kDatagrams);
  a.received.clear();
  for (int i = 0; i < count; ++i) {
    msghdr& header = a.in[i].msg_hdr;
    const std::size_t size = a.in[i].msg_len;
    std::size_t segment = socket.receives_trains() ? segment_of(header) : 0;
    const std::size_t datagrams = segment == 0 ? 1 : (size + segment - 1) / segment;
    counters_.received += datagrams;
    if (segment == 0) segment = size;
    if (header.msg_flags & MSG_TRUNC || segment > kBufferSize) {
      counters_.oversized += datagrams;
      continue;
    }
    auto* bytes = static_cast<std::uint8_t*>(a.in_bytes[i].iov_base);
    const Endpoint from = to_endpoint(a.in_address[i]);
    const IpAddress local = destination_of(header);
    if (datagrams == 1) {
      a.received.push_back(
          {from, local, MutableByteView(bytes, size), MutableByteView(bytes, kBufferSize)});
      continue;
    }
    for (std::size_t at = 0; at < size; at += segment) {
      const MutableByteView one(bytes + at, std::min(segment, size - at));
      a.received.push_back({from, local, one, one});
    }
  }
  return a.received;
}

bool UdpBatch::joins_last(const Endpoint& to, const IpAddress& local, std::size_t size) const {
  if (queued_ == 0) return false;
  const auto& last = arrays_->queued[queued_ - 1];
  return size > 0 && size <= last.size && !last.closed && last.count < kMostSegments &&
         last.bytes + size <= kMostTrainBytes && last.to == to && last.local == local &&
         !refuses_trains(to);
}

void UdpBatch::join_last(ByteView bytes) {
  Arrays& a = *arrays_;
  auto& last = a.queued[queued_ - 1];
  msghdr& header = a.out[queued_ - 1].msg_hdr;
  iovec& piece = a.out_bytes[pieces_ - 1];
  auto* data = const_cast<std::uint8_t*>(bytes.data());
  if (static_cast<std::uint8_t*>(piece.iov_base) + piece.iov_len == data) {
    piece.iov_len += bytes.size();
  } else {
    a.out_bytes[pieces_++] = {data, bytes.size()};
    ++header.msg_iovlen;
  }
  last.bytes += bytes.size();
  last.closed = bytes.size() < last.size;
  if (++last.count > 2) return;
  auto* control = a.out_control[queued_ - 1].bytes;
  put_segment_size(last.size, control + last.control);
  header.msg_control = control;
  header.msg_controllen = last.control + kSegmentSizeSpace;
}

void UdpBatch::queue(const UdpSocket& socket, const Endpoint& to, const IpAddress& local,
                     ByteView bytes) {
  if (to.address.is_v6() && !socket.is_v6()) {
    ++counters_.send_failures;
    return;
  }
  if (socket.sends_trains() && joins_last(to, local, bytes.size())) {
    join_last(bytes);
    return;
  }
  Arrays& a = *arrays_;
  std::size_t i = queued_++;
  iovec& piece = a.out_bytes[pieces_++];
  piece = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  socklen_t size = to_sockaddr(to, socket.is_v6(), a.out_address[i]);
  std::size_t control =
      put_source(local, socket.is_v6(), a.out_control[i].bytes, Arrays::kControlSize);
  a.queued[i] = {to, local, bytes.size(), bytes.size(), 1, control, false};
  a.out[i].msg_hdr = {.msg_name = &a.out_address[i],
                      .msg_namelen = size,
                      .msg_iov = &piece,
                      .msg_iovlen = 1,
                      .msg_control = control ? a.out_control[i].bytes : nullptr,
                      .msg_controllen = control,
                      .msg_flags = 0};
}

void UdpBatch::send(const UdpSocket& socket) {
  Arrays& a = *arrays_;
  for (std::size_t done = 0; done < queued_;) {
    const int count =
        send_(socket.fd(), a.out.data() + done, static_cast<unsigned>(queued_ - done));
    if (count > 0) {
      for (int i = 0; i < count; ++i)
        counters_.sent += a.queued[done++].count;
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    const auto& failed = a.queued[done];
    if (failed.count > 1 && (error == EMSGSIZE || error == EINVAL || error == EIO)) {
      note_refusal(failed.to, error);
      send_singly(socket, done);
    } else {
      counters_.send_failures +=
          failed.count;  // its fault, or no room: the rest gets its own chance
    }
    ++done;
  }
  queued_ = pieces_ = 0;
}

bool UdpBatch::refuses_trains(const Endpoint& to) const {
  if (refuses_all_) return true;
  const Arrays& a = *arrays_;
  const auto known = std::span(a.refused).first(std::min(a.refusals, Arrays::kRefused));
  return std::ranges::find(known, to) != known.end();
}

void UdpBatch::note_refusal(const Endpoint& to, int error) {
  if (error == EIO)
    refuses_all_ = true;         // the device leaves checksums to us, which a train's can't be
  else if (!refuses_trains(to))  // such as a segment larger than the way's MTU
    arrays_->refused[arrays_->refusals++ % Arrays::kRefused] = to;
}

void UdpBatch::send_singly(const UdpSocket& socket, std::size_t message) {
  Arrays& a = *arrays_;
  const auto& train = a.queued[message];
  const msghdr& whole = a.out[message].msg_hdr;
  std::size_t count = 0;
  for (const iovec& piece : std::span(whole.msg_iov, whole.msg_iovlen)) {
    for (std::size_t at = 0; at < piece.iov_len; at += train.size) {
      a.single_bytes[count] = {static_cast<std::uint8_t*>(piece.iov_base) + at,
                               std::min(train.size, piece.iov_len - at)};
      msghdr& header = a.single[count].msg_hdr;
      header = whole;
      header.msg_iov = &a.single_bytes[count];
      header.msg_iovlen = 1;
      header.msg_controllen = train.control;
      if (train.control == 0) header.msg_control = nullptr;
      ++count;
    }
  }
  for (std::size_t done = 0; done < count;) {
    const int sent =
        send_(socket.fd(), a.single.data() + done, static_cast<unsigned>(count - done));
    if (sent > 0) {
      counters_.sent += static_cast<std::uint64_t>(sent);
      done += static_cast<std::size_t>(sent);
    } else if (errno != EINTR) {
      ++counters_.send_failures;
      ++done;
    }
  }
}

}  // namespace lanrage::server
