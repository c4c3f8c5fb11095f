#include "support/pinger.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/process.hpp"

namespace lanrage::lab {
namespace {

// RFC 1071.
std::uint16_t checksum(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < size; i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum >> 16 != 0)
    sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

double to_ms(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

Pinger::Pinger(const NetNamespace& netns, const IpAddress& target)
    : fd_(netns.inside([] { return ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP); })),
      target_(target.v4_value()) {
  static std::atomic<std::uint16_t> next_id{static_cast<std::uint16_t>(::getpid())};
  id_ = ++next_id;
  if (fd_ < 0) throw LabError("can't open an ICMP socket in " + netns.name());
}

Pinger::~Pinger() {
  ::close(fd_);
}

void Pinger::send_request() {
  std::array<unsigned char, 64> packet{};
  icmphdr header{};
  header.type = ICMP_ECHO;
  header.un.echo.id = htons(id_);
  header.un.echo.sequence = htons(++sequence_);
  std::memcpy(packet.data(), &header, sizeof(header));
  header.checksum = htons(checksum(packet.data(), packet.size()));
  std::memcpy(packet.data(), &header, sizeof(header));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(target_);
  ::sendto(fd_, packet.data(), packet.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to),
           sizeof(to));
}

std::optional<Pinger::Answer> Pinger::next_answer(Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
    pollfd entry{fd_, POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) {
      if (left <= 0) return std::nullopt;
      continue;
    }
    std::array<unsigned char, 2048> packet;
    const auto got = ::recv(fd_, packet.data(), packet.size(), MSG_DONTWAIT);
    const auto now = Clock::now();
    iphdr ip{};
    icmphdr icmp{};
    if (got < static_cast<ssize_t>(sizeof(ip))) continue;
    std::memcpy(&ip, packet.data(), sizeof(ip));
    const std::size_t offset = ip.ihl * 4u;
    if (static_cast<std::size_t>(got) < offset + sizeof(icmp)) continue;
    std::memcpy(&icmp, packet.data() + offset, sizeof(icmp));
    if (icmp.type == ICMP_ECHOREPLY && ntohs(icmp.un.echo.id) == id_ && ntohl(ip.saddr) == target_)
      return Answer{ntohs(icmp.un.echo.sequence), now};
  }
}

std::optional<Clock::time_point> Pinger::first_answer(Millis limit, Millis interval) {
  const auto deadline = Clock::now() + patient(limit);
  while (Clock::now() < deadline) {
    send_request();
    if (auto answer = next_answer(std::min(deadline, Clock::now() + interval))) return answer->at;
  }
  return std::nullopt;
}

PingReport Pinger::ping(int count, Millis interval, Millis grace) {
  PingReport report;
  std::map<std::uint16_t, Clock::time_point> sent_at;
  const auto begin = Clock::now();
  auto last_answer = begin;
  const auto collect = [&](Clock::time_point deadline) {
    while (report.received < count) {
      const auto answer = next_answer(deadline);
      if (!answer) return;
      const auto sent = sent_at.find(answer->sequence);
      if (sent == sent_at.end()) continue;  // of an earlier call, or a duplicate
      report.rtt_ms.push_back(to_ms(answer->at - sent->second));
      report.sent_ms.push_back(to_ms(sent->second - begin));
      sent_at.erase(sent);
      report.longest_gap_ms = std::max(report.longest_gap_ms, to_ms(answer->at - last_answer));
      last_answer = answer->at;
      ++report.received;
    }
  };
  auto next_send = Clock::now();
  while (report.sent < count) {
    const auto sent = Clock::now();  // before: the answer may overtake us
    send_request();
    sent_at[sequence_] = sent;
    ++report.sent;
    next_send += interval;
    if (report.sent < count) collect(next_send);
  }
  collect(Clock::now() + patient(grace));
  return report;
}

}  // namespace lanrage::lab
