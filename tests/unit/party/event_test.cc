#include "party/event.hpp"

#include "fixture.hpp"

namespace lanrage::party {
namespace {

std::vector<Event> every_kind() {
  World world(21);
  auto bob = make_device(world.random);
  EXPECT_TRUE(world.join(bob));
  const auto made = world.new_invite().value();
  EXPECT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  EXPECT_TRUE(world.run(
      world.command(bob, Update{std::nullopt, {"full_cone", Endpoint::parse("203.0.113.9:5")}})));
  EXPECT_TRUE(world.leave(bob));
  const auto cid = make_device(world.random);
  EXPECT_TRUE(world.join(cid));
  EXPECT_TRUE(world.change_charter({world.host.peer_id(), {}}));
  EXPECT_TRUE(world.bar(cid));
  EXPECT_TRUE(world.kick(cid));
  EXPECT_TRUE(world.leave(world.host));
  std::set<EventType> kinds;
  for (const auto& event : world.journal)
    kinds.insert(event.type);
  EXPECT_EQ(kinds.size(), 9u);
  return world.journal;
}

TEST(Event, ReadsBackAsWritten) {
  for (const auto& event : every_kind()) {
    auto decoded = decode_event(encode_event(event));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(*decoded, event);
  }
}

TEST(Event, EveryTruncationAndAddedByteIsRefused) {
  for (const auto& event : every_kind()) {
    auto bytes = encode_event(event);
    for (std::size_t length = 0; length < bytes.size(); ++length)
      ASSERT_FALSE(decode_event(ByteView(bytes).first(length))) << length;
    bytes.push_back(0);
    EXPECT_EQ(code_of(decode_event(bytes)), "malformed_record");
  }
}

TEST(Event, EveryAcceptedEventHasOneSpelling) {
  for (const auto& event : every_kind()) {
    const auto bytes = encode_event(event);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      auto changed = bytes;
      changed[i] ^= 0x83;
      if (auto decoded = decode_event(changed)) ASSERT_EQ(encode_event(*decoded), changed) << i;
    }
  }
}

TEST(Event, OnlyTheNextOneIsCarriedIn) {
  const auto journal = every_kind();
  const World model(21);
  Party party(model.made.id);
  EXPECT_EQ(code_of(evolve(party, journal[1])), "out_of_order");
  ASSERT_TRUE(evolve(party, journal[0]));
  EXPECT_EQ(code_of(evolve(party, journal[0])), "out_of_order");
  EXPECT_EQ(code_of(evolve(party, journal[2])), "out_of_order");
  auto second_creation = journal[0];
  second_creation.seq = 2;
  EXPECT_EQ(code_of(evolve(party, second_creation)), "out_of_order");
  for (std::size_t i = 1; i < journal.size(); ++i)
    ASSERT_TRUE(evolve(party, journal[i]));
  auto after_the_end = journal[2];
  after_the_end.seq = party.seq + 1;
  EXPECT_EQ(code_of(evolve(party, after_the_end)), "out_of_order");
}

TEST(Event, ADamagedJournalIsAnError) {
  const auto journal = every_kind();
  const World model(21);
  auto bare = journal[0];
  bare.records.clear();
  Party never_founded(model.made.id);
  EXPECT_EQ(code_of(evolve(never_founded, bare)), "not_member");
  Party party(model.made.id);
  ASSERT_TRUE(evolve(party, journal[0]));
  auto update = journal[3];
  update.seq = 2;  // of a peer that never joined
  EXPECT_EQ(code_of(evolve(party, update)), "not_member");
  auto join = journal[1];
  join.records[0].resize(20);
  EXPECT_EQ(code_of(evolve(party, join)), "malformed_record");
}

}  // namespace
}  // namespace lanrage::party
