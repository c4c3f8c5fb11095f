// The relay with several threads: clients land on any of them.
#include <deque>
#include <future>
#include <gtest/gtest.h>
#include <map>
#include <numeric>

#include "relay_client.hpp"
#include "server/relay_server.hpp"

namespace lanrage::server {
namespace {

constexpr std::size_t kThreads = 4;

struct RelayThreadsTest : testing::Test {
  std::unique_ptr<RelayServer> start(std::size_t threads = kThreads) {
    RelayServerConfig config{*Endpoint::parse("127.0.0.1:0"),
                             {relay::kRelayId, control_key.public_key(), {}}};
    // All clients come from one address.
    config.relay.limits.stun_an_address = config.relay.limits.verify_an_address = {10'000, 10'000};
    config.threads = threads;
    auto server = RelayServer::start(config);
    EXPECT_TRUE(server) << server.error().message();
    return std::move(*server);
  }
  // Again until it arrives: what a move leaves behind may lose a packet.
  static void carried(RelayServer& server, RelayClient& from, RelayClient& to, const Bytes& bytes) {
    for (int tries = 0; tries < 200; ++tries) {
      from.socket.send(server.endpoint(), bytes);
      while (auto got = to.socket.receive(100)) {
        if (got->second == bytes) return;
      }
    }
    FAIL() << "never came through";
  }
  crypto::SystemRandom random;
  crypto::SigningKey control_key = crypto::SigningKey::generate(random);
};

// Everything of all clients at once: binds, handshakes of all pairs of a group, then data.
TEST_F(RelayThreadsTest, CarryHandshakesAndDataOfManyClients) {
  auto server = start();
  constexpr std::uint32_t kClients = 24;
  std::deque<RelayClient> clients;
  for (std::uint32_t i = 0; i < kClients; ++i)
    clients.emplace_back(server->endpoint(), control_key, i % 4);
  for (auto& client : clients)
    client.make_bound();

  struct Pair {
    std::uint32_t a, b;
  };
  std::vector<Pair> pairs;
  for (std::uint32_t a = 0; a < kClients; ++a)
    for (std::uint32_t b = 0; b < a; ++b)
      if (a % 4 == b % 4) pairs.push_back({a, b});
  const auto a_index = [](std::size_t pair) { return static_cast<std::uint32_t>(2 * pair + 1); };
  const auto b_index = [](std::size_t pair) { return static_cast<std::uint32_t>(2 * pair + 2); };
  const auto expect_each = [&](auto to_whom, auto what) {
    std::map<std::uint32_t, std::vector<Bytes>> expected;
    for (std::size_t i = 0; i < pairs.size(); ++i)
      expected[to_whom(pairs[i])].push_back(what(i));
    for (auto& [client, packets] : expected) {
      std::vector<Bytes> got;
      for (std::size_t i = 0; i < packets.size(); ++i) {
        auto datagram = clients[client].socket.receive();
        ASSERT_TRUE(datagram);
        EXPECT_EQ(datagram->first, server->endpoint());
        got.push_back(std::move(datagram->second));
      }
      std::ranges::sort(got);
      std::ranges::sort(packets);
      EXPECT_TRUE(got == packets);
    }
  };
  const auto of_a = [](const Pair& pair) { return pair.a; };
  const auto of_b = [](const Pair& pair) { return pair.b; };
  const auto send_each = [&](auto from_whom, auto what) {
    for (std::size_t i = 0; i < pairs.size(); ++i)
      clients[from_whom(pairs[i])].socket.send(server->endpoint(), what(i));
  };

  const auto initiations = [&](std::size_t i) {
    return relay::initiation(a_index(i), clients[pairs[i].b].mac1_key);
  };
  const auto responses = [&](std::size_t i) {
    return relay::response(b_index(i), a_index(i), clients[pairs[i].a].mac1_key);
  };
  send_each(of_a, initiations);
  expect_each(of_b, initiations);
  send_each(of_b, responses);
  expect_each(of_a, responses);
  for (int round = 0; round < 20; ++round) {
    send_each(of_a, [&](std::size_t i) { return relay::data(b_index(i)); });
    expect_each(of_b, [&](std::size_t i) { return relay::data(b_index(i)); });
    send_each(of_b, [&](std::size_t i) { return relay::data(a_index(i)); });
    expect_each(of_a, [&](std::size_t i) { return relay::data(a_index(i)); });
  }

  server->stop();
  const auto counters = server->counters();
  EXPECT_EQ(counters.relay.forwarded_packets, pairs.size() * (2 + 40));
  EXPECT_EQ(counters.clients, kClients);
  EXPECT_EQ(counters.sessions, 2 * pairs.size());
  EXPECT_EQ(counters.udp.send_failures, 0u);
  EXPECT_GT(counters.passed, 0u) << "all on one thread: nothing was tried";
  EXPECT_EQ(counters.cpu_seconds.size(), kThreads);
  // Of each packet, but for handshakes that went from thread to thread.
  const auto& counts = counters.latency.counts();
  const auto timed = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  EXPECT_GE(timed, pairs.size() * 40);
  EXPECT_LE(timed, counters.relay.forwarded_packets);
}

TEST_F(RelayThreadsTest, SessionsFollowClientsThatMove) {
  auto server = start();
  RelayClient a(server->endpoint(), control_key, 1);
  RelayClient b(server->endpoint(), control_key, 1);
  a.make_bound();
  b.make_bound();
  carried(*server, a, b, relay::initiation(11, b.mac1_key));
  carried(*server, b, a, relay::response(22, 11, a.mac1_key));
  for (int moves = 0; moves < 8; ++moves) {
    RelayClient& moving = moves % 2 == 0 ? a : b;
    moving.socket.change_port();
    moving.make_bound();
    carried(*server, a, b, relay::data(22));
    carried(*server, b, a, relay::data(11));
  }
}

// Each client is in it once, with its group and what it sent, whichever thread has it.
TEST_F(RelayThreadsTest, AllLookAtTheirClientsWhenAsked) {
  auto server = start();
  std::deque<RelayClient> clients;
  for (std::uint32_t i = 0; i < 12; ++i) {
    clients.emplace_back(server->endpoint(), control_key, 1 + i % 3);
    clients.back().make_bound();
  }
  RelayClient& a = clients[0];
  RelayClient& b = clients[3];
  carried(*server, a, b, relay::initiation(11, b.mac1_key));
  std::promise<RelayServer::Look> promise;
  server->look([&promise](RelayServer::Look look) { promise.set_value(std::move(look)); });
  auto answer = promise.get_future();
  ASSERT_EQ(answer.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  const auto look = answer.get();
  EXPECT_EQ(look.counters.clients, clients.size());
  EXPECT_EQ(look.counters.cpu_seconds.size(), kThreads);
  EXPECT_GE(look.counters.relay.forwarded_bytes, 148u);
  ASSERT_EQ(look.clients.size(), clients.size());
  for (std::uint32_t i = 0; i < clients.size(); ++i) {
    const auto found = std::ranges::find(look.clients, clients[i].socket.endpoint(),
                                         &relay::ClientTraffic::address);
    ASSERT_NE(found, look.clients.end()) << i;
    EXPECT_EQ(found->group, 1 + i % 3);
    EXPECT_EQ(found->sent.packets != 0, i == 0);
  }
}

TEST_F(RelayThreadsTest, FollowAChangedTokenKey) {
  auto server = start();
  const auto new_key = crypto::SigningKey::generate(random);
  server->set_token_key(new_key.public_key());
  std::deque<RelayClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(server->endpoint(), new_key, 1);
    clients.back().make_bound();
  }
}

TEST_F(RelayThreadsTest, LeaveNoPartOfThePortToAnother) {
  auto first = start();
  RelayServerConfig config{first->endpoint(), {relay::kRelayId, control_key.public_key(), {}}};
  config.threads = 2;
  auto second = RelayServer::start(config);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(UdpErrc::port_taken));
}

TEST_F(RelayThreadsTest, StopWhileClientsBind) {
  auto server = start();
  std::deque<RelayClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(server->endpoint(), control_key, 1);
    stun::Datagrams out;
    clients.back().bind->start(UdpPlayer::now(), out);
    for (const auto& each : out)
      clients.back().socket.send(each.to, each.bytes);
  }
  server->stop();
  server->stop();
}

}  // namespace
}  // namespace lanrage::server
