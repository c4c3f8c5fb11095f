#include "agent/filtering_memory.hpp"

#include <gtest/gtest.h>

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;
using stun::Filtering;

const Endpoint kPrimary = *Endpoint::parse("203.0.113.1:3478");
const Endpoint kSecond = *Endpoint::parse("203.0.113.1:3479");
const Endpoint kRelay = *Endpoint::parse("203.0.113.1:51820");
const IpAddress kHome = *IpAddress::parse("192.168.1.5");
const IpAddress kCafe = *IpAddress::parse("10.0.0.5");

struct FilteringMemoryTest : testing::Test {
  Instant now{100s};
  SeededRandom random{1};
  FilteringMemory memory;
  int to_second = 0;  // datagrams of the latest look

  // One look from `source`, through a NAT that filters by port and remembers for `nat_life`.
  Filtering look(const std::optional<IpAddress>& source, Duration nat_life = 5min) {
    stun::NatProbeConfig config{{{kPrimary, kSecond}}, {kRelay}, {}};
    memory.prepare(now, source, config);
    stun::NatProbe probe(std::move(config), random);
    stun::Datagrams out;
    to_second = 0;
    probe.start(now, out);
    do {
      if (const auto due = probe.next_timeout()) now = *due;
      while (!out.empty()) {
        memory.on_sent(now, out);
        const auto batch = std::exchange(out, {});
        for (const auto& datagram : batch) {
          if (datagram.to == kSecond) opened_ = now, ++to_second;
          const auto asked = stun::MessageView::parse(datagram.bytes);
          const bool moved = asked->find(stun::Attribute::change_request).has_value();
          if (moved && (!opened_ || now - *opened_ >= nat_life)) continue;
          const auto answer = stun::MessageBuilder(stun::Method::binding, stun::Class::success,
                                                   asked->transaction())
                                  .xor_mapped_address(*Endpoint::parse("198.51.100.7:2000"))
                                  .fingerprint();
          probe.on_datagram(now, moved ? kSecond : datagram.to, *stun::MessageView::parse(answer),
                            out);
        }
      }
      probe.on_timeout(now, out);
    } while (!probe.finished());
    memory.on_finished(probe);
    return probe.report().filtering;
  }

  std::optional<Instant> opened_;  // the NAT's filter for the second port
};

TEST_F(FilteringMemoryTest, WhatWasSeenFilteredStaysSoWhileOurPortIsStillLetIn) {
  for (int i = 0; i < 100; ++i, now += 25s) {
    ASSERT_EQ(look(kHome), Filtering::port_dependent) << "look " << i;
    ASSERT_LE(to_second, 1);
  }
}

TEST_F(FilteringMemoryTest, TheSecondPortIsTriedAgainWhenTheNatHasForgotten) {
  look(kHome);
  EXPECT_EQ(to_second, 1);
  now += FilteringMemory::kMappingLife - 10s;
  look(kHome);
  EXPECT_EQ(to_second, 0);
  now += 10s;
  EXPECT_EQ(look(kHome), Filtering::port_dependent);
  EXPECT_EQ(to_second, 1);
}

TEST_F(FilteringMemoryTest, AnotherNetworkIsLookedAtAnew) {
  look(kHome);
  opened_.reset();
  now += 25s;
  EXPECT_EQ(look(kCafe), Filtering::port_dependent);
  EXPECT_EQ(to_second, 1) << "it was tested";
  now += 25s;
  EXPECT_EQ(look(std::nullopt), Filtering::port_dependent) << "no route for a moment";
  EXPECT_EQ(to_second, 0);
}

}  // namespace
}  // namespace lanrage::agent
