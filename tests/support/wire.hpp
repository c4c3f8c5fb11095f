// Raw Ethernet in a namespace.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>

#include "base/bytes.hpp"
#include "io/unique_fd.hpp"
#include "support/namespace.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

class Wire {
 public:
  Wire(const NetNamespace& netns, const std::string& device)
      : fd_(netns.inside([] { return ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); })) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex =
        static_cast<int>(netns.inside([&] { return ::if_nametoindex(device.c_str()); }));
    if (address.sll_ifindex == 0 ||
        ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw LabError("can't listen on " + device + ": " + std::strerror(errno));
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    std::memcpy(mac_.data(), address.sll_addr, mac_.size());
  }

  const ByteArray<6>& mac() const { return mac_; }
  void send(ByteView frame) {
    if (::send(fd_.get(), frame.data(), frame.size(), 0) < 0)
      throw LabError(std::string("can't send a frame: ") + std::strerror(errno));
  }
  // What comes next, or is sent here by others.
  std::optional<Bytes> receive(Millis limit) {
    pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
    std::array<std::uint8_t, 2048> buffer;
    const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) return std::nullopt;
    return Bytes(buffer.data(), buffer.data() + size);
  }
  // Whether this very frame comes.
  bool receives(ByteView frame, Millis limit) {
    const auto end = Clock::now() + patient(limit);
    for (auto now = Clock::now(); now < end; now = Clock::now()) {
      const auto got = receive(std::chrono::ceil<Millis>(end - now));
      if (got && std::ranges::equal(*got, frame)) return true;
    }
    return false;
  }

 private:
  io::UniqueFd fd_;
  ByteArray<6> mac_{};
};

}  // namespace lanrage::lab
