// A machine on which all is well, for a test to make ill, and what the doctor finds there.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "agent/doctor.hpp"

namespace lanrage::agent::test {

using namespace std::chrono_literals;
using enum FindingStatus;

enum class TestErrc {
  pin_mismatch,
  server_unreachable,
  lan_unavailable,
  lan_unguarded,
  lan_port_taken,
  lan_failed
};
constexpr std::string_view name_of(TestErrc e) {
  constexpr std::string_view kNames[] = {"pin_mismatch",  "server_unreachable", "lan_unavailable",
                                         "lan_unguarded", "lan_port_taken",     "lan_failed"};
  return kNames[static_cast<std::size_t>(e)];
}

inline FirewallRules rules_with(const std::string& more) {
  auto rules = FirewallRules::parse(R"({"nftables":[{"metainfo":{}})" + more + "]}");
  EXPECT_TRUE(rules) << more;
  return std::move(*rules);
}

inline std::string chain(const std::string& hook, const std::string& policy) {
  return R"(,{"chain":{"family":"inet","table":"mine","name":")" + hook +
         R"(","type":"filter","hook":")" + hook + R"(","prio":0,"policy":")" + policy + R"("}})";
}
inline std::string rule(const std::string& in, const std::string& statements) {
  return R"(,{"rule":{"family":"inet","table":"mine","chain":")" + in + R"(","handle":7,"expr":[)" +
         statements + "]}}";
}
inline const std::string kEstablished =
    R"({"match":{"op":"==","left":{"ct":{"key":"state"}},"right":"established"}},{"accept":null})";
inline const std::string kFromTunnel = R"({"match":{"op":"==","left":{"meta":{"key":"iifname"}},)"
                                       R"("right":{"set":["lanrage0","lan0"]}}})";
inline const std::string kUdp =
    R"({"match":{"op":"==","left":{"meta":{"key":"l4proto"}},"right":"udp"}})";

inline PartyFacts party() {
  return {.name = "fun",
          .interface = "lanrage0",
          .lan_interface = "lan0",
          .prefix = *Prefix::parse("10.66.0.0/16"),
          .vip = *IpAddress::parse("10.66.0.1"),
          .port = 50'000,
          .port_bound = true,
          .mtu = MtuFacts{"bob", 1350, 1350},
          .segment = SegmentFacts{61'234, *IpAddress::parse("fd12:3456:789a::1")}};
}

// On a kernel that can't have a LAN.
inline PartyFacts without_segment() {
  auto out = party();
  out.lan_interface = out.interface;
  out.segment.reset();
  out.no_segment = Error(TestErrc::lan_unavailable, "this kernel has no VXLAN");
  return out;
}

inline NetworkReport network() {
  NetworkReport out;
  const auto stun = *Endpoint::parse("203.0.113.10:3478");
  const auto relay = *Endpoint::parse("203.0.113.10:51820");
  out.nat.type = stun::NatType::port_restricted_cone;
  out.nat.udp = true;
  out.nat.public_endpoint = Endpoint::parse("198.51.100.7:50000");
  out.nat.answers = {{stun, {}, 12'300us}};
  out.asked = {stun};
  out.relays = {{"home", "eu", {relay}, true, 12'300us}};
  return out;
}

// A machine on which all is well.
inline DoctorFacts healthy() {
  DoctorFacts out;
  out.net_admin = out.net_raw = true;
  out.wireguard_go = true;
  out.servers = {{.url = "https://203.0.113.10:8667",
                  .pinned = true,
                  .error = std::nullopt,
                  .clock_ahead = 300ms,
                  .network = network()}};
  out.parties = {party()};
  out.routes = {{*Prefix::parse("0.0.0.0/0"), "eth0"},
                {*Prefix::parse("192.168.1.0/24"), "eth0"},
                {*Prefix::parse("10.66.0.0/16"), "lan0"}};
  out.uplink = out.uplink6 = "eth0";
  out.firewall.rules = rules_with("");
  return out;
}

inline std::vector<Finding> of(const DoctorFacts& facts, const std::string& check) {
  auto all = diagnose(facts);
  std::erase_if(all, [&](const Finding& finding) { return finding.check != check; });
  return all;
}

inline Finding only(const DoctorFacts& facts, const std::string& check) {
  const auto found = of(facts, check);
  EXPECT_EQ(found.size(), 1u) << check;
  return found.empty() ? Finding{} : found.front();
}

inline void expect(const Finding& finding, FindingStatus status, const std::string& detail,
                   const std::string& advice = "") {
  EXPECT_EQ(finding.status, status) << finding.detail;
  EXPECT_NE(finding.detail.find(detail), std::string::npos) << finding.detail;
  EXPECT_NE(finding.advice.find(advice), std::string::npos) << finding.advice;
  EXPECT_EQ(finding.advice.empty(), status == ok) << finding.detail << ": " << finding.advice;
}

}  // namespace lanrage::agent::test
