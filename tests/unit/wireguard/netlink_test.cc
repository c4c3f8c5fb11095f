#include "wireguard/netlink.hpp"

#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "base/encoding.hpp"
#include "base/netlink_message.hpp"
#include "device_model.hpp"

namespace lanrage::wireguard {
namespace {

using namespace test;

constexpr std::uint16_t kFamily = 31;

// What one peer's nest of a set request says.
struct PeerNest {
  ByteArray<32> key{};
  std::uint32_t flags = 0;
  std::optional<ByteArray<32>> preshared_key{};
  std::optional<Bytes> endpoint{};
  std::optional<std::uint16_t> keepalive{};
  std::optional<std::size_t> allowed_ips{};
};

struct SetMessage {
  nlmsghdr header{};
  genlmsghdr generic{};
  std::string interface;
  std::optional<std::uint16_t> listen_port{};
  bool has_key = false;
  std::vector<PeerNest> peers;
};

PeerNest read_peer(ByteView attributes) {
  PeerNest peer;
  EXPECT_TRUE(for_each_netlink_attribute(attributes, [&](const NetlinkAttribute& a) {
    ByteReader reader(a.payload);
    switch (a.type) {
      case WGPEER_A_PUBLIC_KEY:
        peer.key = reader.array<32>();
        break;
      case WGPEER_A_FLAGS:
        peer.flags = *plain_at_start<std::uint32_t>(a.payload);
        break;
      case WGPEER_A_PRESHARED_KEY:
        peer.preshared_key = reader.array<32>();
        break;
      case WGPEER_A_ENDPOINT:
        peer.endpoint.emplace(a.payload.begin(), a.payload.end());
        break;
      case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
        peer.keepalive = plain_at_start<std::uint16_t>(a.payload);
        break;
      case WGPEER_A_ALLOWEDIPS:
        peer.allowed_ips = 0;
        for_each_netlink_attribute(a.payload, [&](const NetlinkAttribute&) {
          ++*peer.allowed_ips;
          return true;
        });
        break;
      default:
        ADD_FAILURE() << a.type;
    }
    return true;
  }));
  return peer;
}

SetMessage read_set(ByteView bytes) {
  SetMessage out;
  out.header = *plain_at_start<nlmsghdr>(bytes);
  EXPECT_EQ(out.header.nlmsg_len, bytes.size());
  out.generic = *plain_at_start<genlmsghdr>(ByteView(bytes).subspan(NLMSG_HDRLEN));
  EXPECT_TRUE(for_each_netlink_attribute(
      ByteView(bytes).subspan(NLMSG_HDRLEN + GENL_HDRLEN), [&](const NetlinkAttribute& a) {
        switch (a.type) {
          case WGDEVICE_A_IFNAME:
            out.interface = as_text(a.payload);
            break;
          case WGDEVICE_A_LISTEN_PORT:
            out.listen_port = plain_at_start<std::uint16_t>(a.payload);
            break;
          case WGDEVICE_A_PRIVATE_KEY:
            out.has_key = a.payload.size() == 32;
            break;
          case WGDEVICE_A_PEERS:
            return for_each_netlink_attribute(a.payload, [&](const NetlinkAttribute& peer) {
              out.peers.push_back(read_peer(peer.payload));
              return true;
            });
          default:
            ADD_FAILURE() << a.type;
        }
        return true;
      }));
  return out;
}

PeerConfig big_peer(std::uint8_t number, std::uint32_t addresses) {
  PeerConfig peer;
  peer.public_key.bytes.fill(number);
  peer.preshared_key.expose_mutable().fill(9);
  peer.endpoint = endpoint("203.0.113.9:51820");
  peer.keepalive_s = 25;
  for (std::uint32_t i = 0; i < addresses; ++i)
    peer.allowed_ips.push_back({IpAddress::v4(0x0a420000 + i), 32});
  return peer;
}

TEST(NetlinkSet, WritesDeviceSettingsAndPeers) {
  SeededRandom random(1);
  UpdatePeer update;
  update.public_key.bytes.fill(2);
  update.endpoint = endpoint("[2001:db8::1]:258");
  RemovePeer remove;
  remove.public_key.bytes.fill(3);
  const std::vector<Operation> operations{AddPeer{big_peer(1, 2)}, update, remove,
                                          SetListenPort{50001},
                                          SetPrivateKey{crypto::ExchangeSecret::generate(random)}};
  const auto messages = netlink::encode_set(kFamily, "lanrage0", operations, 77);
  ASSERT_TRUE(messages);
  ASSERT_EQ(messages->size(), 1u);
  const auto set = read_set(messages->front());
  EXPECT_EQ(set.header.nlmsg_type, kFamily);
  EXPECT_EQ(set.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  EXPECT_EQ(set.header.nlmsg_seq, 77u);
  EXPECT_EQ(set.generic.cmd, WG_CMD_SET_DEVICE);
  EXPECT_EQ(set.interface, std::string("lanrage0\0", 9));
  EXPECT_EQ(set.listen_port, 50001);
  EXPECT_TRUE(set.has_key);
  ASSERT_EQ(set.peers.size(), 3u);
  EXPECT_EQ(set.peers[0].flags, WGPEER_F_REPLACE_ALLOWEDIPS);
  EXPECT_EQ(set.peers[0].allowed_ips, 2u);
  EXPECT_EQ(set.peers[0].keepalive, 25);
  EXPECT_TRUE(set.peers[0].preshared_key);
  // sockaddr_in: family, port in network order, address, padding.
  ASSERT_EQ(set.peers[0].endpoint->size(), 16u);
  EXPECT_EQ(to_hex(*set.peers[0].endpoint).substr(4), "ca6ccb007109" + std::string(16, '0'));
  EXPECT_EQ(set.peers[1].flags, WGPEER_F_UPDATE_ONLY);
  EXPECT_FALSE(set.peers[1].preshared_key);
  EXPECT_FALSE(set.peers[1].keepalive);
  EXPECT_FALSE(set.peers[1].allowed_ips);
  // sockaddr_in6: family, port, flow information, address, scope.
  ASSERT_EQ(set.peers[1].endpoint->size(), 28u);
  EXPECT_EQ(to_hex(*set.peers[1].endpoint).substr(4),
            "0102"
            "00000000"
            "20010db8000000000000000000000001"
            "00000000");
  EXPECT_EQ(set.peers[2].flags, WGPEER_F_REMOVE_ME);
}

TEST(NetlinkSet, EmptiesAListOfAllowedIps) {
  UpdatePeer update;
  update.allowed_ips.emplace();
  const std::vector<Operation> operations{update};
  const auto messages = netlink::encode_set(kFamily, "lanrage0", operations, 1);
  ASSERT_TRUE(messages);
  const auto set = read_set(messages->front());
  EXPECT_EQ(set.peers.at(0).flags, WGPEER_F_UPDATE_ONLY | WGPEER_F_REPLACE_ALLOWEDIPS);
  EXPECT_FALSE(set.peers.at(0).allowed_ips);
}

TEST(NetlinkSet, SplitsWhatIsLargerThanAMessage) {
  std::vector<Operation> operations;
  for (std::uint8_t i = 1; i <= 64; ++i)
    operations.push_back(AddPeer{big_peer(i, 3)});
  operations.push_back(AddPeer{big_peer(200, 250)});
  const auto messages = netlink::encode_set(kFamily, "lanrage0", operations, 10);
  ASSERT_TRUE(messages);
  EXPECT_GT(messages->size(), 4u);
  std::map<ByteArray<32>, std::size_t> addresses;
  std::map<ByteArray<32>, int> parts;
  for (std::size_t i = 0; i < messages->size(); ++i) {
    EXPECT_LE((*messages)[i].size(), netlink::kMaxMessage);
    const auto set = read_set((*messages)[i]);
    EXPECT_EQ(set.header.nlmsg_seq, 10 + i);
    EXPECT_FALSE(set.peers.empty());
    for (const auto& peer : set.peers) {
      addresses[peer.key] += peer.allowed_ips.value_or(0);
      const bool first = parts[peer.key]++ == 0;
      // A later part must not clear what the first brought.
      EXPECT_EQ(peer.flags, first ? WGPEER_F_REPLACE_ALLOWEDIPS : WGPEER_F_UPDATE_ONLY);
      EXPECT_EQ(peer.preshared_key.has_value(), first);
    }
  }
  EXPECT_EQ(addresses.size(), 65u);
  for (const auto& [key, count] : addresses)
    EXPECT_EQ(count, key[0] == 200 ? 250u : 3u);
}

TEST(NetlinkSet, KeepsBothHalvesOfAReplacementInOneMessage) {
  for (std::uint32_t before = 0; before < 120; ++before) {
    const std::vector<Operation> operations{AddPeer{big_peer(1, before)},
                                            ReplacePeer{big_peer(2, 1)}};
    const auto messages = netlink::encode_set(kFamily, "lanrage0", operations, 1, 1024);
    ASSERT_TRUE(messages);
    int replacements = 0;
    for (const auto& message : *messages) {
      const auto set = read_set(message);
      EXPECT_LE(message.size(), 1024u);
      for (std::size_t i = 0; i < set.peers.size(); ++i) {
        if (set.peers[i].flags != WGPEER_F_REMOVE_ME) continue;
        ASSERT_LT(i + 1, set.peers.size()) << before;
        EXPECT_EQ(set.peers[i + 1].key, set.peers[i].key);
        ++replacements;
      }
    }
    EXPECT_EQ(replacements, 1);
  }
}

TEST(NetlinkSet, RefusesWhatCanNotFit) {
  const std::vector<Operation> operations{AddPeer{big_peer(1, 1)}};
  EXPECT_FALSE(netlink::encode_set(kFamily, "a-name-of-16-chars", operations, 1));
  EXPECT_FALSE(netlink::encode_set(kFamily, "lanrage0", operations, 1, 100));
  const std::vector<Operation> nothing;
  const auto messages = netlink::encode_set(kFamily, "lanrage0", nothing, 1);
  ASSERT_TRUE(messages);
  EXPECT_TRUE(messages->empty());
}

// Dump messages as the kernel writes them: `per_message` allowed IPs at most in each.
std::vector<WipedBytes> dump_of(const DeviceStatus& status, std::size_t per_message) {
  std::vector<WipedBytes> out;
  const auto begin = [] {
    NetlinkWriter message(kFamily, NLM_F_MULTI, 5);
    genlmsghdr header{};
    header.cmd = WG_CMD_GET_DEVICE;
    message.raw(header).text(WGDEVICE_A_IFNAME, "lanrage0");
    return message;
  };
  auto first = begin();
  first.number(WGDEVICE_A_IFINDEX, std::uint32_t{7});
  first.number(WGDEVICE_A_LISTEN_PORT, status.listen_port);
  first.attribute(WGDEVICE_A_PRIVATE_KEY, status.private_key.expose());
  out.push_back(std::move(first).take());
  for (const auto& [key, peer] : status.peers) {
    std::size_t next = 0;
    do {
      auto message = begin();
      const auto peers = message.begin_nest(WGDEVICE_A_PEERS);
      const auto nest = message.begin_nest(0);
      message.attribute(WGPEER_A_PUBLIC_KEY, key.bytes);
      if (next == 0) {
        message.attribute(WGPEER_A_PRESHARED_KEY, peer.preshared_key.expose());
        message.number(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer.keepalive_s);
        message.number(WGPEER_A_RX_BYTES, peer.rx_bytes);
        message.number(WGPEER_A_TX_BYTES, peer.tx_bytes);
        const auto ms = peer.latest_handshake.value_or(UnixTime{}).time_since_epoch().count();
        const std::array<std::int64_t, 2> time{ms / 1000, ms % 1000 * 1'000'000};
        message.attribute(WGPEER_A_LAST_HANDSHAKE_TIME,
                          {reinterpret_cast<const std::uint8_t*>(time.data()), sizeof time});
        if (peer.endpoint) {
          ByteWriter address;
          const bool v4 = peer.endpoint->address.is_v4();
          address.u8(v4 ? 2 : 10).u8(0).u16(peer.endpoint->port);
          if (!v4) address.u32(0);
          address.raw(peer.endpoint->address.bytes());
          address.raw(Bytes(v4 ? 8 : 4, 0));
          message.attribute(WGPEER_A_ENDPOINT, address.bytes());
        }
      }
      const auto list = message.begin_nest(WGPEER_A_ALLOWEDIPS);
      for (std::size_t i = 0; i < per_message && next < peer.allowed_ips.size(); ++i, ++next) {
        const auto& prefix = peer.allowed_ips[next];
        const auto entry = message.begin_nest(0);
        message.number(WGALLOWEDIP_A_CIDR_MASK, prefix.length);
        message.number(WGALLOWEDIP_A_FAMILY, std::uint16_t(prefix.address.is_v4() ? 2 : 10));
        message.attribute(WGALLOWEDIP_A_IPADDR, prefix.address.bytes());
        message.end_nest(entry);
      }
      message.end_nest(list);
      message.end_nest(nest);
      message.end_nest(peers);
      out.push_back(std::move(message).take());
    } while (next < peer.allowed_ips.size());
  }
  out.push_back(std::move(NetlinkWriter(NLMSG_DONE, NLM_F_MULTI, 5).raw(std::int32_t{0})).take());
  return out;
}

TEST(NetlinkDump, MergesPeersThatGoOnInLaterMessages) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto config = random_device(random);
    auto status = status_of(config);
    for (auto& [key, peer] : status.peers) {
      peer.rx_bytes = random.u64();
      peer.tx_bytes = random.u64();
      if (random.below(2) == 0)
        peer.latest_handshake = UnixTime(std::chrono::milliseconds(random.below(1ull << 41) + 1));
    }
    netlink::DumpParser parser;
    const auto messages = dump_of(status, 1 + random.below(3));
    // Several messages may come in one datagram, or each in its own.
    Bytes datagram;
    for (const auto& message : messages) {
      EXPECT_FALSE(parser.done());
      datagram.insert(datagram.end(), message.begin(), message.end());
      if (random.below(2) == 0 && &message != &messages.back()) continue;
      const auto result = parser.add(datagram);
      ASSERT_TRUE(result) << result.error().message() << result.error().field();
      datagram.clear();
    }
    ASSERT_TRUE(parser.done());
    EXPECT_FALSE(parser.interrupted());
    const auto parsed = std::move(parser).take();
    expect_same(config_of(parsed), config);
    for (const auto& [key, peer] : status.peers) {
      EXPECT_EQ(parsed.peers.at(key).rx_bytes, peer.rx_bytes);
      EXPECT_EQ(parsed.peers.at(key).tx_bytes, peer.tx_bytes);
      EXPECT_EQ(parsed.peers.at(key).latest_handshake, peer.latest_handshake);
    }
    if (HasFailure()) return;
  }
}

TEST(NetlinkDump, RefusesEveryTruncation) {
  SeededRandom random(11);
  auto config = random_device(random);
  config.peers[big_peer(50, 2).public_key] = big_peer(50, 2);
  for (const auto& message : dump_of(status_of(config), 2)) {
    for (std::size_t size = 1; size < message.size(); ++size) {
      netlink::DumpParser parser;
      EXPECT_FALSE(parser.add(ByteView(message).first(size))) << size;
    }
  }
}

TEST(NetlinkDump, TellsErrnoAndInterruption) {
  const auto message = [](std::uint16_t type, std::uint16_t flags, std::int32_t error) {
    return std::move(NetlinkWriter(type, flags, 5).raw(error)).take();
  };
  netlink::DumpParser failed;
  const auto result = failed.add(message(NLMSG_ERROR, 0, -19));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::device_refused));
  netlink::DumpParser failed_late;
  EXPECT_FALSE(failed_late.add(message(NLMSG_DONE, 0, -19)));
  netlink::DumpParser acknowledged;
  EXPECT_TRUE(acknowledged.add(message(NLMSG_ERROR, 0, 0)));
  EXPECT_FALSE(acknowledged.done());
  netlink::DumpParser interrupted;
  EXPECT_TRUE(interrupted.add(message(NLMSG_DONE, NLM_F_DUMP_INTR, 0)));
  EXPECT_TRUE(interrupted.interrupted());
}

TEST(NetlinkFamily, IsFoundInTheControllersReply) {
  NetlinkWriter reply(GENL_ID_CTRL, 0, 1);
  genlmsghdr header{};
  header.cmd = CTRL_CMD_NEWFAMILY;
  reply.raw(header).text(CTRL_ATTR_FAMILY_NAME, "wireguard").number(CTRL_ATTR_FAMILY_ID, kFamily);
  const auto bytes = std::move(reply).take();
  EXPECT_EQ(netlink::parse_family_reply(bytes).value_or(0), kFamily);
  const auto absent =
      netlink::parse_family_reply(std::move(NetlinkWriter(NLMSG_ERROR, 0, 1).raw(-2)).take());
  ASSERT_FALSE(absent);
  EXPECT_TRUE(absent.error().is(Errc::device_refused));
  EXPECT_FALSE(netlink::parse_family_reply({}));

  const auto request = netlink::encode_family_request(9);
  EXPECT_EQ(plain_at_start<nlmsghdr>(request)->nlmsg_type, GENL_ID_CTRL);
  const auto get = netlink::encode_get(kFamily, "lanrage0", 9);
  EXPECT_EQ(plain_at_start<nlmsghdr>(get)->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP);
}

}  // namespace
}  // namespace lanrage::wireguard
