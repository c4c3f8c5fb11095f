#include "server/stun_server.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "stun/message.hpp"
#include "stun/nat_behaviour.hpp"
#include "udp_player.hpp"

namespace lanrage::server {
namespace {

std::unique_ptr<StunServer> start(StunServerConfig config = {*Endpoint::parse("127.0.0.1:0"),
                                                             {50, 200}}) {
  auto server = StunServer::start(config);
  EXPECT_TRUE(server) << server.error().message();
  return std::move(*server);
}

TEST(StunServer, AnswersOnBothPorts) {
  auto server = start();
  UdpPlayer client;
  for (const Endpoint& port : {server->primary(), server->alternate()}) {
    client.send(port, stun::binding_request({{1}}));
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->first, port);
    auto message = stun::MessageView::parse(answer->second);
    EXPECT_EQ(message->mapped_address(), client.endpoint());
    EXPECT_EQ(message->response_origin(), port);
    EXPECT_EQ(message->other_address(),
              port == server->primary() ? server->alternate() : server->primary());
  }
}

TEST(StunServer, AnswersFromTheOtherPortWhenAsked) {
  auto server = start();
  UdpPlayer client;
  client.send(server->primary(),
              stun::MessageBuilder(stun::Method::binding, stun::Class::request, {{1}})
                  .attribute_u32(stun::Attribute::change_request, stun::kChangePort)
                  .fingerprint());
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->first, server->alternate());
}

TEST(StunServer, AProbeOverLoopbackFindsNoNat) {
  auto server = start();
  UdpPlayer client;
  SeededRandom random(1);
  stun::NatProbe probe({{{server->primary(), server->alternate()}}, {}, {client.endpoint()}, {}},
                       random);
  stun::Datagrams out;
  probe.start(client.now(), out);
  while (!probe.finished()) {
    for (const auto& datagram : std::exchange(out, {}))
      client.send(datagram.to, datagram.bytes);
    auto answer = client.receive(200);
    if (!answer) {
      probe.on_timeout(client.now(), out);
      continue;
    }
    auto message = stun::MessageView::parse(answer->second);
    ASSERT_TRUE(message);
    probe.on_datagram(client.now(), answer->first, *message, out);
  }
  EXPECT_EQ(probe.report().type, stun::NatType::open);
}

TEST(StunServer, LimitsTheRateOfASource) {
  auto server = start({*Endpoint::parse("127.0.0.1:0"), {1, 3}});
  UdpPlayer client;
  for (int i = 0; i < 50; ++i)
    client.send(server->primary(), stun::binding_request({{1}}));
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(client.receive());
  server->stop();
  auto counters = server->counters();
  EXPECT_LE(counters.answered, 3u + 20) << "the rate, were the machine to stall for 20 s";
}

TEST(StunServer, IgnoresGarbage) {
  auto server = start();
  UdpPlayer client;
  client.send(server->primary(), Bytes(100, 0xAB));
  client.send(server->primary(), {});
  client.send(server->primary(), stun::binding_request({{9}}));
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(stun::MessageView::parse(answer->second)->transaction(), stun::TransactionId{{9}});
}

TEST(StunServer, TakenSecondPortIsNamed) {
  auto first = start();
  // Its second port is the next after ours only if we are lucky; so take one and ask below it.
  Endpoint below = first->alternate();
  --below.port;
  auto second = StunServer::start({below, {50, 200}});
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(UdpErrc::port_taken));
  EXPECT_NE(second.error().message().find("--stun-listen"), std::string::npos);
}

TEST(StunServer, LastPortHasNoNext) {
  auto server = StunServer::start({*Endpoint::parse("127.0.0.1:65535"), {50, 200}});
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().message().find("65535"), std::string::npos);
}

}  // namespace
}  // namespace lanrage::server
