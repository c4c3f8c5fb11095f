#include "lan/ports.hpp"

#include <bitset>
#include <gmock/gmock.h>

#include "base/random.hpp"

namespace lanrage::lan {
namespace {

using enum Transport;
using testing::ElementsAre;
using testing::HasSubstr;

PortRange parsed(std::string_view text) {
  return PortRange::parse(text).value();
}

TEST(PortRange, IsReadAsItIsWritten) {
  EXPECT_EQ(parsed("22/tcp"), (PortRange{tcp, 22, 22}));
  EXPECT_EQ(parsed("137/udp"), (PortRange{udp, 137, 137}));
  EXPECT_EQ(parsed("6000-6010/udp"), (PortRange{udp, 6000, 6010}));
  EXPECT_EQ(parsed("1-65535/tcp"), (PortRange{tcp, 1, 65535}));
  for (const auto* text : {"1/udp", "65535/tcp", "6000-6010/udp"})
    EXPECT_EQ(parsed(text).to_string(), text);
  EXPECT_EQ(parsed("80-80/tcp").to_string(), "80/tcp");
  EXPECT_EQ(parsed("0080/tcp").to_string(), "80/tcp");
}

TEST(PortRange, SaysWhatIsWrongAndWhatWasExpected) {
  const auto why = [](std::string_view text) {
    const auto range = PortRange::parse(text);
    EXPECT_FALSE(range) << text;
    if (range) return std::string();
    EXPECT_TRUE(range.error().is(PortsErrc::malformed));
    EXPECT_EQ(range.error().field(), "ports");
    EXPECT_THAT(range.error().message(), HasSubstr("from 1 to 65535, such as 22/tcp"));
    return range.error().message();
  };
  EXPECT_THAT(why("22"), HasSubstr("\"22\" doesn't say whether TCP or UDP"));
  EXPECT_THAT(why("22/sctp"), HasSubstr("\"22/sctp\" names neither tcp nor udp"));
  EXPECT_THAT(why("22/TCP"), HasSubstr("neither"));
  EXPECT_THAT(why("22/"), HasSubstr("neither"));
  EXPECT_THAT(why("6010-6000/udp"), HasSubstr("ends before it begins"));
  for (const auto* text : {"", "/tcp", "ssh/tcp", "0/tcp", "65536/tcp", "70000/udp", "-22/tcp",
                           "22-/tcp", "+22/tcp", "22 /tcp", "22,23/tcp", "0-5/udp", "1-2-3/udp",
                           "22:23/tcp", "tcp/22", "99999999999999999999/tcp"})
    EXPECT_THAT(why(text), HasSubstr("names no port")) << text;
  EXPECT_THAT(why(std::string(5000, '7')), HasSubstr("a text of 5000 bytes names no port"));
}

TEST(PortSet, JoinsWhatMeetsOrTouches) {
  PortSet ports{{udp, 10, 20}, {tcp, 30, 40}, {udp, 30, 40}};
  EXPECT_THAT(ports.ranges(),
              ElementsAre(PortRange{tcp, 30, 40}, PortRange{udp, 10, 20}, PortRange{udp, 30, 40}));
  ports.add({udp, 21, 28});
  EXPECT_THAT(ports.ranges(),
              ElementsAre(PortRange{tcp, 30, 40}, PortRange{udp, 10, 28}, PortRange{udp, 30, 40}));
  ports.add({udp, 29, 29});
  EXPECT_THAT(ports.ranges(), ElementsAre(PortRange{tcp, 30, 40}, PortRange{udp, 10, 40}));
  EXPECT_EQ(ports, (PortSet{{udp, 25, 40}, {udp, 10, 30}, {tcp, 30, 40}})) << "whatever came first";
}

TEST(PortSet, IsCutWherePortsAreTakenOut) {
  PortSet ports{{tcp, 10, 20}, {udp, 10, 20}};
  ports.remove({udp, 15, 15});
  EXPECT_THAT(ports.ranges(),
              ElementsAre(PortRange{tcp, 10, 20}, PortRange{udp, 10, 14}, PortRange{udp, 16, 20}));
  ports.remove({tcp, 1, 65535});
  ports.remove({udp, 10, 14});
  ports.remove({udp, 20, 30});
  EXPECT_THAT(ports.ranges(), ElementsAre(PortRange{udp, 16, 19}));
}

// Against a plain list of all ports, at the ends above all.
TEST(PortSet, HoldsWhatAListOfAllPortsWould) {
  using Ports = std::bitset<65536>;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    const auto below = [&](std::uint64_t limit) { return random.array<1>()[0] % limit; };
    PortSet set;
    Ports lists[2];
    for (int step = 0; step < 40; ++step) {
      const std::uint64_t base = below(2) == 0 ? 1 : 65535 - 40;
      const auto first = static_cast<std::uint16_t>(base + below(36));
      const auto last = static_cast<std::uint16_t>(first + below(5));
      const PortRange range{below(2) == 0 ? tcp : udp, first, last};
      auto& list = lists[static_cast<int>(range.transport)];
      const bool adds = below(2) == 0;
      adds ? set.add(range) : set.remove(range);
      for (unsigned port = first; port <= last; ++port)
        list.set(port, adds);
      Ports have[2];
      const PortRange* before = nullptr;
      for (const auto& each : set.ranges()) {
        ASSERT_LE(each.first, each.last) << seed;
        if (before != nullptr && before->transport == each.transport) {
          ASSERT_GT(each.first, before->last + 1) << "as few as there can be, " << seed;
        } else if (before != nullptr) {
          ASSERT_LT(before->transport, each.transport) << seed;
        }
        before = &each;
        for (unsigned port = each.first; port <= each.last; ++port)
          have[static_cast<int>(each.transport)].set(port);
        ASSERT_EQ(PortRange::parse(each.to_string()).value(), each);
      }
      ASSERT_TRUE(have[0] == lists[0] && have[1] == lists[1]) << seed;
      bool meets = false;
      for (unsigned port = first; port <= last; ++port)
        meets |= list.test(port);
      ASSERT_EQ(!set.within(range).empty(), meets) << seed;
      ASSERT_EQ(set.within({range.transport, 1, 65535}).empty(), list.none()) << seed;
    }
  }
}

}  // namespace
}  // namespace lanrage::lan
