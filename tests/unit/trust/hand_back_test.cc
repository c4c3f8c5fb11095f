// How a member cuts into pieces what a restored server lacks, and whom it seals the key to.
#include "trust/hand_back.hpp"

#include <algorithm>

#include "unit/trust/fixture.hpp"

namespace lanrage::trust {
namespace {

class HandBackTest : public testing::Test {
 protected:
  VerifiedLog log() const { return {history_.ledger, history_.log}; }
  KeyRing keys() const { return {history_.made.id, history_.key}; }
  // All pieces from there on, as the server would take them.
  std::vector<party::HandBack> pieces(std::uint64_t after) {
    std::vector<party::HandBack> out;
    while (auto next = next_hand_back(random_, log(), keys(), after)) {
      EXPECT_EQ(next->after, after);
      EXPECT_EQ(next->head, log().head_at(after).head);
      EXPECT_FALSE(next->records.empty());
      after += next->records.size();
      out.push_back(std::move(*next));
    }
    return out;
  }
  party::DeviceKeys guest() {
    devices_.push_back(make_device(random_));
    history_.join(devices_.back());
    return devices_.back();
  }

  SeededRandom random_{5};
  party::DeviceKeys host_ = make_device(random_);
  History history_{random_, host_};
  std::vector<party::DeviceKeys> devices_;
};

TEST_F(HandBackTest, NothingIsMissing) {
  EXPECT_FALSE(can_hand_back(log(), keys(), history_.log.size()));
  EXPECT_TRUE(pieces(history_.log.size()).empty());
}

TEST_F(HandBackTest, ThePiecesAreTheLogAndEachIsSmall) {
  const auto device = guest();
  for (int n = 0; n < 300; ++n)
    history_.state(device, "nick " + std::to_string(n));
  const auto all = pieces(3);
  ASSERT_GT(all.size(), 1u);
  std::vector<Bytes> joined(history_.log.begin(), history_.log.begin() + 3);
  for (const auto& piece : all) {
    std::size_t bytes = 0;
    for (const auto& record : piece.records)
      bytes += record.size();
    EXPECT_LE(bytes, kHandBackBytes);
    EXPECT_LE(piece.records.size(), kHandBackRecords);
    joined.insert(joined.end(), piece.records.begin(), piece.records.end());
  }
  EXPECT_EQ(joined, history_.log);
}

TEST_F(HandBackTest, AnAdmissionIsNotTornFromItsStatement) {
  const auto device = guest();
  for (int n = 0; n < 80; ++n)
    history_.state(device, "nick " + std::to_string(n));
  for (int n = 0; n < 15; ++n)
    guest();
  for (int n = 0; n < 80; ++n)
    history_.state(device, "nick again " + std::to_string(n));
  // Wherever a piece begins, it ends behind a statement.
  bool several = false;
  for (std::uint64_t after = 5; after < 85; ++after) {
    const auto all = pieces(after);
    several |= all.size() > 1;
    for (const auto& piece : all)
      EXPECT_FALSE(party::read_record<party::Admission>(piece.records.back()));
  }
  EXPECT_TRUE(several);
}

TEST_F(HandBackTest, WithARosterComesTheKeyForAllWhomItNames) {
  const auto device = guest();
  history_.rotate(history_.made.root);
  const auto later = guest();
  const auto piece = next_hand_back(random_, log(), keys(), 3).value();
  EXPECT_EQ(piece.boxes.size(), 3u) << "host, guest and the invite";
  const auto box =
      std::ranges::find(piece.boxes, device.box.public_key(), &party::SealedBox::recipient);
  ASSERT_NE(box, piece.boxes.end());
  const auto opened = party::recover_party_key(history_.ledger, device.box, box->box);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->epoch(), 2u);
  const auto rest = next_hand_back(random_, log(), keys(), history_.log.size() - 2).value();
  EXPECT_TRUE(rest.boxes.empty()) << "whoever joined had it from the invite";
}

TEST_F(HandBackTest, AnInviteComesWithItsBox) {
  const auto made =
      party::build_invite(random_, history_.ledger, history_.key, history_.made.root, {}, kNow)
          .value();
  history_.add(made.record);
  const auto piece = next_hand_back(random_, log(), keys(), 3).value();
  ASSERT_EQ(piece.boxes.size(), 1u);
  EXPECT_EQ(piece.boxes[0].recipient, made.box.recipient);
}

TEST_F(HandBackTest, WhoLacksTheKeyEndsBeforeItsRoster) {
  const auto old = keys();
  guest();
  history_.rotate(history_.made.root);
  guest();
  const auto piece = next_hand_back(random_, log(), old, 3).value();
  EXPECT_EQ(piece.records.size(), 2u) << "an admission and its statement";
  EXPECT_TRUE(piece.boxes.empty());
  EXPECT_TRUE(can_hand_back(log(), old, 4));
  EXPECT_FALSE(can_hand_back(log(), old, 5));
  EXPECT_FALSE(next_hand_back(random_, log(), old, 5));
  EXPECT_FALSE(next_hand_back(random_, log(), old, 6));
}

TEST_F(HandBackTest, OfARosterThatIsNotTheLastNobodyHasTheKey) {
  history_.rotate(history_.made.root);
  const auto device = guest();
  for (int n = 0; n < 200; ++n)
    history_.state(device, "nick " + std::to_string(n));
  history_.rotate(history_.made.root);
  const auto all = pieces(3);
  ASSERT_GT(all.size(), 1u);
  EXPECT_TRUE(all.front().boxes.empty());
  EXPECT_EQ(all.back().boxes.size(), 3u);
}

}  // namespace
}  // namespace lanrage::trust
