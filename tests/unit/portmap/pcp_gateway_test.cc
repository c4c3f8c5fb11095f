// Against a PCP server of our own on loopback.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <mutex>
#include <sys/socket.h>
#include <thread>

#include "crypto/hash.hpp"
#include "io/sockaddr.hpp"
#include "io/unique_fd.hpp"
#include "portmap/gateway.hpp"
#include "portmap/pcp.hpp"

namespace lanrage::portmap {
namespace {

using std::chrono::seconds;

constexpr Port kPort{Transport::udp, 41'641};
constexpr Port kOther{Transport::tcp, 8'667};
const NonceKey kKey(ByteArray<32>{1, 2, 3});

class PcpServer {
 public:
  // What it makes of a request; empty: silence.
  using Behaviour = std::function<Bytes(const Bytes& request)>;

  explicit PcpServer(Behaviour behaviour)
      : behaviour_(std::move(behaviour)), fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    auto any = io::to_socket_address({IpAddress::v4(0x7f000001u), 0});
    EXPECT_EQ(::bind(fd_.get(), any.get(), any.size), 0);
    io::SocketAddress own;
    EXPECT_EQ(::getsockname(fd_.get(), own.get(), &own.size), 0);
    endpoint_ = io::from_socket_address(own.storage);
    thread_ = std::thread([this] { serve(); });
  }
  ~PcpServer() {
    // A datagram to itself ends the loop.
    auto own = io::to_socket_address(endpoint_);
    ::sendto(fd_.get(), "x", 1, 0, own.get(), own.size);
    thread_.join();
  }

  const Endpoint& endpoint() const { return endpoint_; }
  std::vector<Bytes> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    for (;;) {
      std::array<std::uint8_t, 1'200> buffer;
      io::SocketAddress from;
      const auto size =
          ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, from.get(), &from.size);
      if (size <= 1) return;
      const Bytes request(buffer.begin(), buffer.begin() + size);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const auto answer = behaviour_(request);
      if (!answer.empty())
        ::sendto(fd_.get(), answer.data(), answer.size(), 0, from.get(), from.size);
    }
  }

  Behaviour behaviour_;
  io::UniqueFd fd_;
  Endpoint endpoint_;
  std::mutex mutex_;
  std::vector<Bytes> requests_;
  std::thread thread_;
};

// As a router grants: the request turned around, with an external address.
Bytes granted(const Bytes& request, std::uint8_t result = 0, std::uint8_t epoch = 1) {
  Bytes out = request;
  out[1] = 0x81;
  out[3] = result;
  std::fill(out.begin() + 8, out.begin() + 24, std::uint8_t{0});
  out[11] = epoch;
  const std::array<std::uint8_t, 4> address{11, 22, 33, 44};
  std::ranges::copy(address, out.begin() + 56);
  return out;
}

Bytes nonce_of(const Bytes& request) {
  return {request.begin() + 24, request.begin() + 36};
}

std::uint32_t lifetime_of(const Bytes& request) {
  return ByteReader(ByteView(request).subspan(4)).u32();
}

Round map(Gateway& gateway, const std::vector<Wish>& wishes) {
  return gateway.map(wishes, seconds(1'200), {});
}

TEST(PcpGateway, GetsEachPortAndTheAddress) {
  PcpServer server([](const Bytes& request) { return granted(request); });
  const auto gateway = pcp_gateway(kKey, server.endpoint());
  const auto round = map(*gateway, {{kPort, 41'641, true}, {kOther, 8'667, false}});
  EXPECT_EQ(round.method, Method::pcp);
  EXPECT_EQ(round.public_address, IpAddress::parse("11.22.33.44"));
  EXPECT_EQ(round.granted,
            (std::vector<Grant>{{kPort, 41'641, seconds(1'200)}, {kOther, 8'667, seconds(1'200)}}));
  EXPECT_EQ(round.reason, "");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_NE(nonce_of(requests[0]), nonce_of(requests[1]));
  EXPECT_EQ(Bytes(requests[0].begin() + 18, requests[0].begin() + 24),
            Bytes({0xff, 0xff, 127, 0, 0, 1}))
      << "the address that the router sees us at";
}

TEST(PcpGateway, RenewsAndRemovesWithTheNonceThatItHadBeforeARestartToo) {
  PcpServer server([](const Bytes& request) { return granted(request); });
  {
    const auto gateway = pcp_gateway(kKey, server.endpoint());
    map(*gateway, {{kPort, 41'641, true}});
    map(*gateway, {{kPort, 41'641, true}});
  }
  const auto gateway = pcp_gateway(kKey, server.endpoint());
  const std::array grants{Grant{kPort, 41'641, seconds(9)}};
  gateway->unmap(grants);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  const auto which = "\x11\xa2\xa9" + server.endpoint().to_string();
  const auto derived = crypto::derive(kKey.expose(), "lanrage/v1/pcp", {as_bytes(which)});
  EXPECT_EQ(nonce_of(requests[0]), Bytes(derived.expose().begin(), derived.expose().begin() + 12));
  EXPECT_EQ(nonce_of(requests[0]), nonce_of(requests[1]));
  EXPECT_EQ(nonce_of(requests[0]), nonce_of(requests[2]));
  EXPECT_EQ(lifetime_of(requests[0]), 1'200u);
  EXPECT_EQ(lifetime_of(requests[2]), 0u);
}

TEST(PcpGateway, AnotherPortIsSaidWhereItDoesNotDo) {
  PcpServer server([](const Bytes& request) {
    auto answer = granted(request);
    answer[42] = 0xc0;
    answer[43] = 0x01;
    return answer;
  });
  const auto gateway = pcp_gateway(kKey, server.endpoint());
  EXPECT_EQ(map(*gateway, {{kPort, 41'641, true}}).reason, "");
  const auto round = map(*gateway, {{kOther, 8'667, false}});
  EXPECT_EQ(round.reason, "PCP: port 8667 is taken on the router");
  ASSERT_EQ(round.granted.size(), 1u);
  EXPECT_EQ(round.granted[0].external, 49'153);
}

TEST(PcpGateway, ARefusalIsExplainedAndTheOtherPortsAreAskedFor) {
  PcpServer server([](const Bytes& request) {
    return granted(request, request[36] == 17 ? std::uint8_t{8} : std::uint8_t{0});
  });
  const auto gateway = pcp_gateway(kKey, server.endpoint());
  const auto round = map(*gateway, {{kPort, 41'641, true}, {kOther, 8'667, false}});
  EXPECT_EQ(round.method, Method::pcp);
  ASSERT_EQ(round.granted.size(), 1u);
  EXPECT_EQ(round.granted[0].port, kOther);
  EXPECT_EQ(round.reason, "PCP: the router has no room for more");
}

TEST(PcpGateway, ALostRequestIsSentAgainAndForgedAnswersDoNotCount) {
  int request_number = 0;
  PcpServer server([&](const Bytes& request) {
    if (++request_number > 1) return granted(request);
    auto forged = granted(request);
    forged[24] ^= 1;
    return forged;
  });
  const auto gateway = pcp_gateway(kKey, server.endpoint());
  EXPECT_EQ(map(*gateway, {{kPort, 41'641, true}}).granted.size(), 1u);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(PcpGateway, ARouterThatSpeaksNatPmpOnlyIsLeftToThat) {
  PcpServer server([](const Bytes&) { return Bytes{0, 0x81, 0, 1, 0, 0, 0, 9}; });
  const auto gateway = pcp_gateway(kKey, server.endpoint());
  const auto round = map(*gateway, {{kPort, 41'641, true}, {kOther, 8'667, false}});
  EXPECT_FALSE(round.method);
  EXPECT_EQ(round.reason, "PCP: the router doesn't speak it");
  EXPECT_EQ(server.requests().size(), 1u) << "once is enough, for all ports";
}

TEST(PcpGateway, WhereNobodyListensItSaysSo) {
  Endpoint gone;
  {
    const PcpServer server([](const Bytes&) { return Bytes(); });
    gone = server.endpoint();
  }
  const auto round = map(*pcp_gateway(kKey, gone), {{kPort, 41'641, true}});
  EXPECT_FALSE(round.method);
  EXPECT_EQ(round.reason, "PCP: the router doesn't speak it");
}

TEST(PcpGateway, StopsInTheMiddleAndKeepsWhatItGot) {
  std::stop_source stop;
  PcpServer server([&](const Bytes& request) {
    if (request[36] == 17) return granted(request);
    stop.request_stop();
    return Bytes();
  });
  const auto gateway = pcp_gateway(kKey, server.endpoint());
  const std::vector<Wish> wishes{{kPort, 41'641, true}, {kOther, 8'667, false}};
  const auto round = gateway->map(wishes, seconds(1'200), stop.get_token());
  EXPECT_EQ(round.granted.size(), 1u);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(PcpGateway, ARestartOfTheRouterIsSeen) {
  std::atomic<std::uint8_t> epoch = 100;
  PcpServer server([&](const Bytes& request) { return granted(request, 0, epoch); });
  const auto gateway = pcp_gateway(kKey, server.endpoint());
  EXPECT_FALSE(map(*gateway, {{kPort, 41'641, true}}).router_restarted);
  EXPECT_FALSE(map(*gateway, {{kPort, 41'641, true}}).router_restarted);
  epoch = 3;
  EXPECT_TRUE(map(*gateway, {{kPort, 41'641, true}}).router_restarted);
}

}  // namespace
}  // namespace lanrage::portmap
