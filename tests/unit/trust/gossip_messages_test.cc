// How gossip looks inside a datagram.
#include "trust/gossip_messages.hpp"

#include <gtest/gtest.h>

#include "party/limits.hpp"
#include "party/root_box.hpp"

namespace lanrage::trust {
namespace {

HeadAt head(std::uint64_t length) {
  HeadAt out{length, {}};
  out.head.fill(static_cast<std::uint8_t>(length));
  return out;
}

StateMessage full_state() {
  StateMessage out{{7, {1, 2, 3}}, head(90), {6, {4, 5, 6}}, {}};
  for (std::uint64_t length = kMaxHeads; length-- > 0;)
    out.heads.push_back(head(length));
  return out;
}

std::vector<GossipMessage> examples() {
  return {full_state(),
          StateMessage{{1, {}}, {}, {}, {head(3)}},
          WantMessage{head(41), 1'200},
          PartMessage{5, 3'000, 2'400, Bytes(600, 9)},
          PartMessage{0, 1, 0, Bytes{1}},
          PartMessage{9, party::kMaxRecordSize, 0, Bytes(kMaxPart, 2)},
          BoxMessage{{3, {8}}, Bytes(party::kPartyBoxSize, 4)},
          RootMessage{Bytes(party::kRootBoxSize, 5)},
          RootKeptMessage{head(6).head}};
}

TEST(GossipMessages, AreReadAsWritten) {
  for (const auto& message : examples()) {
    const auto bytes = encode(message);
    EXPECT_LE(bytes.size(), kMaxMessage);
    const auto read = decode_gossip(bytes);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, message);
  }
}

TEST(GossipMessages, HaveTheDocumentedBytes) {
  const Bytes want = encode(WantMessage{{0x0102, {0xaa}}, 0x0304});
  Bytes expected{1, 2, 0, 0, 0, 0, 0, 0, 1, 2, 0xaa};
  expected.resize(2 + 8 + 32, 0);
  expected.insert(expected.end(), {0, 0, 3, 4});
  EXPECT_EQ(want, expected);
}

TEST(GossipMessages, CutShortTheyAreMalformed) {
  for (const auto& message : examples()) {
    const auto bytes = encode(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto read = decode_gossip(ByteView(bytes).first(size));
      // A part says how long the record is, not how long it is itself.
      const auto* part = std::get_if<PartMessage>(&message);
      if (part != nullptr && size > bytes.size() - part->bytes.size()) continue;
      EXPECT_FALSE(read) << size << " of " << bytes.size();
    }
  }
}

TEST(GossipMessages, NothingMayFollow) {
  for (const auto& message : examples()) {
    if (std::holds_alternative<PartMessage>(message)) continue;  // fills its datagram
    auto bytes = encode(message);
    bytes.push_back(0);
    EXPECT_FALSE(decode_gossip(bytes));
  }
}

TEST(GossipMessages, LimitsHold) {
  auto state = full_state();
  state.heads.push_back({});
  EXPECT_FALSE(decode_gossip(encode(state))) << "too many heads";
  state.heads.clear();
  EXPECT_FALSE(decode_gossip(encode(state))) << "no head at all";
  state.heads = {head(3), head(3)};
  EXPECT_FALSE(decode_gossip(encode(state))) << "not ever farther back";

  EXPECT_FALSE(decode_gossip(encode(PartMessage{0, 10, 0, {}})));
  EXPECT_FALSE(decode_gossip(encode(PartMessage{0, 10, 5, Bytes(6, 1)}))) << "beyond the record";
  EXPECT_FALSE(decode_gossip(encode(PartMessage{0, 10, 11, Bytes(1, 1)})));
  EXPECT_FALSE(decode_gossip(encode(PartMessage{0, party::kMaxRecordSize + 1, 0, Bytes(9, 1)})));
  EXPECT_FALSE(decode_gossip(encode(PartMessage{0, 5'000, 0, Bytes(kMaxPart + 1, 1)})));
  EXPECT_FALSE(decode_gossip(encode(WantMessage{head(1), party::kMaxRecordSize + 1})));
  EXPECT_FALSE(decode_gossip(encode(BoxMessage{{}, Bytes(party::kPartyBoxSize + 1, 1)})));
  EXPECT_FALSE(decode_gossip(encode(RootMessage{Bytes(party::kRootBoxSize + 1, 1)})));
}

TEST(GossipMessages, OtherVersionsAndTypesAreMalformed) {
  auto bytes = encode(WantMessage{head(1), 0});
  for (const std::size_t place : {0u, 1u})
    for (const int value : {0, 5, 255}) {
      auto changed = bytes;
      changed[place] = static_cast<std::uint8_t>(value);
      const auto read = decode_gossip(changed);
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().code(), "malformed_gossip");
    }
}

}  // namespace
}  // namespace lanrage::trust
