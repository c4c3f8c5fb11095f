#include <algorithm>
#include <array>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#include "crypto/keys.hpp"
#include "portmap/default_gateway.hpp"
#include "portmap/gateway.hpp"

namespace lanrage::portmap {
namespace {

// The library's own list has five kinds, each waited for in turn. A gateway of version 2 answers
// for version 1 as well; some answer for the root alone.
constexpr std::array<const char*, 3> kSearched{
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1", "upnp:rootdevice", nullptr};
constexpr int kDiscoverMs = 1'000;  // for each of them
constexpr unsigned char kTtl = 2;   // of multicast, as the standard has it
constexpr int kConflict = 718;
constexpr int kOnlyPermanentLeases = 725;
constexpr int kOnlyTheSamePort = 724;
constexpr int kOtherPortsTried = 4;
constexpr std::uint16_t kFirstOtherPort = 10'000;
constexpr const char* kWhat = "lanrage";

// An internet gateway that answered, and how to speak to it.
class Device {
 public:
  explicit Device(const IpAddress& own) {
    int error = 0;
    // On the way that leads to the internet: other networks, our own tunnels too, have no router.
    UPNPDev* list = upnpDiscoverDevices(kSearched.data(), kDiscoverMs, own.to_string().c_str(),
                                        nullptr, 0, 0, kTtl, &error, 0);
    // 1: an internet gateway that is connected; others can't forward anything.
    const int kind =
        UPNP_GetValidIGD(list, &urls_, &data_, address_.data(), static_cast<int>(address_.size()));
    freeUPNPDevlist(list);
    has_urls_ = kind != 0;
    found_ = kind == 1;
  }
  ~Device() {
    if (has_urls_) FreeUPNPUrls(&urls_);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  bool found() const { return found_; }
  // Towards the router.
  std::string own_address() const { return address_.data(); }

  // False where the device doesn't answer (any more).
  bool ask_address(std::optional<IpAddress>& out) const {
    std::array<char, 64> text{};
    const int result =
        UPNP_GetExternalIPAddress(urls_.controlURL, data_.first.servicetype, text.data());
    if (result == UPNPCOMMAND_SUCCESS) out = IpAddress::parse(text.data());
    if (out && out->is_unspecified()) out.reset();
    return result != UPNPCOMMAND_HTTP_ERROR && result != UPNPCOMMAND_UNKNOWN_ERROR;
  }

  int add(const Port& port, std::uint16_t external, std::chrono::seconds lifetime) const {
    if (is_taken(port, external)) return kConflict;
    return UPNP_AddPortMapping(urls_.controlURL, data_.first.servicetype,
                               std::to_string(external).c_str(), std::to_string(port.port).c_str(),
                               address_.data(), kWhat, text_of(port.transport), nullptr,
                               std::to_string(lifetime.count()).c_str());
  }

  // False where nobody answered.
  bool remove(const Grant& grant) const {
    const int result = UPNP_DeletePortMapping(urls_.controlURL, data_.first.servicetype,
                                              std::to_string(grant.external).c_str(),
                                              text_of(grant.port.transport), nullptr);
    return result != UPNPCOMMAND_HTTP_ERROR;
  }

 private:
  // By another machine, or another program here: many routers overwrite what they have.
  bool is_taken(const Port& port, std::uint16_t external) const {
    std::array<char, 16> client{};
    std::array<char, 6> number{};
    std::array<char, 80> what{};
    std::array<char, 4> enabled{};
    std::array<char, 16> left{};
    const int result = UPNP_GetSpecificPortMappingEntry(
        urls_.controlURL, data_.first.servicetype, std::to_string(external).c_str(),
        text_of(port.transport), nullptr, client.data(), number.data(), what.data(), enabled.data(),
        left.data());
    return result == UPNPCOMMAND_SUCCESS &&
           (own_address() != client.data() || std::to_string(port.port) != number.data());
  }

  static const char* text_of(Transport transport) {
    return transport == Transport::tcp ? "TCP" : "UDP";
  }

  UPNPUrls urls_{};
  IGDdatas data_{};
  std::array<char, 64> address_{};
  bool has_urls_ = false;
  bool found_ = false;
};

class UpnpGateway final : public Gateway {
 public:
  Method method() const override { return Method::upnp; }

  Round map(std::span<const Wish> wishes, std::chrono::seconds lifetime,
            const std::stop_token& stop) override {
    Round round;
    if (!find_device(round, stop)) {
      round.reason = "UPnP: no router answers";
      return round;
    }
    round.method = Method::upnp;
    if (!round.public_address) round.reason = "UPnP: the router doesn't tell its address";
    for (const auto& wish : wishes) {
      if (stop.stop_requested()) break;
      Grant grant{wish.port, wish.external, lifetime};
      int result = add(grant);
      for (int i = 0; i < kOtherPortsTried && wish.any_external && result == kConflict; ++i) {
        grant.external = another_port();
        result = add(grant);
      }
      if (result == UPNPCOMMAND_SUCCESS)
        round.granted.push_back(grant);
      else
        round.reason = "UPnP: " + reason_of(result, grant.external);
    }
    return round;
  }

  void unmap(std::span<const Grant> grants) override {
    for (const auto& grant : grants)
      if (!device_ || !device_->remove(grant)) return;
  }

 private:
  // The one known already, while it answers: searching takes two seconds and asks everybody.
  bool find_device(Round& round, const std::stop_token& stop) {
    const auto own = own_address();
    if (!own) device_.reset();
    if (device_ &&
        (device_->own_address() != own->to_string() || !device_->ask_address(round.public_address)))
      device_.reset();
    if (device_) return true;
    if (!own || stop.stop_requested()) return false;
    device_ = std::make_unique<Device>(*own);
    if (!device_->found()) device_.reset();
    return device_ && device_->ask_address(round.public_address);
  }

  int add(Grant& grant) const {
    int result = device_->add(grant.port, grant.external, grant.lifetime);
    if (result == kOnlyPermanentLeases) {
      grant.lifetime = std::chrono::seconds(0);
      result = device_->add(grant.port, grant.external, grant.lifetime);
    }
    return result;
  }

  std::uint16_t another_port() {
    return static_cast<std::uint16_t>(kFirstOtherPort + random_.below(65'536 - kFirstOtherPort));
  }

  static std::string reason_of(int result, std::uint16_t port) {
    if (result == kConflict || result == kOnlyTheSamePort)
      return "port " + std::to_string(port) + " is taken on the router";
    const char* text = strupnperror(result);
    return text ? text : "error " + std::to_string(result);
  }

  std::unique_ptr<Device> device_;
  crypto::SystemRandom random_;
};

}  // namespace

std::unique_ptr<Gateway> upnp_gateway() {
  return std::make_unique<UpnpGateway>();
}

}  // namespace lanrage::portmap
