// `lanrage doctor` on machines with a fault: it is found, named, and told what to do about.
#include <algorithm>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

// A server that can't be reached is waited for, and large echoes that get lost are repeated.
constexpr Millis kPatience{180'000};

struct Finding {
  std::string status;
  std::string detail;
  std::string advice;
};

std::vector<Finding> findings_of(const CliResult& result, const std::string& check) {
  std::vector<Finding> out;
  const auto* object = result.json.if_object();
  const auto* rows = object == nullptr ? nullptr : object->if_contains("findings");
  if (rows == nullptr) {
    ADD_FAILURE() << result.out << result.err;
    return out;
  }
  const auto text = [](const boost::json::object& row, const char* key) {
    const auto& value = row.at(key);
    return value.is_string() ? std::string(value.as_string()) : std::string();
  };
  for (const auto& value : rows->as_array()) {
    const auto& row = value.as_object();
    if (text(row, "check") == check)
      out.push_back({text(row, "status"), text(row, "detail"), text(row, "advice")});
  }
  return out;
}

// One finding of `check` has this status, and these words.
::testing::AssertionResult finds(const CliResult& result, const std::string& check,
                                 const std::string& status, const std::string& words) {
  const auto all = findings_of(result, check);
  if (std::ranges::any_of(all, [&](const Finding& finding) {
        return finding.status == status &&
               (finding.detail + "; " + finding.advice).find(words) != std::string::npos;
      }))
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "no " << status << " of " << check << " with \"" << words << "\" in " << result.out;
}

class DoctorLab : public LabTest {
 protected:
  void SetUp() override {
    const Membership hosted = alice_.create(server_, "game night");
    vip_ = hosted.vip;
    bob_.join(hosted.invite);
    ASSERT_TRUE(pings(bob_, hosted.vip));
    ASSERT_TRUE(eventually(kReachable, [this] {
      const auto peer = alice_.peer("bob");
      return peer && peer->state == "connected";
    }));
  }

  // Alice's device of the party.
  std::string lan() const { return std::string(alice_.party()->at("lan_interface").as_string()); }

  CliResult doctor(const Argv& more = {}) const {
    Argv words{"doctor"};
    words.insert(words.end(), more.begin(), more.end());
    return alice_.cli(words, kPatience);
  }

  Server& server_ = add_server();
  Player& alice_ = add_player("alice", NatKind::open);
  Player& bob_ = add_player("bob", NatKind::port_restricted_cone);
  IpAddress vip_;
};

TEST_F(DoctorLab, NothingIsWrongUntilSomethingIs) {
  const auto well = doctor();
  EXPECT_EQ(well.status, 0) << well.out;
  EXPECT_TRUE(finds(well, "agent", "ok", "runs"));
  EXPECT_TRUE(finds(well, "server", "ok", server_.url()));
  EXPECT_TRUE(finds(well, "clock", "ok", "agrees"));
  EXPECT_TRUE(finds(well, "udp", "ok", "gets out"));
  EXPECT_TRUE(finds(well, "relay", "ok", "answers"));
  EXPECT_TRUE(finds(well, "nat", "ok", "open"));
  EXPECT_TRUE(finds(well, "port", "ok", "is bound"));
  EXPECT_TRUE(finds(well, "firewall", "ok", alice_.interface()));
  EXPECT_TRUE(finds(well, "routes", "ok", "10.66.0.0/16"));
  EXPECT_TRUE(finds(well, "lan", "ok", lan() + " is the LAN of"));
  EXPECT_TRUE(finds(well, "mtu", "ok", "packets of 1350 bytes get to \"bob\" by " + lan()));

  // Another network with the party's addresses, and a friend whose line carries small packets only.
  alice_.host().netns().ip(
      "link add vpn0 type veth peer name vpn1\nlink set vpn0 up\nlink set vpn1 up\n"
      "addr add 10.66.7.1/24 dev vpn0");
  bob_.host().netns().nft(
      "table inet narrow { chain input { type filter hook input priority 0; policy accept;\n"
      "meta l4proto udp meta length > 1300 drop\n}\n}\n");
  const auto ill = doctor();
  EXPECT_EQ(ill.status, 1) << ill.out;
  EXPECT_TRUE(finds(ill, "routes", "problem", "10.66.7.0/24 on vpn0"));
  EXPECT_TRUE(finds(ill, "mtu", "problem", "more than 1000 bytes don't get to \"bob\""));
  EXPECT_TRUE(finds(ill, "mtu", "problem", "`ip link set dev " + lan() + " mtu 1000`"));
  EXPECT_TRUE(finds(ill, "server", "ok", server_.url()));
}

TEST_F(DoctorLab, WhatItSaysOfAFirewallIsWhatToDo) {
  // As most are: answers come in, and nothing else.
  alice_.host().netns().nft(
      "table inet homemade { chain input { type filter hook input priority 0; policy drop;\n"
      "ct state established,related accept\niifname lo accept\nmeta l4proto { icmp, icmpv6 } "
      "accept\n"
      "}\n}\n");
  const auto ill = doctor();
  EXPECT_EQ(ill.status, 1) << ill.out;
  EXPECT_TRUE(finds(ill, "firewall", "warning", "table inet homemade, chain input"));
  EXPECT_TRUE(finds(ill, "firewall", "problem",
                    "nft insert rule inet homemade input iifname \"" + alice_.interface() + "\""));
  EXPECT_TRUE(
      finds(ill, "firewall", "problem", "nft insert rule inet homemade input iifname \"" + lan()));
  EXPECT_TRUE(finds(ill, "mtu", "warning", "answers no echo"));
  for (const auto& finding : findings_of(ill, "firewall")) {
    const auto begin = finding.advice.find('`');
    if (finding.status != "problem" || begin == std::string::npos) continue;
    const auto command =
        finding.advice.substr(begin + 1, finding.advice.find('`', begin + 1) - begin - 1);
    EXPECT_EQ(run({"sh", "-c", command}, {.netns_fd = alice_.host().netns().fd()}).status, 0)
        << command;
  }
  EXPECT_TRUE(pings(bob_, vip_));
  const auto well = doctor();
  EXPECT_EQ(well.status, 0) << well.out;
  EXPECT_TRUE(finds(well, "mtu", "ok", "packets of 1350 bytes get to \"bob\""));
}

TEST_F(DoctorLab, OfTwoDefaultRoutesTheOneInUseIsJudged) {
  const auto& netns = alice_.host().netns();
  netns.ip(
      "link add spare0 type veth peer name spare1\nlink set spare0 up\nlink set spare1 up\n"
      "addr add 192.168.77.1/24 dev spare0\n"
      "route add default via 192.168.77.254 dev spare0 metric 900");
  netns.nft(
      "table inet homemade { chain input { type filter hook input priority 0; policy accept;\n"
      "iifname spare0 meta l4proto udp drop\n}\n}\n");
  EXPECT_TRUE(finds(doctor(), "firewall", "ok", "by spare0 (not in use now)"));
  netns.nft(
      "table inet homemade2 { chain input { type filter hook input priority 0; policy accept;\n"
      "iifname != spare0 iifname != \"" +
      alice_.interface() + "\" meta l4proto udp drop\n}\n}\n");
  EXPECT_TRUE(finds(doctor(), "firewall", "problem", "table inet homemade2, chain input"));
}

TEST_F(DoctorLab, UdpThatIsBlockedAndAServerThatIsGone) {
  alice_.host().netns().nft(
      "table inet homemade { chain input { type filter hook input priority 0; policy accept;\n"
      "meta l4proto udp counter drop\n}\n}\n");
  const auto blocked = doctor();
  EXPECT_EQ(blocked.status, 1) << blocked.out;
  EXPECT_TRUE(finds(blocked, "udp", "problem", "3478"));
  EXPECT_TRUE(finds(blocked, "relay", "problem", "51820"));
  EXPECT_TRUE(finds(blocked, "firewall", "problem", "all incoming UDP"));
  EXPECT_TRUE(finds(blocked, "firewall", "problem", "table inet homemade, chain input"));

  const auto wrong_pin = doctor({"--server", server_.url(), "--pin", std::string(26, 'a')});
  EXPECT_EQ(wrong_pin.status, 1) << wrong_pin.out;
  EXPECT_TRUE(finds(wrong_pin, "server", "problem", "pin"));

  server_.kill();
  const auto gone = doctor();
  EXPECT_EQ(gone.status, 1) << gone.out;
  EXPECT_TRUE(finds(gone, "server", "problem", server_.url()));
  EXPECT_TRUE(finds(gone, "clock", "ok", "not compared"));

  alice_.kill_agent();
  const auto alone = doctor();
  EXPECT_EQ(alone.status, 3) << alone.out;
  EXPECT_TRUE(finds(alone, "agent", "problem", "lanrage daemon"));
  EXPECT_TRUE(finds(alone, "wireguard", "ok", ""));
  EXPECT_TRUE(finds(alone, "tun", "ok", ""));
  server_.start();  // their logs are searched for secrets
  alice_.start_agent();
}

}  // namespace
}  // namespace lanrage::lab
