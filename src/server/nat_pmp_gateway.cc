#include <algorithm>
#include <arpa/inet.h>
#include <natpmp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>

#include "server/port_mapper.hpp"

namespace lanrage::server {
namespace {

using std::chrono::steady_clock;

// RFC 6886 would have us wait for two minutes; a home's router answers in milliseconds, and after
// some tries we ask by UPnP.
constexpr std::chrono::milliseconds kPatience{2'000};

class NatPmpGateway final : public Gateway {
 public:
  MappingRound map(const std::vector<ServerPort>& ports, std::chrono::seconds lifetime) override {
    MappingRound round;
    const Session session;
    if (!session.open) {
      round.reason = "NAT-PMP: no default gateway";
      return round;
    }
    const auto address = session.ask([](natpmp_t* p) { return sendpublicaddressrequest(p); });
    if (!address) {
      round.reason = "NAT-PMP: " + session.failure;
      return round;
    }
    round.method = "NAT-PMP";
    if (const auto ip = IpAddress::v4(ntohl(address->pnu.publicaddress.addr.s_addr));
        !ip.is_unspecified())
      round.public_address = ip;
    for (const auto& port : ports) {
      const auto answer = session.ask([&](natpmp_t* p) {
        return sendnewportmappingrequest(p, protocol_of(port), port.port, port.port,
                                         static_cast<std::uint32_t>(lifetime.count()));
      });
      if (!answer) {
        round.reason = "NAT-PMP: " + session.failure;
        continue;
      }
      const auto& made = answer->pnu.newportmapping;
      if (made.mappedpublicport != port.port)
        round.reason = "NAT-PMP: port " + std::to_string(port.port) + " is taken on the router";
      round.granted.push_back({port, made.mappedpublicport, std::chrono::seconds(made.lifetime)});
    }
    return round;
  }

  void unmap(const std::vector<ServerPort>& ports) override {
    const Session session;
    for (const auto& port : ports)
      if (session.open)
        (void)session.ask([&](natpmp_t* p) {
          return sendnewportmappingrequest(p, protocol_of(port), port.port, 0, 0);
        });
  }

 private:
  static int protocol_of(const ServerPort& port) {
    return port.transport == Transport::tcp ? NATPMP_PROTOCOL_TCP : NATPMP_PROTOCOL_UDP;
  }

  struct Session {
    Session() : open(initnatpmp(&state, 0, 0) == 0) {}
    ~Session() {
      if (open) closenatpmp(&state);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    template <class Send>
    std::optional<natpmpresp_t> ask(Send send) const {
      const auto deadline = steady_clock::now() + kPatience;
      if (send(&state) < 0) {
        failure = "the request couldn't be sent";
        return std::nullopt;
      }
      for (;;) {
        natpmpresp_t answer{};
        const int result = readnatpmpresponseorretry(&state, &answer);
        if (result == 0) return answer;
        if (result != NATPMP_TRYAGAIN) {
          failure = reason_of(result);
          return std::nullopt;
        }
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0) {
          failure = reason_of(NATPMP_ERR_NOGATEWAYSUPPORT);
          return std::nullopt;
        }
        timeval retry{};
        getnatpmprequesttimeout(&state, &retry);
        const auto wait = std::clamp<std::int64_t>(
            std::int64_t{retry.tv_sec} * 1'000 + retry.tv_usec / 1'000 + 1, 1, left.count());
        pollfd readable{state.s, POLLIN, 0};
        (void)::poll(&readable, 1, static_cast<int>(wait));
      }
    }

    static std::string reason_of(int result) {
      switch (result) {
        case NATPMP_ERR_NOGATEWAYSUPPORT:
        case NATPMP_ERR_RECVFROM:
          return "the router doesn't answer";
        case NATPMP_ERR_NOTAUTHORIZED:
          return "switched off in the router's settings";
        case NATPMP_ERR_NETWORKFAILURE:
          return "the router has no address of the internet";
        case NATPMP_ERR_OUTOFRESOURCES:
          return "the router has no room for more";
        default:
          return "the router refused (" + std::to_string(result) + ")";
      }
    }

    mutable natpmp_t state{};
    mutable std::string failure;
    bool open;
  };
};

}  // namespace

std::unique_ptr<Gateway> nat_pmp_gateway() {
  return std::make_unique<NatPmpGateway>();
}

}  // namespace lanrage::server
