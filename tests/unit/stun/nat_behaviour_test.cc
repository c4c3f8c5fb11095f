// The probe against NATs that are modelled here: mapping and filtering by the rules of RFC 4787.
#include "stun/nat_behaviour.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "stun/responder.hpp"

namespace lanrage::stun {
namespace {

using std::chrono::milliseconds;

const Endpoint kLocal = *Endpoint::parse("192.168.1.5:41641");
const Endpoint kPrimary = *Endpoint::parse("203.0.113.1:3478");
const Endpoint kAlternate = *Endpoint::parse("203.0.113.1:3479");
const Endpoint kRelay = *Endpoint::parse("203.0.113.1:51820");
const Endpoint kFarRelay = *Endpoint::parse("203.0.113.77:51820");
const Endpoint kLocal6 = *Endpoint::parse("[2001:db8:1::5]:41641");
const Endpoint kPrimary6 = *Endpoint::parse("[2001:db8::1]:3478");
const Endpoint kAlternate6 = *Endpoint::parse("[2001:db8::1]:3479");
const IpAddress kPublic = *IpAddress::parse("198.51.100.7");

struct Nat {
  enum class Key { none, one, address, port };  // none: no NAT at all
  enum class Filter { open, address, port };
  Key mapping = Key::one;
  Filter filter = Filter::port;
  bool blocked = false;

  Endpoint map(const Endpoint& to) {
    if (to.address.is_v6()) return kLocal6;
    if (mapping == Key::none) return kLocal;
    Endpoint key;
    if (mapping == Key::address) key = {to.address, 0};
    if (mapping == Key::port) key = to;
    auto [found, added] = ports.try_emplace(key, static_cast<std::uint16_t>(2000 + ports.size()));
    return {kPublic, found->second};
  }
  bool lets_in(const Endpoint& from) const {
    if (filter == Filter::open) return true;
    for (const Endpoint& to : contacted) {
      if (to.address == from.address && (filter == Filter::address || to.port == from.port)) {
        return true;
      }
    }
    return false;
  }

  std::map<Endpoint, std::uint16_t> ports{};
  std::set<Endpoint> contacted{};
};

struct World {
  Nat nat;
  NatProbeConfig config{{{kPrimary, kAlternate}}, {kRelay, kFarRelay}, {kLocal}, {}};
  int lose_first = 0;  // datagrams lost on the way out
  std::vector<Endpoint> sent_to{};
  Instant now{std::chrono::seconds(50)};

  NatReport run() {
    config.retries = {milliseconds(250), 4, 4};
    SeededRandom random(1);
    NatProbe probe(config, random);
    Datagrams out;
    probe.start(now, out);
    while (true) {
      deliver(probe, out);
      auto next = probe.next_timeout();
      if (!next) break;
      now = *next;
      probe.on_timeout(now, out);
    }
    EXPECT_TRUE(probe.finished());
    return probe.report();
  }

 private:
  void deliver(NatProbe& probe, Datagrams& out) {
    while (!out.empty()) {
      Datagrams batch;
      std::swap(batch, out);
      Instant answered = now += milliseconds(20);
      for (const auto& datagram : batch) {
        sent_to.push_back(datagram.to);
        Endpoint source = nat.map(datagram.to);
        nat.contacted.insert(datagram.to);
        if (nat.blocked || lose_first-- > 0) continue;
        ServerAddresses addresses;
        for (const auto& [first, second] :
             {std::pair(kPrimary, kAlternate), std::pair(kPrimary6, kAlternate6)}) {
          if (datagram.to == first) addresses = {first, second};
          if (datagram.to == second) addresses = {second, first};
        }
        auto reply = respond(datagram.bytes, source, addresses);
        if (!reply) continue;
        Endpoint from = reply->from_other_port ? *addresses.other : datagram.to;
        if (!nat.lets_in(from)) continue;
        auto message = MessageView::parse(reply->bytes);
        EXPECT_TRUE(probe.on_datagram(answered, from, *message, out));
      }
    }
  }
};

TEST(NatProbe, NoNat) {
  World world{.nat = {Nat::Key::none, Nat::Filter::open}};
  NatReport report = world.run();
  EXPECT_EQ(report.type, NatType::open);
  EXPECT_EQ(report.mapping, Mapping::endpoint_independent);
  EXPECT_EQ(report.public_endpoint, kLocal);
  EXPECT_TRUE(report.udp);
  EXPECT_EQ(report.answers.size(), 4u);
  for (const auto& answer : report.answers)
    EXPECT_EQ(answer.rtt, milliseconds(20));
}

TEST(NatProbe, TheTypeIsThatOfIpv4WhereBothAnswer) {
  World world{.nat = {Nat::Key::port, Nat::Filter::port}};
  world.config = {{{kPrimary6, kAlternate6}, {kPrimary, kAlternate}}, {}, {kLocal, kLocal6}, {}};
  const NatReport report = world.run();
  EXPECT_EQ(report.type, NatType::symmetric);
  EXPECT_EQ(report.public_endpoint->address, kPublic);
  EXPECT_EQ(report.answers.size(), 4u);
}

TEST(NatProbe, Ipv6AloneHasTheTypeOfItsFirewall) {
  World world{.nat = {Nat::Key::port, Nat::Filter::port}};
  world.config = {{{kPrimary6, kAlternate6}}, {}, {kLocal6}, {}};
  const NatReport report = world.run();
  EXPECT_EQ(report.type, NatType::port_restricted_cone);
  EXPECT_EQ(report.mapping, Mapping::endpoint_independent);
  EXPECT_EQ(report.public_endpoint, kLocal6);
  world.nat = {Nat::Key::none, Nat::Filter::open};
  EXPECT_EQ(world.run().type, NatType::open);
}

TEST(NatProbe, FirewallWithoutNat) {
  World world{.nat = {Nat::Key::none, Nat::Filter::port}};
  EXPECT_EQ(world.run().type, NatType::port_restricted_cone);
}

TEST(NatProbe, PortRestrictedCone) {
  World world{.nat = {Nat::Key::one, Nat::Filter::port}};
  NatReport report = world.run();
  EXPECT_EQ(report.type, NatType::port_restricted_cone);
  EXPECT_EQ(report.mapping, Mapping::endpoint_independent);
  EXPECT_EQ(report.filtering, Filtering::port_dependent);
  EXPECT_EQ(report.public_endpoint, (Endpoint{kPublic, 2000}));
}

TEST(NatProbe, AddressRestrictedAndFullConeLookAlikeFromOneAddress) {
  for (auto filter : {Nat::Filter::address, Nat::Filter::open}) {
    World world{.nat = {Nat::Key::one, filter}};
    NatReport report = world.run();
    EXPECT_EQ(report.type, NatType::restricted_cone);
    EXPECT_EQ(report.filtering, Filtering::port_open);
  }
}

TEST(NatProbe, Symmetric) {
  World world{.nat = {Nat::Key::port, Nat::Filter::port}};
  NatReport report = world.run();
  EXPECT_EQ(report.type, NatType::symmetric);
  EXPECT_EQ(report.mapping, Mapping::address_and_port_dependent);
}

TEST(NatProbe, SymmetricByAddress) {
  World world{.nat = {Nat::Key::address, Nat::Filter::port}};
  NatReport report = world.run();
  EXPECT_EQ(report.type, NatType::symmetric);
  EXPECT_EQ(report.mapping, Mapping::address_dependent);
}

TEST(NatProbe, UdpBlocked) {
  World world{.nat = {.blocked = true}};
  NatReport report = world.run();
  EXPECT_FALSE(report.udp);
  EXPECT_EQ(report.type, NatType::unknown);
  EXPECT_EQ(report.filtering, Filtering::unknown);
  EXPECT_EQ(report.public_endpoint, std::nullopt);
  // Given up after bounded time: 4 sendings.
  EXPECT_LE(world.now - Instant{std::chrono::seconds(50)}, std::chrono::seconds(3));
}

TEST(NatProbe, LossIsRepairedByRetransmission) {
  for (int lost = 1; lost <= 6; ++lost) {
    World world{.nat = {Nat::Key::one, Nat::Filter::port}, .lose_first = lost};
    EXPECT_EQ(world.run().type, NatType::port_restricted_cone) << lost;
  }
}

TEST(NatProbe, SecondPortIsLeftAloneUntilFilteringIsKnown) {
  World world{.nat = {Nat::Key::one, Nat::Filter::port}};
  world.run();
  auto first_alternate = std::ranges::find(world.sent_to, kAlternate);
  auto last_question = std::ranges::count(world.sent_to.begin(), first_alternate, kPrimary);
  EXPECT_EQ(last_question, 4 + 1);  // the four sendings of the question, and the plain Binding
}

// A second look from the same port, through the filters that the first one opened.
TEST(NatProbe, ALookAtAPortThatWasContactedGoesByWhatIsKnown) {
  World world{.nat = {Nat::Key::one, Nat::Filter::port}};
  EXPECT_EQ(world.run().type, NatType::port_restricted_cone);
  EXPECT_EQ(world.run().type, NatType::restricted_cone) << "what must not be believed";
  world.config.servers[0].alternate_contacted = true;
  EXPECT_EQ(world.run().type, NatType::unknown);
  for (const auto& [known, type] :
       {std::pair(Filtering::port_dependent, NatType::port_restricted_cone),
        std::pair(Filtering::port_open, NatType::restricted_cone)}) {
    world.config.known_filtering = {known, Filtering::unknown};
    world.sent_to.clear();
    const auto report = world.run();
    EXPECT_EQ(report.type, type);
    EXPECT_EQ(report.filtering, known);
    EXPECT_EQ(std::ranges::count(world.sent_to, kAlternate), 0) << "it can be tested again later";
  }
  // Mappings are told without it, too.
  world.nat = {Nat::Key::port, Nat::Filter::port};
  EXPECT_EQ(world.run().mapping, Mapping::address_and_port_dependent);
  // Unless there is nothing else to compare.
  world.config.relays.clear();
  EXPECT_EQ(world.run().type, NatType::symmetric);
}

TEST(NatProbe, ALookThatNobodyAnsweredLeavesTheNextOneItsTest) {
  World world{.nat = {.blocked = true}};
  EXPECT_FALSE(world.run().udp);
  EXPECT_EQ(std::ranges::count(world.sent_to, kAlternate), 0);
}

TEST(NatProbe, SingleServerWithoutSecondPortTellsTheAddressOnly) {
  World world{.nat = {Nat::Key::one, Nat::Filter::port}};
  world.config.servers = {{kPrimary, std::nullopt}};
  world.config.relays = {};
  NatReport report = world.run();
  EXPECT_EQ(report.type, NatType::unknown);
  EXPECT_EQ(report.mapping, Mapping::unknown);
  EXPECT_EQ(report.public_endpoint, (Endpoint{kPublic, 2000}));
}

TEST(NatProbe, AnswersFromStrangersAreNotBelieved) {
  SeededRandom random(1);
  NatProbe probe({{{kPrimary, std::nullopt}}, {}, {}, {}}, random);
  Datagrams out;
  Instant now{};
  probe.start(now, out);
  auto request = MessageView::parse(out[0].bytes);
  Bytes forged = MessageBuilder(Method::binding, Class::success, request->transaction())
                     .xor_mapped_address(*Endpoint::parse("192.0.2.66:6"))
                     .fingerprint();
  probe.on_datagram(now, *Endpoint::parse("192.0.2.66:666"), *MessageView::parse(forged), out);
  EXPECT_FALSE(probe.report().udp);
  EXPECT_EQ(probe.report().public_endpoint, std::nullopt);
}

TEST(NatProbe, NamesAreStable) {
  for (auto type : {NatType::open, NatType::full_cone, NatType::restricted_cone,
                    NatType::port_restricted_cone, NatType::symmetric, NatType::unknown}) {
    EXPECT_EQ(parse_nat_type(name_of(type)), type);
  }
  EXPECT_EQ(parse_nat_type("cone"), std::nullopt);
}

TEST(NatBehaviour, ANewPortOfASymmetricNatIsNewsToNobody) {
  const auto seen = [](NatType type, const char* endpoint) {
    NatReport out;
    out.type = type;
    out.public_endpoint = *Endpoint::parse(endpoint);
    return out;
  };
  using enum NatType;
  EXPECT_FALSE(is_news(seen(symmetric, "198.51.100.7:1"), seen(symmetric, "198.51.100.7:2")));
  EXPECT_TRUE(is_news(seen(symmetric, "198.51.100.7:1"), seen(symmetric, "198.51.100.8:1")));
  EXPECT_TRUE(is_news(seen(symmetric, "198.51.100.7:1"), seen(full_cone, "198.51.100.7:1")));
  EXPECT_TRUE(is_news(seen(full_cone, "198.51.100.7:1"), seen(full_cone, "198.51.100.7:2")));
  EXPECT_TRUE(is_news(seen(symmetric, "[2001:db8::7]:1"), seen(symmetric, "[2001:db8::7]:2")));
  EXPECT_TRUE(is_news({}, seen(symmetric, "198.51.100.7:1")));
}

}  // namespace
}  // namespace lanrage::stun
