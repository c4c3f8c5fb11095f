#include "support/two_way_traffic.hpp"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/process.hpp"

namespace lanrage::lab {
namespace {

constexpr std::uint16_t kPort = 27'960;
constexpr std::size_t kPayload = 128;  // bytes; games send 50 to 200

int open_socket(const NetNamespace& netns) {
  const int fd =
      netns.inside([] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); });
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    throw LabError("can't bind UDP port " + std::to_string(kPort) + " in " + netns.name());
  return fd;
}

}  // namespace

TwoWayTraffic::TwoWayTraffic(const Side& a, const Side& b, int rate) {
  const auto now = Clock::now();
  ends_[0].fd = open_socket(a.netns);
  ends_[0].peer = b.address;
  ends_[1].fd = open_socket(b.netns);
  ends_[1].peer = a.address;
  for (End& end : ends_)
    end.last_arrival = now;
  const Clock::duration interval = std::chrono::nanoseconds(std::chrono::seconds(1)) / rate;
  carrier_ = std::thread([this, interval] { carry(interval); });
}

TwoWayTraffic::~TwoWayTraffic() {
  stopping_ = true;
  if (carrier_.joinable()) carrier_.join();
  for (const End& end : ends_)
    ::close(end.fd);
}

std::optional<Millis> TwoWayTraffic::recovery(Millis limit) const {
  const auto begin = Clock::now();
  const std::array<std::uint32_t, 2> sent{ends_[0].sent, ends_[1].sent};
  const auto arrived = [&] { return ends_[0].newest > sent[1] && ends_[1].newest > sent[0]; };
  if (!eventually(limit, arrived, Millis(5))) return std::nullopt;
  return std::chrono::duration_cast<Millis>(Clock::now() - begin);
}

TrafficReport TwoWayTraffic::stop(Millis grace) {
  stopping_ = true;
  carrier_.join();
  receive_until(Clock::now() + patient(grace));
  TrafficReport report;
  for (const End& end : ends_) {
    report.sent += static_cast<int>(end.sent);
    report.lost -= static_cast<int>(end.arrived.size());
    report.longest_gap_ms = std::max(
        report.longest_gap_ms, std::chrono::duration<double, std::milli>(end.longest_gap).count());
  }
  report.lost += report.sent;
  return report;
}

void TwoWayTraffic::carry(Clock::duration interval) {
  auto next = Clock::now();
  while (!stopping_) {
    for (End& end : ends_)
      send(end);
    next += interval;
    receive_until(next);
  }
}

void TwoWayTraffic::send(End& end) {
  std::array<unsigned char, kPayload> packet{};
  const std::uint32_t number = end.sent++;
  std::memcpy(packet.data(), &number, sizeof(number));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(kPort);
  to.sin_addr.s_addr = htonl(end.peer.v4_value());
  ::sendto(end.fd, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to),
           sizeof(to));
}

bool TwoWayTraffic::all_arrived() const {
  return ends_[0].arrived.size() == ends_[1].sent && ends_[1].arrived.size() == ends_[0].sent;
}

// Returns early once nothing is under way and nothing more will be sent.
void TwoWayTraffic::receive_until(Clock::time_point deadline) {
  while (!(stopping_ && all_arrived())) {
    const auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
    if (left <= 0) return;
    std::array<pollfd, 2> entries{pollfd{ends_[0].fd, POLLIN, 0}, pollfd{ends_[1].fd, POLLIN, 0}};
    ::poll(entries.data(), entries.size(), static_cast<int>(left));
    for (End& end : ends_) {
      std::array<unsigned char, kPayload> packet;
      while (::recv(end.fd, packet.data(), packet.size(), 0) ==
             static_cast<ssize_t>(packet.size())) {
        std::uint32_t number = 0;
        std::memcpy(&number, packet.data(), sizeof(number));
        end.arrived.insert(number);
        end.newest = std::max<std::uint32_t>(end.newest, number + 1);
        const auto now = Clock::now();
        end.longest_gap = std::max(end.longest_gap, now - end.last_arrival);
        end.last_arrival = now;
      }
    }
  }
}

}  // namespace lanrage::lab
