// One relay and clients around it, in virtual time; packets are made by hand with a right mac1.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "relay/bind_client.hpp"
#include "relay/relay.hpp"
#include "unit/relay/handmade_packets.hpp"

namespace lanrage::relay {

struct Player {
  Endpoint endpoint;
  ByteArray<32> mac1_key;
  crypto::SigningKey bind_key;
  std::unique_ptr<BindClient> bind;
};

// Sees what happens to a relay.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void on_packet(const Endpoint& from, ByteView packet, const Verdict& verdict) = 0;
  virtual void on_timeout() = 0;
};

class World {
 public:
  explicit World(const Limits& limits = {}, std::uint64_t seed = 1)
      : limits_(limits), random(seed) {
    restart();
  }

  void restart() {
    relay =
        std::make_unique<Relay>(RelayConfig{kRelayId, control_key.public_key(), limits_}, random);
  }

  Verdict send(const Endpoint& from, ByteView packet) {
    const Verdict verdict = relay->on_packet(now, unix_now(), from, packet);
    if (witness) witness->on_packet(from, packet, verdict);
    return verdict;
  }
  void time_out() {
    relay->on_timeout(now);
    if (witness) witness->on_timeout();
  }
  UnixTime unix_now() const {
    return kToday + std::chrono::duration_cast<std::chrono::milliseconds>(now - kStart);
  }

  Bytes token_for(const Player& player, std::uint64_t group, UnixTime expires) {
    return issue({group, player.mac1_key, player.bind_key.public_key(), expires}, control_key);
  }

  Player player(std::uint64_t group, const std::string& endpoint) {
    Player out{*Endpoint::parse(endpoint), random.array<32>(), crypto::SigningKey::generate(random),
               nullptr};
    Bytes token = token_for(out, group, unix_now() + kTokenLifetime);
    out.bind = std::make_unique<BindClient>(BindTarget{kRelayId, kRelayEndpoint}, token,
                                            out.bind_key, random);
    return out;
  }
  Player bound(std::uint64_t group, const std::string& endpoint) {
    Player out = player(group, endpoint);
    stun::Datagrams datagrams;
    out.bind->start(now, datagrams);
    exchange(out, datagrams);
    EXPECT_TRUE(out.bind->bound());
    return out;
  }

  // Carries datagrams to the relay and its answers back until both are silent.
  void exchange(Player& player, stun::Datagrams datagrams) {
    while (!datagrams.empty()) {
      stun::Datagrams next;
      for (const auto& datagram : datagrams) {
        EXPECT_EQ(datagram.to, kRelayEndpoint);
        now += one_way;
        Verdict verdict = send(player.endpoint, datagram.bytes);
        if (verdict.kind != Verdict::Kind::reply) continue;
        EXPECT_LE(verdict.reply.size(), datagram.bytes.size());
        EXPECT_EQ(verdict.to, player.endpoint);
        Bytes bytes(verdict.reply.begin(), verdict.reply.end());
        now += one_way;
        player.bind->on_datagram(now, kRelayEndpoint, *stun::MessageView::parse(bytes), next);
      }
      datagrams = std::move(next);
    }
  }

  // A whole handshake through the relay.
  void shake_hands(Player& a, std::uint32_t a_index, Player& b, std::uint32_t b_index) {
    EXPECT_EQ(send(a.endpoint, initiation(a_index, b.mac1_key)).to, b.endpoint);
    EXPECT_EQ(send(b.endpoint, response(b_index, a_index, a.mac1_key)).to, a.endpoint);
  }

  static constexpr Instant kStart{std::chrono::seconds(1000)};
  Instant now = kStart;
  Duration one_way = std::chrono::milliseconds(10);

 private:
  Limits limits_;

 public:
  SeededRandom random;
  crypto::SigningKey control_key = crypto::SigningKey::generate(random);
  std::unique_ptr<Relay> relay;
  Witness* witness = nullptr;
};

inline void expect_forward(const Verdict& verdict, const Endpoint& to) {
  EXPECT_EQ(verdict.kind, Verdict::Kind::forward) << name_of(verdict.reason);
  EXPECT_EQ(verdict.to, to);
}
inline void expect_drop(const Verdict& verdict, DropReason reason) {
  EXPECT_EQ(verdict.kind, Verdict::Kind::drop);
  EXPECT_EQ(name_of(verdict.reason), name_of(reason));
}

}  // namespace lanrage::relay
