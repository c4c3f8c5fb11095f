#include "party/snapshot.hpp"

#include "party_equal.hpp"

namespace lanrage::party {
namespace {

World eventful_world() {
  World world(31);
  const auto bob = make_device(world.random);
  const auto cid = make_device(world.random);
  EXPECT_TRUE(world.join(bob));
  EXPECT_TRUE(world.join(cid));
  EXPECT_TRUE(world.run(
      world.command(bob, Update{std::nullopt, {"full_cone", Endpoint::parse("203.0.113.9:5")}})));
  const auto made = world.new_invite().value();
  EXPECT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  EXPECT_TRUE(world.change_charter({{}, {{bob.peer_id()}}}));
  EXPECT_TRUE(world.bar(cid));
  EXPECT_TRUE(world.kick(cid));
  return world;
}

Result<Party> decode(const World& world, ByteView bytes) {
  return decode_party(bytes, world.made.id, world.limits);
}

TEST(Snapshot, ReadsBackAsWritten) {
  World world(31);
  expect_equal(decode(world, encode_party(world.party)).value(), world.party);
  world = eventful_world();
  expect_equal(decode(world, encode_party(world.party)).value(), world.party);
  ASSERT_TRUE(world.run(world.command(world.host, Close{})));
  expect_equal(decode(world, encode_party(world.party)).value(), world.party);
}

TEST(Snapshot, OfAnotherPartyIsRefused) {
  const auto world = eventful_world();
  EXPECT_EQ(code_of(decode_party(encode_party(world.party), PartyId{})), "malformed_record");
  EXPECT_EQ(code_of(decode(world, encode_party(Party(world.made.id)))), "malformed_record");
}

TEST(Snapshot, EveryTruncationAndAddedByteIsRefused) {
  const auto world = eventful_world();
  auto bytes = encode_party(world.party);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    ASSERT_FALSE(decode(world, ByteView(bytes).first(length))) << length;
  bytes.push_back(0);
  EXPECT_EQ(code_of(decode(world, bytes)), "malformed_record");
}

TEST(Snapshot, EveryAcceptedSnapshotHasOneSpelling) {
  const auto world = eventful_world();
  const auto bytes = encode_party(world.party);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] ^= 0x83;
    if (const auto decoded = decode(world, changed))
      ASSERT_EQ(encode_party(*decoded), changed) << i;
  }
}

TEST(Snapshot, PeersAndJournalMustFitTheLog) {
  const auto world = eventful_world();
  const auto code = [&](const std::function<void(Party&)>& change) {
    auto party = world.party;
    change(party);
    return code_of(decode(world, encode_party(party)));
  };
  EXPECT_EQ(code([](Party&) {}), "ok");
  EXPECT_EQ(code([](Party& p) { p.peers.erase(p.peers.begin()); }), "malformed_record");
  EXPECT_EQ(code([](Party& p) { p.peers[PeerId{}] = PeerInfo{1, {}, {}}; }), "malformed_record");
  EXPECT_EQ(code([](Party& p) { p.peers.begin()->second.joined_seq = 0; }), "malformed_record");
  EXPECT_EQ(code([](Party& p) { p.peers.begin()->second.joined_seq = p.seq + 1; }),
            "malformed_record");
  EXPECT_EQ(code([](Party& p) { p.log.pop_back(); }), "malformed_record");
  EXPECT_EQ(code([](Party& p) { ++p.seq; }), "malformed_record");
  EXPECT_EQ(code([](Party& p) { p.journal.back().digest[0] ^= 1; }), "malformed_record");
  EXPECT_EQ(code([](Party& p) { ++p.journal.front().records; }), "malformed_record");
  EXPECT_EQ(code([](Party& p) { p.journal.push_front(p.journal.front()); }), "malformed_record");
}

TEST(Snapshot, AJournalLongerThanTheSettingIsShortened) {
  auto world = eventful_world();
  world.limits.journal_events = 3;
  const auto decoded = decode(world, encode_party(world.party)).value();
  EXPECT_EQ(decoded.journal.size(), 3u);
  EXPECT_EQ(*decoded.entry(world.party.seq), *world.party.entry(world.party.seq));
  EXPECT_EQ(decoded.entry(world.party.seq - 3), nullptr);
}

TEST(Snapshot, AnsweredRequestsAreStillKnown) {
  World world(31);
  const auto bob = make_device(world.random);
  const auto command = world.command(bob, world.join_action(bob, world.invite()));
  ASSERT_TRUE(world.run(command));
  world.party = decode(world, encode_party(world.party)).value();
  EXPECT_TRUE(world.run(command)->repeated);
  // And forgotten when their time is over.
  world.now += world.limits.request_lifetime;
  ASSERT_TRUE(world.run(world.command(world.host, Update{std::nullopt, {"open", {}}})));
  EXPECT_EQ(world.party.requests.size(), 1u);
  EXPECT_EQ(code_of(world.run(command)), "already_member");
}

}  // namespace
}  // namespace lanrage::party
