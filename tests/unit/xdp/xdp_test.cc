// The program in the kernel on single packets (BPF_PROG_TEST_RUN), held against the relay's core.
#include <bpf/libbpf.h>
#include <functional>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <map>
#include <net/if.h>
#include <sched.h>
#include <thread>

#include "io/clock.hpp"
#include "support/namespace.hpp"
#include "unit/relay/relay_world.hpp"
#include "unit/xdp/frames.hpp"
#include "unit/xdp/test_run.hpp"
#include "xdp/xdp_path.hpp"

namespace lanrage::xdp {
namespace {

using namespace std::chrono_literals;
using test::Frame;

const IpAddress kRelay4 = *IpAddress::parse("203.0.113.1");
const IpAddress kRelay6 = *IpAddress::parse("2001:db8::1");
const test::Mac kRouterMac{2, 0, 0, 0, 0, 9};

// A relay's machine with one interface and one router beyond it.
class XdpTest : public testing::Test {
 protected:
  void SetUp() override {
    lab::require_lab();
    netns.ip(
        "link add wan type veth peer name beyond\n"
        "link set wan address 02:00:00:00:00:01\n"
        "link set wan up\n"
        "link set beyond up\n"
        "addr add 203.0.113.1/24 dev wan\n"
        "addr add 2001:db8::1/64 dev wan nodad\n"
        "neigh add 203.0.113.254 lladdr 02:00:00:00:00:09 dev wan nud permanent\n"
        "neigh add 2001:db8::fe lladdr 02:00:00:00:00:09 dev wan nud permanent\n"
        "route add default via 203.0.113.254\n"
        "route add ::/0 via 2001:db8::fe\n");
    auto opened = netns.inside([] {
      return XdpPath::open({.mode = Mode::generic, .listen = {{}, 51820}, .sessions = 1024});
    });
    ASSERT_TRUE(opened) << opened.error().message();
    path = std::move(*opened);
  }

  test::Ran run(const Bytes& frame) {
    return netns.inside([&] { return test::test_run(*path, "wan", frame); });
  }
  static Frame frame(const Endpoint& from, const IpAddress& to, Bytes payload) {
    return {{2, 0, 0, 0, 0, 1}, kRouterMac, from, {to, 51820}, 57, true, std::move(payload)};
  }
  void expect_passes_untouched(const Frame& sent) {
    const Bytes bytes = test::encode(sent);
    const test::Ran ran = run(bytes);
    EXPECT_EQ(ran.action, XDP_PASS);
    EXPECT_EQ(ran.bytes, bytes);
  }
  void expect_forwards(const Frame& sent, const Endpoint& to, const IpAddress& local) {
    const test::Ran ran = run(test::encode(sent));
    ASSERT_EQ(ran.action, XDP_TX);
    const auto left = test::decode(ran.bytes);
    ASSERT_TRUE(left) << "not a whole frame with right checksums";
    EXPECT_EQ(left->source, (Endpoint{local, 51820}));
    EXPECT_EQ(left->destination, to);
    EXPECT_EQ(left->payload, sent.payload);
    EXPECT_EQ(left->checksum, sent.checksum);
    EXPECT_EQ(left->hops, 64);
    EXPECT_EQ(left->to, kRouterMac);
    EXPECT_EQ(left->from, (test::Mac{2, 0, 0, 0, 0, 1}));
  }
  Instant soon() const { return io::monotonic_now() + 60s; }

  lab::NetNamespace netns{"xdp"};
  std::unique_ptr<XdpPath> path;
  Endpoint a4 = *Endpoint::parse("198.51.100.1:1000");
  Endpoint b4 = *Endpoint::parse("198.51.100.2:2000");
  Endpoint a6 = *Endpoint::parse("[2001:db8:a::1]:1000");
  Endpoint b6 = *Endpoint::parse("[2001:db8:b::1]:2000");
};

TEST_F(XdpTest, LeasedPacketsAreForwardedWithRightChecksums) {
  path->grant({a4, kRelay4, 77, b4, kRelay4}, {1 << 20, 1'000}, soon());
  path->grant({a6, kRelay6, 77, b6, kRelay6}, {1 << 20, 1'000}, soon());
  SeededRandom random(1);
  for (std::size_t size = 32; size < 1473; size += 17) {
    Bytes packet = relay::data(77, size);
    for (std::size_t i = 16; i < size; ++i)
      packet[i] = static_cast<std::uint8_t>(random.below(256));
    expect_forwards(frame(a4, kRelay4, packet), b4, kRelay4);
    Frame without = frame(a4, kRelay4, packet);
    without.checksum = false;
    expect_forwards(without, b4, kRelay4);
    if (size < 1453) expect_forwards(frame(a6, kRelay6, packet), b6, kRelay6);
  }
  const auto counters = path->counters();
  EXPECT_GT(counters.packets, 200u);
  EXPECT_GT(counters.bytes, 32 * counters.packets);
  EXPECT_EQ(counters.passed, 0u);
}

TEST_F(XdpTest, WhatHasNoLeaseIsTheRelays) {
  path->grant({a4, kRelay4, 77, b4, kRelay4}, {100'000, 1'000}, soon());
  const Bytes packet = relay::data(77, 160);
  expect_forwards(frame(a4, kRelay4, packet), b4, kRelay4);
  expect_passes_untouched(frame(a4, kRelay4, relay::data(78, 160)));    // another index
  expect_passes_untouched(frame(b4, kRelay4, packet));                  // another source
  expect_passes_untouched(frame({a4.address, 1001}, kRelay4, packet));  // another port
  expect_passes_untouched(frame(a4, *IpAddress::parse("203.0.113.2"), packet));
  expect_passes_untouched(frame(a6, kRelay6, packet));
  Frame other_port = frame(a4, kRelay4, packet);
  other_port.destination.port = 51821;
  expect_passes_untouched(other_port);
  for (const unsigned char type : {'\0', '\1', '\2', '\3', '\5'}) {
    Bytes other = packet;
    other[0] = type;
    expect_passes_untouched(frame(a4, kRelay4, other));
  }
  for (const std::size_t reserved : {1, 2, 3}) {
    Bytes other = packet;
    other[reserved] = 1;
    expect_passes_untouched(frame(a4, kRelay4, other));
  }
  expect_passes_untouched(frame(a4, kRelay4, relay::data(77, 31)));  // too small to be WireGuard's
}

TEST_F(XdpTest, UnusualPacketsAreTheRelays) {
  path->grant({a4, kRelay4, 77, b4, kRelay4}, {100'000, 1'000}, soon());
  path->grant({a6, kRelay6, 77, b6, kRelay6}, {100'000, 1'000}, soon());
  const Bytes v4 = test::encode(frame(a4, kRelay4, relay::data(77, 160)));
  const Bytes v6 = test::encode(frame(a6, kRelay6, relay::data(77, 160)));
  const auto passes = [&](Bytes bytes, std::size_t at, std::uint8_t value) {
    bytes[at] = value;
    const test::Ran ran = run(bytes);
    EXPECT_EQ(ran.action, XDP_PASS) << at;
    EXPECT_EQ(ran.bytes, bytes) << at;
  };
  passes(v4, 12, 0x81);      // not IP
  passes(v4, 14, 0x46);      // options
  passes(v4, 14 + 6, 0x20);  // more fragments
  passes(v4, 14 + 7, 1);     // a later fragment
  passes(v4, 14 + 9, 6);     // TCP
  passes(v4, 14 + 3, 10);    // lengths that don't fit together
  passes(v4, 14 + 20 + 5, 10);
  passes(v4, 14 + 20 + 4, 200);
  passes(v6, 14 + 6, 0);  // an extension header
  passes(v6, 14 + 5, 10);
  passes(v6, 14 + 40 + 5, 10);
  Frame bare = frame(a6, kRelay6, relay::data(77, 160));
  bare.checksum = false;
  expect_passes_untouched(bare);
  for (std::size_t size = 14; size < v4.size(); size += 7)
    EXPECT_EQ(run(Bytes(v4.begin(), v4.begin() + static_cast<std::ptrdiff_t>(size))).action,
              XDP_PASS);
}

TEST_F(XdpTest, ALeaseEndsByBytesByPacketsByTimeAndByRevocation) {
  const Frame packet = frame(a4, kRelay4, relay::data(77, 160));
  path->grant({a4, kRelay4, 77, b4, kRelay4}, {400, 9}, soon());
  expect_forwards(packet, b4, kRelay4);
  expect_forwards(packet, b4, kRelay4);
  expect_passes_untouched(packet);
  const Frame six = frame(a6, kRelay6, relay::data(77, 160));
  path->grant({a4, kRelay4, 77, b4, kRelay4}, {9'000, 1}, soon());
  path->grant({a6, kRelay6, 77, b6, kRelay6}, {9'000, 1}, soon());
  expect_forwards(packet, b4, kRelay4);
  expect_forwards(six, b6, kRelay6);
  expect_passes_untouched(packet);
  expect_passes_untouched(six);
  path->grant({a4, kRelay4, 77, b4, kRelay4}, {400, 9}, io::monotonic_now() - 1ms);
  expect_passes_untouched(packet);
  path->grant({a4, kRelay4, 77, b4, kRelay4}, {400, 9}, soon());
  path->revoke(a4, 77);
  expect_passes_untouched(packet);
  EXPECT_EQ(path->counters().passed, 5u);
}

// As many as fit, where they crowd, come and go: what the relay holds to be granted is forwarded to
// its own receiver, and nothing else.
TEST_F(XdpTest, ManyLeasesComeAndGo) {
  SeededRandom random(5);
  const auto route = [&](std::size_t number) {
    const bool four = number % 2 == 0;
    const Endpoint from{four ? a4.address : a6.address, static_cast<std::uint16_t>(1 + number)};
    Endpoint to = four ? b4 : b6;
    to.port = static_cast<std::uint16_t>(1'000 + random.below(60'000));
    const IpAddress& local = four ? kRelay4 : kRelay6;
    return relay::FastRoute{from, local, 77, to, local};
  };
  std::map<std::size_t, relay::FastRoute> granted;
  const auto expect_as_granted = [&](std::size_t number) {
    const auto asked = route(number);
    const Frame packet = frame(asked.from, asked.from_local, relay::data(77, 32));
    const auto found = granted.find(number);
    if (found != granted.end())
      expect_forwards(packet, found->second.to, found->second.to_local);
    else
      expect_passes_untouched(packet);
  };
  constexpr std::size_t kSessions = 2'400;  // of which 1,024 fit, of each family
  for (int i = 0; i < 10'000 && !HasFailure(); ++i) {
    const std::size_t number = random.below(kSessions);
    if (random.below(9) == 0) {
      path->revoke(route(number).from, 77);
      granted.erase(number);
    } else if (const auto asked = route(number); path->takes(asked)) {
      path->grant(asked, {1 << 20, 1'000}, soon());
      granted.insert_or_assign(number, asked);
    } else {
      EXPECT_FALSE(granted.contains(number));
      path->grant(asked, {1 << 20, 1'000}, soon());
    }
    if (i % 10 == 0) expect_as_granted(random.below(kSessions));
  }
  EXPECT_GT(granted.size(), 2'000u);
  for (std::size_t number = 0; number < kSessions && !HasFailure(); ++number)
    expect_as_granted(number);
}

// Keeps the calling thread on one of its processors: two threads that share one don't meet.
class OnProcessor {
 public:
  explicit OnProcessor(int number) {
    sched_getaffinity(0, sizeof before_, &before_);
    int at = 0;
    for (int left = number % CPU_COUNT(&before_); !CPU_ISSET(at, &before_) || left-- > 0;)
      ++at;
    cpu_set_t one{};
    CPU_SET(at, &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OnProcessor() { sched_setaffinity(0, sizeof before_, &before_); }
  OnProcessor(const OnProcessor&) = delete;
  OnProcessor& operator=(const OnProcessor&) = delete;

 private:
  cpu_set_t before_{};
};

// One packet that the program sends round and round, while another processor does something else.
class XdpRounds : public XdpTest {
 protected:
  void SetUp() override {
    XdpTest::SetUp();
    for (const IpAddress& each : {start, one, two})
      netns.ip("addr add " + each.to_string() + "/24 dev wan\n");
  }
  // From there on, whatever comes from `from` to `from_local` goes out as from `local` to `to`.
  static relay::FastRoute route(const IpAddress& from, const IpAddress& from_local,
                                const IpAddress& local, const IpAddress& to) {
    return {{from, 51820}, from_local, 77, {to, 51820}, local};
  }
  // As it is after so many runs.
  std::pair<IpAddress, IpAddress> run_rounds(std::uint32_t runs) {
    const Bytes packet =
        test::encode({{}, {}, {start, 51820}, {far, 51820}, 64, true, relay::data(77, 32)});
    const test::Ran ran = netns.inside([&] {
      const OnProcessor here(0);
      return test::test_run(*path, "wan", packet, runs);
    });
    const auto left = test::decode(ran.bytes);
    if (!left) throw std::runtime_error("not a whole frame with right checksums");
    return {left->source.address, left->destination.address};
  }
  static std::jthread meanwhile(std::move_only_function<void()> act) {
    return std::jthread([act = std::move(act)](const std::stop_token& stop) mutable {
      const OnProcessor here(1);
      while (!stop.stop_requested())
        act();
    });
  }

  static constexpr relay::Traffic kMuch{1 << 24, 1 << 20};
  IpAddress start = *IpAddress::parse("203.0.113.2");
  IpAddress one = *IpAddress::parse("203.0.113.3");
  IpAddress two = *IpAddress::parse("203.0.113.4");
  IpAddress far = *IpAddress::parse("198.51.100.10");
};

TEST_F(XdpRounds, ALeaseIsSpentOnceByAllProcessors) {
  constexpr std::uint32_t kPackets = 500'000;
  path->grant(route(start, far, start, far), {1 << 24, kPackets}, soon());
  {
    const auto other = meanwhile([&] { run_rounds(kPackets / 10); });
    run_rounds(kPackets);
  }
  run_rounds(kPackets);
  EXPECT_EQ(path->counters().packets, kPackets);
}

// From the start two ways lead round, and the relay changes from one to the other all the time.
// Halves of both lead nowhere.
TEST_F(XdpRounds, APacketNeverGoesByHalfALease) {
  const IpAddress by_one = *IpAddress::parse("198.51.100.11");
  const IpAddress by_two = *IpAddress::parse("198.51.100.12");
  const auto relay = meanwhile([&] {
    path->grant(route(start, far, one, by_one), kMuch, soon());
    path->grant(route(start, far, two, by_two), kMuch, soon());
  });
  while (path->counters().packets < 500'000 && !HasFailure()) {
    path->grant(route(one, by_one, start, far), kMuch, soon());
    path->grant(route(two, by_two, start, far), kMuch, soon());
    const auto at = run_rounds(20'000);
    EXPECT_TRUE(at == std::pair(start, far) || at == std::pair(one, by_one) ||
                at == std::pair(two, by_two))
        << at.first.to_string() << " to " << at.second.to_string();
  }
}

TEST_F(XdpTest, WithoutANextHopItIsTheRelays) {
  const Endpoint neighbour = *Endpoint::parse("203.0.113.77:2000");  // on the LAN, never seen
  path->grant({a4, kRelay4, 77, neighbour, kRelay4}, {1'000, 9}, soon());
  expect_passes_untouched(frame(a4, kRelay4, relay::data(77, 160)));
}

// Hands leases to the kernel, for a relay in virtual time: for the kernel they end when told to.
class VirtualTime final : public relay::FastPath {
 public:
  explicit VirtualTime(XdpPath& kernel) : kernel_(kernel) {}
  void grant(const relay::FastRoute& route, const relay::Traffic& traffic, Instant until) override {
    auto told = route;
    told.from_local = told.to_local = route.from.address.is_v4() ? kRelay4 : kRelay6;
    kernel_.grant(told, traffic, until + 600s);
    ends_[{route.from, route.index}] = until;
  }
  void revoke(const Endpoint& from, std::uint32_t index) override {
    kernel_.revoke(from, index);
    ends_.erase({from, index});
  }
  void pass(Instant now) {
    for (const auto& [key, until] : ends_)
      if (until <= now) kernel_.revoke(key.first, key.second);
  }

 private:
  XdpPath& kernel_;
  std::map<std::pair<Endpoint, std::uint32_t>, Instant> ends_;
};

// One random life: what the kernel forwards, a relay without it forwards to the same place; what it
// leaves to its relay, the two relays judge alike.
TEST_F(XdpTest, AgreesWithTheRelayOnEveryPacket) {
  SeededRandom random(7);
  relay::Limits roomy;
  roomy.client_bytes = roomy.group_bytes = roomy.address_bytes = {1ull << 34, 1ull << 34};
  roomy.client_packets = roomy.group_packets = roomy.address_packets = {1u << 24, 1u << 24};
  relay::World world(roomy);
  relay::World plain(roomy);
  world.now = plain.now = io::monotonic_now();
  VirtualTime kernel(*path);
  world.relay->set_fast_path(kernel);
  std::vector<relay::Player> players;
  for (const char* at : {"198.51.100.1:1000", "198.51.100.2:2000", "198.51.100.2:2001",
                         "[2001:db8:a::1]:1000", "[2001:db8:b::1]:2000"}) {
    players.push_back(world.bound(1, at));
    ASSERT_EQ(plain.bound(1, at).mac1_key, players.back().mac1_key);  // of the same seed
  }
  std::uint64_t fast = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto from = random.below(players.size());
    const auto to = (from + 1 + random.below(players.size() - 1)) % players.size();
    const auto index = static_cast<std::uint32_t>(to * 10 + from);
    const auto answers = static_cast<std::uint32_t>(from * 10 + to);
    const auto judge = [&](const Endpoint& source, const Bytes& packet) {
      const auto expected = plain.send(source, packet);
      const auto verdict = world.send(source, packet);
      EXPECT_EQ(verdict.kind, expected.kind);
      EXPECT_EQ(verdict.reason, expected.reason);
      EXPECT_EQ(verdict.to, expected.to);
    };
    if (i % 200 == 0) {
      world.now = plain.now += 1s;
      world.relay->on_timeout(world.now);
      plain.relay->on_timeout(plain.now);
      kernel.pass(world.now);
      judge(players[from].endpoint, relay::initiation(answers, players[to].mac1_key));
      judge(players[to].endpoint, relay::response(index, answers, players[from].mac1_key));
    }
    Bytes packet = relay::data(index, 24 + random.below(600));
    if (random.below(50) == 0) packet[random.below(8)] ^= 1;
    const Endpoint& source = players[from].endpoint;
    const test::Ran ran =
        run(test::encode(frame(source, source.address.is_v4() ? kRelay4 : kRelay6, packet)));
    if (ran.action == XDP_PASS) {
      judge(source, packet);
      continue;
    }
    ASSERT_EQ(ran.action, XDP_TX) << i;
    const auto left = test::decode(ran.bytes);
    ASSERT_TRUE(left);
    relay::expect_forward(plain.send(source, packet), left->destination);
    EXPECT_EQ(left->payload, packet);
    ++fast;
  }
  EXPECT_GT(fast, 1'000u);
  EXPECT_EQ(path->counters().packets, fast);
}

TEST_F(XdpTest, ItIsGoneWithItsOwner) {
  const auto runs = [&] {
    return netns.inside([] {
      std::uint32_t id = 0;
      EXPECT_EQ(bpf_xdp_query_id(static_cast<int>(if_nametoindex("wan")), 0, &id), 0);
      return id != 0;
    });
  };
  EXPECT_EQ(path->attached(), std::vector<std::string>{"wan (generic)"});
  EXPECT_TRUE(runs());
  path.reset();
  EXPECT_FALSE(runs());
}

TEST_F(XdpTest, SaysWhyItCannotRun) {
  const auto taken = netns.inside(
      [] { return XdpPath::open({.mode = Mode::generic, .listen = {kRelay4, 51820}}); });
  ASSERT_FALSE(taken);
  EXPECT_TRUE(taken.error().is(Errc::cannot_attach));
  EXPECT_EQ(taken.error().message(),
            "no interface takes the program: wan: another program runs there");
  const auto automatic = netns.inside(
      [] { return XdpPath::open({.mode = Mode::automatic, .listen = {kRelay4, 51820}}); });
  ASSERT_FALSE(automatic);
  EXPECT_TRUE(automatic.error().message().find("choose native or generic") != std::string::npos);
  const auto elsewhere =
      netns.inside([] { return XdpPath::open({.listen = *Endpoint::parse("192.0.2.1:51820")}); });
  ASSERT_FALSE(elsewhere);
  EXPECT_TRUE(elsewhere.error().is(Errc::no_interface));
}

}  // namespace
}  // namespace lanrage::xdp
