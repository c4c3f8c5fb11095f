// Handshakes, data and keepalives of two real wireguard-go, recorded once: what the relay believes
// about WireGuard's packets is what WireGuard sends.
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>

#include "base/encoding.hpp"
#include "relay_world.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::relay {
namespace {

struct Recording {
  std::map<std::string, crypto::ExchangeKey> keys;
  std::vector<std::pair<std::string, Bytes>> packets;  // sender, payload
};

Recording load() {
  Recording out;
  std::ifstream file(LANRAGE_TEST_DATA "/wireguard_handshake.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind, who, hex;
    words >> kind >> who >> hex;
    if (kind == "key") {
      std::ranges::copy(*from_hex(hex), out.keys[who].bytes.begin());
    } else if (kind == "packet") {
      out.packets.emplace_back(who, *from_hex(hex));
    }
  }
  return out;
}

std::string other(const std::string& who) {
  return who == "a" ? "b" : "a";
}

TEST(WireguardRecording, HasEveryKindOfPacketBothWays) {
  std::map<std::string, int> seen;
  for (const auto& [who, packet] : load().packets) {
    auto header = wireguard::classify(packet);
    ASSERT_TRUE(header) << to_hex(packet);
    seen[who + std::to_string(static_cast<int>(header->type))]++;
    if (packet.size() == 32) seen["keepalive"]++;
  }
  for (const char* kind : {"a1", "b1", "a2", "b2", "a4", "b4", "keepalive"})
    EXPECT_GT(seen[kind], 0) << kind;
}

TEST(WireguardRecording, Mac1TellsTheAddressee) {
  Recording recording = load();
  for (const auto& [who, packet] : recording.packets) {
    if (packet[0] == 4) continue;
    auto receiver = wireguard::mac1_key(recording.keys[other(who)]);
    EXPECT_TRUE(wireguard::mac1_matches(packet, receiver));
    EXPECT_FALSE(wireguard::mac1_matches(packet, wireguard::mac1_key(recording.keys[who])));
    // Every byte before mac1 and mac1 itself count; mac2 doesn't.
    for (std::size_t at = 0; at < packet.size(); ++at) {
      Bytes changed = packet;
      changed[at] ^= 0x10;
      if (!wireguard::classify(changed)) continue;  // type and reserved bytes
      EXPECT_EQ(wireguard::mac1_matches(changed, receiver), at >= packet.size() - 16) << at;
    }
  }
}

struct RecordedWorld : World {
  Recording recording = load();
  std::map<std::string, Player> players;

  RecordedWorld() {
    int n = 0;
    for (const auto& [who, key] : recording.keys) {
      Player player = this->player(1, "198.51.100." + std::to_string(++n) + ":41000");
      player.mac1_key = wireguard::mac1_key(key);
      player.bind->set_token(now, token_for(player, 1, unix_now() + kTokenLifetime));
      stun::Datagrams out;
      player.bind->start(now, out);
      exchange(player, out);
      EXPECT_TRUE(player.bind->bound());
      players.emplace(who, std::move(player));
    }
    for (int extra = 10; extra < 20; ++extra)
      bound(1, "198.51.100." + std::to_string(extra) + ":41000");
  }
};

TEST(WireguardRecording, EveryPacketFindsItsWayThroughARelay) {
  RecordedWorld world;
  for (const auto& [who, packet] : world.recording.packets) {
    world.now += std::chrono::milliseconds(100);
    expect_forward(world.send(world.players.at(who).endpoint, packet),
                   world.players.at(other(who)).endpoint);
  }
  EXPECT_EQ(world.relay->sessions(), 4u);
}

TEST(WireguardRecording, DataWithoutItsHandshakeGoesNowhere) {
  RecordedWorld world;
  for (const auto& [who, packet] : world.recording.packets) {
    if (packet[0] != 4) continue;
    expect_drop(world.send(world.players.at(who).endpoint, packet), DropReason::no_session);
  }
}

}  // namespace
}  // namespace lanrage::relay
