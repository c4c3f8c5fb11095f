#include "relay/testbed.hpp"

#include <cerrno>
#include <cstring>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "io/unique_fd.hpp"
#include "support/process.hpp"

namespace lanrage::bench {
namespace {

void join(const lab::NetNamespace& one, const std::string& one_end, const std::string& one_address,
          const lab::NetNamespace& other, const std::string& other_end,
          const std::string& other_address) {
  one.ip("link add " + one_end + " type veth peer name " + other_end + " netns " + other.name() +
         "\naddr add " + one_address + " dev " + one_end + "\nlink set " + one_end + " up\n");
  other.ip("addr add " + other_address + " dev " + other_end + "\nlink set " + other_end + " up\n");
}

void set(const lab::NetNamespace& place, const char* device, std::uint32_t what, std::uint32_t to) {
  place.inside([&] {
    const io::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_value value{what, to};
    ifreq request{};
    std::strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
    request.ifr_data = reinterpret_cast<char*>(&value);
    if (!fd || ::ioctl(fd.get(), SIOCETHTOOL, &request) != 0)
      throw std::runtime_error(std::string("can't set up ") + device + ": " + std::strerror(errno));
  });
}

void make_like_card(const lab::NetNamespace& place, const char* device) {
  set(place, device, ETHTOOL_STXCSUM, 0);
  set(place, device, ETHTOOL_SGRO, 1);  // it receives by NAPI, which frames of a program need
}

}  // namespace

Testbed::Testbed(Veths veths) {
  for (const auto* place : {&senders_, &relay_, &receivers_})
    for (const char* which : {"all", "default"})
      place->sysctl(std::string("net/ipv4/conf/") + which + "/rp_filter", "0");
  join(senders_, "relay", "10.99.1.2/30", relay_, "senders", "10.99.1.1/30");
  join(receivers_, "relay", "10.99.2.2/30", relay_, "receivers", "10.99.2.1/30");
  join(senders_, "receivers", "10.99.3.1/30", receivers_, "senders", "10.99.3.2/30");
  relay_.ip(
      "addr add 203.0.113.1/32 dev lo\n"
      "route add 198.18.0.0/16 via 10.99.1.2\n"
      "route add 198.19.0.0/16 via 10.99.2.2\n");
  senders_.ip(
      "route add local 198.18.0.0/16 dev lo\n"
      "route add 203.0.113.1/32 via 10.99.1.1\n"
      "route add 198.19.0.0/16 via 10.99.3.2\n");
  receivers_.ip(
      "route add local 198.19.0.0/16 dev lo\n"
      "route add 203.0.113.1/32 via 10.99.2.1\n"
      "route add 198.18.0.0/16 via 10.99.3.1\n");
  if (veths == Veths::plain) return;
  if (veths != Veths::as_cards) {
    for (const auto* place : {&senders_, &receivers_})
      set(*place, "relay", ETHTOOL_STSO, 0);  // else a veth expects nothing to join
    for (const char* device : {"senders", "receivers"}) {
      set(relay_, device, ETHTOOL_SGRO, 1);
      lab::must_run({"ip", "netns", "exec", relay_.name(), "tee",
                     std::string("/sys/class/net/") + device + "/threaded"},
                    {.input = "1"});
      if (veths == Veths::with_gro)
        relay_.ip(std::string("link set dev ") + device + " gso_max_segs 1\n");
    }
    return;
  }
  for (const char* device : {"relay", "receivers"})
    make_like_card(senders_, device);
  for (const char* device : {"senders", "receivers"})
    make_like_card(relay_, device);
  for (const char* device : {"relay", "senders"})
    make_like_card(receivers_, device);
}

}  // namespace lanrage::bench
