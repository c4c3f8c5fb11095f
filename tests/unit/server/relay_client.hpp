// A client of a relay on loopback: its socket and its bind.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <utility>

#include "relay/bind_client.hpp"
#include "udp_player.hpp"
#include "unit/relay/relay_world.hpp"

namespace lanrage::server {

struct RelayClient {
  RelayClient(const Endpoint& relay, const crypto::SigningKey& control_key, std::uint64_t group)
      : mac1_key(random.array<32>()) {
    auto key = crypto::SigningKey::generate(random);
    auto expires =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()) +
        relay::kTokenLifetime;
    Bytes token = relay::issue({group, mac1_key, key.public_key(), expires}, control_key);
    bind = std::make_unique<relay::BindClient>(relay::BindTarget{relay::kRelayId, relay}, token,
                                               key, random);
  }
  void make_bound() {
    stun::Datagrams out;
    bind->start(socket.now(), out);
    const auto done = [this] { return bind->bound() && bind->observed() == socket.endpoint(); };
    for (int round = 0; round < 8 && !done(); ++round) {
      for (const auto& datagram : std::exchange(out, {}))
        socket.send(datagram.to, datagram.bytes);
      auto answer = socket.receive();
      ASSERT_TRUE(answer);
      auto message = stun::MessageView::parse(answer->second);
      ASSERT_TRUE(message);
      bind->on_datagram(socket.now(), answer->first, *message, out);
    }
    ASSERT_TRUE(bind->bound());
    EXPECT_EQ(bind->observed(), socket.endpoint());
  }

  UdpPlayer socket;
  crypto::SystemRandom random;
  ByteArray<32> mac1_key;
  std::unique_ptr<relay::BindClient> bind;
};

}  // namespace lanrage::server
