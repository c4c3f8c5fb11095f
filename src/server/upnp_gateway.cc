#include <array>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#include "server/port_mapper.hpp"

namespace lanrage::server {
namespace {

constexpr int kDiscoverMs = 2'000;
constexpr unsigned char kTtl = 2;  // of multicast, as the standard has it
constexpr int kOnlyPermanentLeases = 725;
constexpr const char* kWhat = "lanrage-server";

class UpnpGateway final : public Gateway {
 public:
  MappingRound map(const std::vector<ServerPort>& ports, std::chrono::seconds lifetime) override {
    MappingRound round;
    const Device device;
    if (!device.found) {
      round.reason = "UPnP: no router answers";
      return round;
    }
    round.method = "UPnP";
    std::array<char, 64> text{};
    if (UPNP_GetExternalIPAddress(device.urls.controlURL, device.data.first.servicetype,
                                  text.data()) == UPNPCOMMAND_SUCCESS)
      round.public_address = IpAddress::parse(text.data());
    if (!round.public_address) round.reason = "UPnP: the router doesn't tell its address";
    for (const auto& port : ports) {
      int result = add(device, port, lifetime);
      if (result == kOnlyPermanentLeases) result = add(device, port, std::chrono::seconds(0));
      if (result == UPNPCOMMAND_SUCCESS)
        round.granted.push_back({port, port.port, lifetime});
      else
        round.reason = std::string("UPnP: ") + reason_of(result);
    }
    return round;
  }

  void unmap(const std::vector<ServerPort>& ports) override {
    const Device device;
    for (const auto& port : ports)
      if (device.found)
        UPNP_DeletePortMapping(device.urls.controlURL, device.data.first.servicetype,
                               std::to_string(port.port).c_str(), name_of(port.transport), nullptr);
  }

 private:
  struct Device {
    Device() {
      int error = 0;
      UPNPDev* list = upnpDiscover(kDiscoverMs, nullptr, nullptr, 0, 0, kTtl, &error);
      // 1: an internet gateway that is connected; others can't forward anything.
      const int kind =
          UPNP_GetValidIGD(list, &urls, &data, address.data(), static_cast<int>(address.size()));
      freeUPNPDevlist(list);
      has_urls = kind != 0;
      found = kind == 1;
    }
    ~Device() {
      if (has_urls) FreeUPNPUrls(&urls);
    }
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    UPNPUrls urls{};
    IGDdatas data{};
    std::array<char, 64> address{};  // ours towards the router
    bool has_urls = false;
    bool found = false;
  };

  static const char* name_of(Transport transport) {
    return transport == Transport::tcp ? "TCP" : "UDP";
  }

  static int add(const Device& device, const ServerPort& port, std::chrono::seconds lifetime) {
    const std::string number = std::to_string(port.port);
    return UPNP_AddPortMapping(device.urls.controlURL, device.data.first.servicetype,
                               number.c_str(), number.c_str(), device.address.data(), kWhat,
                               name_of(port.transport), nullptr,
                               std::to_string(lifetime.count()).c_str());
  }

  static std::string reason_of(int result) {
    const char* text = strupnperror(result);
    return text ? text : "error " + std::to_string(result);
  }
};

}  // namespace

std::unique_ptr<Gateway> upnp_gateway() {
  return std::make_unique<UpnpGateway>();
}

}  // namespace lanrage::server
