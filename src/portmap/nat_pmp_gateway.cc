#include <algorithm>
#include <arpa/inet.h>
#include <natpmp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>

#include "portmap/gateway.hpp"

namespace lanrage::portmap {
namespace {

using std::chrono::steady_clock;

// RFC 6886 would have us wait for two minutes; a home's router answers in milliseconds, and after
// some tries we ask by UPnP.
constexpr std::chrono::milliseconds kPatience{2'000};
constexpr std::chrono::milliseconds kPatienceToUnmap{750};
constexpr std::chrono::milliseconds kLookForStop{100};

class NatPmpGateway final : public Gateway {
 public:
  Method method() const override { return Method::nat_pmp; }

  Round map(std::span<const Wish> wishes, std::chrono::seconds lifetime,
            const std::stop_token& stop) override {
    Round round;
    const Session session;
    if (!session.open) {
      round.reason = "NAT-PMP: no default gateway";
      return round;
    }
    const auto address =
        session.ask([](natpmp_t* p) { return sendpublicaddressrequest(p); }, kPatience, stop);
    if (!address) {
      round.reason = "NAT-PMP: " + session.failure;
      return round;
    }
    round.method = Method::nat_pmp;
    if (const auto ip = IpAddress::v4(ntohl(address->pnu.publicaddress.addr.s_addr));
        !ip.is_unspecified())
      round.public_address = ip;
    for (const auto& wish : wishes) {
      const auto answer = session.ask(
          [&](natpmp_t* p) {
            return sendnewportmappingrequest(p, protocol_of(wish.port), wish.port.port,
                                             wish.external,
                                             static_cast<std::uint32_t>(lifetime.count()));
          },
          kPatience, stop);
      if (!answer) {
        round.reason = "NAT-PMP: " + session.failure;
        if (session.silent) break;
        continue;
      }
      const auto& made = answer->pnu.newportmapping;
      if (!wish.any_external && made.mappedpublicport != wish.external)
        round.reason = "NAT-PMP: port " + std::to_string(wish.external) + " is taken on the router";
      round.granted.push_back(
          {wish.port, made.mappedpublicport, std::chrono::seconds(made.lifetime)});
    }
    return round;
  }

  void unmap(std::span<const Grant> grants) override {
    const Session session;
    for (const auto& grant : grants) {
      if (!session.open || session.silent) return;
      static_cast<void>(session.ask(
          [&](natpmp_t* p) {
            return sendnewportmappingrequest(p, protocol_of(grant.port), grant.port.port, 0, 0);
          },
          kPatienceToUnmap, {}));
    }
  }

 private:
  static int protocol_of(const Port& port) {
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
    std::optional<natpmpresp_t> ask(Send send, std::chrono::milliseconds patience,
                                    const std::stop_token& stop) const {
      const auto deadline = steady_clock::now() + patience;
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
          silent = result == NATPMP_ERR_RECVFROM || result == NATPMP_ERR_NOGATEWAYSUPPORT;
          return std::nullopt;
        }
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0 || stop.stop_requested()) {
          failure = reason_of(NATPMP_ERR_NOGATEWAYSUPPORT);
          silent = true;
          return std::nullopt;
        }
        timeval retry{};
        getnatpmprequesttimeout(&state, &retry);
        const auto wait =
            std::clamp<std::int64_t>(std::int64_t{retry.tv_sec} * 1'000 + retry.tv_usec / 1'000 + 1,
                                     1, std::min(left, kLookForStop).count());
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
    mutable bool silent = false;  // so it will be to further requests
    bool open;
  };
};

}  // namespace

std::unique_ptr<Gateway> nat_pmp_gateway() {
  return std::make_unique<NatPmpGateway>();
}

}  // namespace lanrage::portmap
