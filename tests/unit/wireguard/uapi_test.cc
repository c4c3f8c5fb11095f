#include "wireguard/uapi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "device_model.hpp"

namespace lanrage::wireguard {
namespace {

using namespace test;
using testing::HasSubstr;

std::string hex_of(std::uint8_t byte) {
  return to_hex(Bytes(32, byte));
}

TEST(UapiSet, WritesEachOperationAsTheProtocolSaysIt) {
  SeededRandom random(1);
  const auto secret = crypto::ExchangeSecret::generate(random);
  PeerConfig peer;
  peer.public_key.bytes.fill(0x11);
  peer.preshared_key.expose_mutable().fill(0x22);
  peer.endpoint = endpoint("[2001:db8::1]:51820");
  peer.allowed_ips = {prefix("10.66.0.2/32"), prefix("fd00::2/128")};
  peer.keepalive_s = 25;
  UpdatePeer update{.public_key = peer.public_key};
  update.endpoint = endpoint("203.0.113.9:7");
  auto gone = peer.public_key;
  gone.bytes.fill(0x33);

  const std::vector<Operation> operations{AddPeer{peer}, RemovePeer{gone}, update,
                                          SetListenPort{50001}, SetPrivateKey{secret}};
  EXPECT_EQ(std::string(uapi::encode_set(operations)),
            "set=1\nlisten_port=50001\nprivate_key=" + to_hex(secret.bytes().expose()) +
                "\n"
                "public_key=" +
                hex_of(0x11) + "\npreshared_key=" + hex_of(0x22) +
                "\nendpoint=[2001:db8::1]:51820\n"
                "replace_allowed_ips=true\n"
                "allowed_ip=10.66.0.2/32\n"
                "allowed_ip=fd00::2/128\n"
                "persistent_keepalive_interval=25\n"
                "public_key=" +
                hex_of(0x33) + "\nremove=true\npublic_key=" + hex_of(0x11) +
                "\nupdate_only=true\n"
                "endpoint=203.0.113.9:7\n\n");
}

TEST(UapiSet, ReplacesAPeerInOneTransaction) {
  PeerConfig peer;
  peer.public_key.bytes.fill(0x11);
  const std::vector<Operation> operations{ReplacePeer{peer}};
  const std::string text(uapi::encode_set(operations));
  EXPECT_THAT(text, testing::StartsWith("set=1\npublic_key=" + hex_of(0x11) +
                                        "\nremove=true\npublic_key=" + hex_of(0x11) + "\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("update_only")));
}

constexpr std::string_view kHead = "private_key=";

std::string get_reply() {
  return std::string(kHead) + hex_of(0x40) +
         "\nlisten_port=51820\nfwmark=1\npublic_key=" + hex_of(0x11) +
         "\npreshared_key=" + hex_of(0x22) +
         "\nprotocol_version=1\nendpoint=203.0.113.9:7\nlast_handshake_time_sec=1700000000\n"
         "last_handshake_time_nsec=250000000\ntx_bytes=18446744073709551615\nrx_bytes=5\n"
         "persistent_keepalive_interval=25\nallowed_ip=10.66.0.2/32\nallowed_ip=fd00::/64\n"
         "new_thing=of a later version\n"
         "public_key=" +
         hex_of(0x12) + "\npreshared_key=" + hex_of(0) +
         "\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\nerrno=0\n\n";
}

TEST(UapiGet, ReadsEverything) {
  const auto status = uapi::parse_get_reply(get_reply());
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_TRUE(status->private_key == Secret<32>([] {
                ByteArray<32> bytes;
                bytes.fill(0x40);
                return bytes;
              }()));
  EXPECT_EQ(status->listen_port, 51820);
  ASSERT_EQ(status->peers.size(), 2u);
  const auto& peer = status->peers.begin()->second;
  EXPECT_EQ(to_hex(peer.public_key.bytes), hex_of(0x11));
  EXPECT_EQ(to_hex(peer.preshared_key.expose()), hex_of(0x22));
  EXPECT_EQ(peer.endpoint, endpoint("203.0.113.9:7"));
  EXPECT_EQ(peer.latest_handshake, UnixTime(std::chrono::milliseconds(1'700'000'000'250)));
  EXPECT_EQ(peer.tx_bytes, 18446744073709551615u);
  EXPECT_EQ(peer.rx_bytes, 5u);
  EXPECT_EQ(peer.keepalive_s, 25);
  EXPECT_EQ(peer.allowed_ips, (std::vector{prefix("10.66.0.2/32"), prefix("fd00::/64")}));
  const auto& fresh = status->peers.rbegin()->second;
  EXPECT_FALSE(fresh.latest_handshake);
  EXPECT_FALSE(fresh.endpoint);
}

TEST(UapiGet, RefusesEveryTruncation) {
  const auto whole = get_reply();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto result = uapi::parse_get_reply(std::string_view(whole).substr(0, size));
    ASSERT_FALSE(result) << size;
    EXPECT_TRUE(result.error().is(Errc::malformed_reply));
    EXPECT_FALSE(uapi::is_complete(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_TRUE(uapi::is_complete(whole));
}

TEST(UapiGet, NamesTheLineThatIsWrongButNeverItsValue) {
  const auto parse = [](std::string_view line) {
    return uapi::parse_get_reply("public_key=" + hex_of(1) + "\n" + std::string(line) +
                                 "\nerrno=0\n\n");
  };
  ASSERT_TRUE(parse("rx_bytes=1"));
  for (std::string_view line :
       {"rx_bytes=", "rx_bytes=-1", "rx_bytes=1x", "rx_bytes=18446744073709551616",
        "preshared_key=00", "endpoint=203.0.113.9", "endpoint=[fe80::1%x:1", "allowed_ip=10.0.0.1",
        "allowed_ip=10.0.0.1/33", "allowed_ip=fd00::/129", "last_handshake_time_nsec=1000000000",
        "persistent_keepalive_interval=65536", "listen_port=65536", "rx_bytes", "public_key=zz"}) {
    const auto result = parse(line);
    ASSERT_FALSE(result) << line;
    EXPECT_TRUE(result.error().is(Errc::malformed_reply));
    EXPECT_EQ(result.error().field(), line.substr(0, line.find('='))) << line;
  }
  EXPECT_FALSE(parse("public_key=" + hex_of(1))) << "the same peer twice";
}

TEST(UapiGet, ReadsALinkLocalEndpointWithoutItsZone) {
  const auto status = uapi::parse_get_reply("public_key=" + hex_of(1) +
                                            "\nendpoint=[fe80::1%eth0]:51820\nerrno=0\n\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->peers.begin()->second.endpoint, endpoint("[fe80::1]:51820"));
}

TEST(UapiGet, BoundsAllowedIps) {
  auto text = "public_key=" + hex_of(1) + "\n";
  for (std::size_t i = 0; i < kMaxAllowedIps; ++i)
    text += "allowed_ip=10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "/32\n";
  EXPECT_TRUE(uapi::parse_get_reply(text + "errno=0\n\n"));
  EXPECT_FALSE(uapi::parse_get_reply(text + "allowed_ip=10.1.0.0/32\nerrno=0\n\n"));
}

TEST(UapiReplies, TellWhatTheDeviceRefused) {
  EXPECT_TRUE(uapi::parse_set_reply("errno=0\n\n"));
  for (std::string_view text : {"errno=98\n\n", "errno=-98\n\n"}) {
    const auto result = uapi::parse_set_reply(text);
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().is(Errc::port_in_use));
  }
  const auto refused = uapi::parse_set_reply("errno=-22\n\n");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::device_refused));
  EXPECT_THAT(refused.error().message(), HasSubstr("22"));
  const auto get = uapi::parse_get_reply("errno=-5\n\n");
  ASSERT_FALSE(get);
  EXPECT_TRUE(get.error().is(Errc::device_refused));
  for (std::string_view text : {"", "\n", "errno=0", "errno=\n\n", "other=1\n\n"}) {
    const auto result = uapi::parse_set_reply(text);
    ASSERT_FALSE(result) << text;
    EXPECT_TRUE(result.error().is(Errc::malformed_reply));
  }
}

}  // namespace
}  // namespace lanrage::wireguard
