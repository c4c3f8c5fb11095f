#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "io/clock.hpp"
#include "io/sockaddr.hpp"
#include "io/unique_fd.hpp"
#include "portmap/default_gateway.hpp"
#include "portmap/gateway.hpp"
#include "portmap/pcp.hpp"

namespace lanrage::portmap {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// 8.1.1 begins with 3 s and never ends; a home's router answers in milliseconds, and there are
// other ways to ask.
constexpr std::array<milliseconds, 3> kPatience{milliseconds(250), milliseconds(500),
                                                milliseconds(1'000)};
constexpr std::array<milliseconds, 2> kPatienceToUnmap{milliseconds(250), milliseconds(500)};
constexpr milliseconds kLookForStop{100};

// A socket that hears the router alone.
class Session {
 public:
  explicit Session(const Endpoint& server) : server_(server) {
    fd_ = io::UniqueFd(::socket(server.address.is_v4() ? AF_INET : AF_INET6,
                                SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    auto to = io::to_socket_address(server);
    io::SocketAddress own;
    if (!fd_ || ::connect(fd_.get(), to.get(), to.size) != 0 ||
        ::getsockname(fd_.get(), own.get(), &own.size) != 0) {
      failure_ = "no way to the router: " + std::string(std::strerror(errno));
      return;
    }
    own_ = io::from_socket_address(own.storage).address;
  }

  const IpAddress& own() const { return own_; }
  const std::string& failure() const { return failure_; }

  // Nothing when no answer came, or when it is stopped; failure() then says why.
  std::optional<pcp::MapResponse> ask(const pcp::MapRequest& request,
                                      std::span<const milliseconds> patience,
                                      const std::stop_token& stop) {
    const auto bytes = pcp::encode(request);
    for (const auto wait : patience) {
      if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0 && errno != ECONNREFUSED)
        return failed("the request can't be sent: " + std::string(std::strerror(errno)));
      const auto deadline = steady_clock::now() + wait;
      for (;;) {
        if (stop.stop_requested()) return failed("stopped");
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0) break;
        pollfd readable{fd_.get(), POLLIN, 0};
        if (::poll(&readable, 1, static_cast<int>(std::min(left, kLookForStop).count())) <= 0)
          continue;
        std::array<std::uint8_t, pcp::kMaxMessage> buffer;
        const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        // ICMP says that nobody listens there.
        if (size < 0 && errno == ECONNREFUSED) return failed("the router doesn't speak it");
        if (size < 0) continue;
        const auto answer = pcp::parse({buffer.data(), static_cast<std::size_t>(size)});
        if (answer && answer->answers(request)) return *answer;
        if (!answer && answer.error().is(pcp::Errc::other_version))
          return failed("the router doesn't speak it");
      }
    }
    return failed("the router doesn't answer");
  }

 private:
  std::nullopt_t failed(std::string why) {
    failure_ = std::move(why);
    return std::nullopt;
  }

  Endpoint server_;
  io::UniqueFd fd_;
  IpAddress own_;
  std::string failure_;
};

class PcpGateway final : public Gateway {
 public:
  PcpGateway(const NonceKey& key, std::optional<Endpoint> server) : key_(key), server_(server) {}

  Method method() const override { return Method::pcp; }

  Round map(std::span<const Wish> wishes, std::chrono::seconds lifetime,
            const std::stop_token& stop) override {
    Round round;
    const auto complain = [&](const std::string& why) { round.reason = "PCP: " + why; };
    const auto server = server_now();
    if (!server) {
      complain("no default gateway");
      return round;
    }
    Session session(*server);
    if (!session.failure().empty()) {
      complain(session.failure());
      return round;
    }
    if (std::exchange(watched_, *server) != *server) watch_ = {};
    for (const auto& wish : wishes) {
      auto request = request_for(session, *server, wish.port);
      request.lifetime = lifetime;
      request.external_port = wish.external;
      const auto answer = session.ask(request, kPatience, stop);
      if (!answer) {
        // Whoever is silent, or speaks something else, is so for the other ports too.
        complain(session.failure());
        return round;
      }
      round.method = Method::pcp;
      if (watch_.on_answer(io::monotonic_now(), answer->epoch)) round.router_restarted = true;
      if (answer->result != pcp::ResultCode::success || answer->external_port == 0) {
        complain(pcp::explain(answer->result));
        continue;
      }
      if (!round.public_address && !answer->external_address.is_unspecified())
        round.public_address = answer->external_address;
      if (!wish.any_external && answer->external_port != wish.external)
        complain("port " + std::to_string(wish.external) + " is taken on the router");
      round.granted.push_back({wish.port, answer->external_port, answer->lifetime});
    }
    return round;
  }

  void unmap(std::span<const Grant> grants) override {
    const auto server = server_now();
    if (!server) return;
    Session session(*server);
    for (const auto& grant : grants) {
      if (!session.failure().empty()) return;
      static_cast<void>(
          session.ask(request_for(session, *server, grant.port), kPatienceToUnmap, {}));
    }
  }

 private:
  std::optional<Endpoint> server_now() const {
    if (server_) return server_;
    const auto gateway = default_gateway();
    if (!gateway) return std::nullopt;
    return Endpoint{*gateway, pcp::kPort};
  }

  // Without a lifetime it is the request that removes the mapping.
  pcp::MapRequest request_for(const Session& session, const Endpoint& server,
                              const Port& port) const {
    pcp::MapRequest request;
    request.client = session.own();
    request.protocol = port.transport == Transport::tcp ? pcp::Protocol::tcp : pcp::Protocol::udp;
    request.internal_port = port.port;
    request.nonce = pcp::nonce_for(key_, request.protocol, port.port, server);
    return request;
  }

  NonceKey key_;
  std::optional<Endpoint> server_;
  Endpoint watched_;
  pcp::EpochWatch watch_;
};

}  // namespace

std::unique_ptr<Gateway> pcp_gateway(NonceKey key, std::optional<Endpoint> server) {
  return std::make_unique<PcpGateway>(key, server);
}

}  // namespace lanrage::portmap
