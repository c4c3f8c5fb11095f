#include "party/membership.hpp"

#include "fixture.hpp"

namespace lanrage::party {
namespace {

struct MembershipTest : testing::Test {
  World world;
  DeviceKeys bob = make_device(world.random);

  Result<Membership> verify(std::span<const Bytes> log, ByteView box) {
    return verify_joining_material(world.made.id, world.made.invite, log, box);
  }
  Bytes invite_box() { return *world.party.box_for(world.invite().box.public_key()); }
};

TEST_F(MembershipTest, AnInviteOpensTheParty) {
  const auto opening = open_invite(world.party, world.invite().id(), bob.peer_id(), kStart).value();
  EXPECT_EQ(opening.vip.to_string(), "10.66.0.2");
  const auto membership = verify(world.party.log, opening.box).value();
  EXPECT_TRUE(membership.key == world.made.key);
  EXPECT_EQ(digest(membership.ledger, 1), digest(world.ledger(), 1));

  const Join join{build_admission(membership.ledger, world.invite(), bob),
                  build_statement(membership.ledger, bob.identity, "Bob", opening.vip).value(),
                  {}};
  EXPECT_EQ(code_of(world.run(world.command(bob, join))), "ok");
}

TEST_F(MembershipTest, AForeignOrForgedLogIsRefused) {
  World other(99);
  EXPECT_EQ(code_of(verify(other.party.log, invite_box())), "wrong_party");
  EXPECT_EQ(code_of(verify({}, invite_box())), "out_of_order");
  EXPECT_EQ(code_of(verify(std::span(world.party.log).first(1), invite_box())), "out_of_order");
  EXPECT_EQ(code_of(verify_joining_material(world.made.id, InviteSecret(), world.party.log,
                                            invite_box())),
            "unknown_invite");
}

TEST_F(MembershipTest, AForgedBoxIsRefused) {
  EXPECT_EQ(code_of(verify(world.party.log, {})), "box_unreadable");
  EXPECT_EQ(code_of(verify(world.party.log, world.made.boxes[1].box)), "box_unreadable");
  // The server knows the invite's box key, so it can seal; but not the key that the roster commits
  // to, nor another root key.
  const auto recipient = world.invite().box.public_key();
  const auto& roster_hash = world.ledger().roster_hash();
  const auto own_key = PartyKey::generate(world.random, 1);
  auto box =
      seal_party_key(world.random, {own_key, world.made.root.public_key(), roster_hash}, recipient);
  EXPECT_EQ(code_of(verify(world.party.log, box->box)), "key_mismatch");
  box = seal_party_key(
      world.random, {PartyKey(world.made.key.key(), 2), world.made.root.public_key(), roster_hash},
      recipient);
  EXPECT_EQ(code_of(verify(world.party.log, box->box)), "key_mismatch");
  box = seal_party_key(world.random, {world.made.key, VerifyKey{}, roster_hash}, recipient);
  EXPECT_EQ(code_of(verify(world.party.log, box->box)), "wrong_party");
}

TEST_F(MembershipTest, LogAndKeyOnDiskAreEnough) {
  ASSERT_TRUE(world.join(bob));
  const PartyKey stored(Secret<32>(world.made.key.key().expose()), world.made.key.epoch());
  const auto restored = restore_membership(world.made.id, world.party.log, stored).value();
  EXPECT_EQ(restored.ledger.members(), world.ledger().members());
  EXPECT_EQ(code_of(restore_membership(world.made.id, world.party.log,
                                       PartyKey::generate(world.random, 1))),
            "key_mismatch");
  EXPECT_EQ(code_of(restore_membership(world.made.id, {}, stored)), "out_of_order");
  // The root key from its seed still signs.
  const auto root = crypto::SigningKey::from_seed(world.made.root.seed());
  EXPECT_TRUE(build_invite(world.random, restored.ledger, restored.key, root, {}, kStart));
}

TEST_F(MembershipTest, AKeyOfAnotherEpochIsRefused) {
  const PartyKey later(world.made.key.key(), 2);
  auto roster = read_record<Roster>(world.made.roster).value();
  roster.key_commitment = later.commitment(world.made.id);  // while it says epoch 1
  const std::vector<Bytes> log{world.made.charter,
                               sign_record(roster, world.made.id, {&world.made.root})};
  EXPECT_EQ(code_of(restore_membership(world.made.id, log, later)), "key_mismatch");
}

TEST_F(MembershipTest, TheHostsBoxGivesThePartyKeyBack) {
  const auto* box = world.party.box_for(world.host.box.public_key());
  ASSERT_NE(box, nullptr);
  EXPECT_TRUE(recover_party_key(world.ledger(), world.host.box, *box).value() == world.made.key);
  EXPECT_EQ(code_of(recover_party_key(world.ledger(), bob.box, *box)), "box_unreadable");
}

TEST_F(MembershipTest, ALaterInviteOpensThePartyToo) {
  ASSERT_TRUE(world.join(bob));
  const auto made = world.new_invite().value();
  ASSERT_TRUE(world.run(world.command(world.host, AddInvite{made.record, made.box})));
  const auto membership =
      verify_joining_material(world.made.id, made.secret, world.party.log, made.box.box);
  ASSERT_TRUE(membership.has_value());
  EXPECT_TRUE(membership->key == world.made.key);
}

TEST_F(MembershipTest, BuildersRefuseWhatTheLedgerWould) {
  auto options = World::default_options();
  auto create = [&] {
    return code_of(create_party(world.random, options, world.host, "Ann", kStart));
  };
  options.name = "";
  EXPECT_EQ(create(), "invalid_name");
  options = World::default_options();
  options.prefix = *Prefix::parse("203.0.113.0/24");
  EXPECT_EQ(create(), "invalid_prefix");
  options = World::default_options();
  options.invite.uses = 0;
  EXPECT_EQ(create(), "invalid_invite");
  options.invite = {1, 0ms};
  EXPECT_EQ(create(), "invalid_invite");
  options.invite = {1, kMaxInviteLifetime + 1ms};
  EXPECT_EQ(create(), "invalid_invite");
  EXPECT_EQ(code_of(create_party(world.random, World::default_options(), world.host, "", kStart)),
            "invalid_nick");
  EXPECT_EQ(
      code_of(build_invite(world.random, world.ledger(), world.made.key, bob.identity, {}, kStart)),
      "wrong_signer");
}

}  // namespace
}  // namespace lanrage::party
