#include "lan/netlink.hpp"

#include <cstddef>
#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/netlink_message.hpp"
#include "some_segment.hpp"

namespace lanrage::lan {
namespace {

using namespace test;

constexpr std::uint32_t kIndex = 7;

WipedBytes done() {
  NetlinkWriter out(NLMSG_DONE, NLM_F_MULTI, 1);
  out.raw(std::int32_t{0});
  return std::move(out).take();
}

// The kernel tells an entry in the words in which it is set.
WipedBytes told(const TableOperation& operation, std::uint32_t index = kIndex) {
  return netlink::encode(operation, index, 1);
}

TEST(TablesParser, ReadsBackWhatIsSet) {
  const auto tables = tables_of(segment_of(1, {2, 3, 4}));
  netlink::TablesParser parser(kIndex);
  Bytes datagram;
  for (const auto& operation : diff(tables, {})) {
    const auto message = told(operation);
    datagram.insert(datagram.end(), message.begin(), message.end());
  }
  const auto more = parser.add(datagram);
  ASSERT_TRUE(more) << more.error().message();
  EXPECT_FALSE(*more);
  EXPECT_TRUE(*parser.add(done()));
  EXPECT_FALSE(parser.interrupted());
  EXPECT_EQ(std::move(parser).take(), tables);
}

TEST(TablesParser, PassesOverOthersEntries) {
  netlink::TablesParser parser(kIndex);
  ASSERT_TRUE(parser.add(told(SetNeighbour{address("10.66.0.2"), {2}}, kIndex + 1)));
  auto found_by_itself = told(SetNeighbour{address("10.66.0.3"), {2}});
  found_by_itself[NLMSG_HDRLEN + offsetof(ndmsg, ndm_state)] = NUD_REACHABLE;
  ASSERT_TRUE(parser.add(found_by_itself));
  EXPECT_EQ(std::move(parser).take(), Tables{});
}

TEST(TablesParser, RefusesWhatIsCutShort) {
  const auto message = told(AddForwarding{{Mac{2}, address("fd00::2")}});
  for (std::size_t size = 1; size < message.size(); ++size) {
    netlink::TablesParser parser(kIndex);
    const auto added = parser.add(ByteView(message).first(size));
    ASSERT_FALSE(added) << size;
    EXPECT_TRUE(added.error().is(Errc::malformed_reply));
  }
}

TEST(TablesParser, NoticesAnInterruptedDump) {
  auto message = told(AddForwarding{{Mac{2}, address("fd00::2")}});
  message[offsetof(nlmsghdr, nlmsg_flags)] |= NLM_F_DUMP_INTR;
  netlink::TablesParser parser(kIndex);
  ASSERT_TRUE(parser.add(message));
  EXPECT_TRUE(parser.interrupted());
}

}  // namespace
}  // namespace lanrage::lan
