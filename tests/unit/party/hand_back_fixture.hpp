// A server that went back to a backup, beside one that didn't.
#pragma once

#include "fixture.hpp"
#include "party/hand_back.hpp"

namespace lanrage::party {

struct HandBackTest : testing::Test {
  World world;
  Party restored = world.party;  // as of the last back_up()
  UnixTime backed_up_at = world.now;
  DeviceKeys bob = make_device(world.random);
  DeviceKeys cid = make_device(world.random);
  DeviceKeys dan = make_device(world.random);

  void back_up() {
    restored = world.party;
    backed_up_at = world.now;
  }
  // The whole of what the backup lacks, from a member that has it.
  HandBack missing() const {
    return {restored.log.size(),
            restored.ledger.head(),
            {world.party.log.begin() + static_cast<std::ptrdiff_t>(restored.log.size()),
             world.party.log.end()},
            {},
            backed_up_at};
  }
  // Of the server's own, without asking its clock to have moved.
  void restored_takes(const DeviceKeys& actor, Action action) {
    const auto taken =
        apply(restored, world.command(actor, std::move(action)), world.now, world.limits);
    ASSERT_EQ(code_of(taken), "ok");
    for (const auto& event : taken->events)
      ASSERT_EQ(code_of(evolve(restored, event, world.limits)), "ok");
  }
  // By an invite, without a word to any server.
  HandBack admission_by(const InviteKeys& invite) {
    auto ledger = restored.ledger;
    const auto admission = build_admission(ledger, invite, bob);
    EXPECT_EQ(code_of(ledger.append(admission)), "ok") << "members don't look at clocks";
    return {restored.log.size(),
            restored.ledger.head(),
            {admission, world.statement(bob, "Bob", ledger)},
            {},
            backed_up_at};
  }
  SealedBox box_for(const ExchangeKey& recipient) {
    return seal_party_key(world.random,
                          {world.key, world.made.root.public_key(), world.ledger().roster_hash()},
                          recipient)
        .value();
  }
  Result<Outcome> hand_back(const HandBack& back, const DeviceKeys* actor = nullptr) {
    auto outcome = apply(restored, world.command(actor != nullptr ? *actor : world.host, back),
                         world.now, world.limits);
    if (outcome)
      for (const auto& event : outcome->events)
        EXPECT_EQ(code_of(evolve(restored, event, world.limits)), "ok");
    return outcome;
  }
  std::string refusal(const HandBack& back) {
    const auto digest = restored.digest();
    auto code = code_of(hand_back(back));
    EXPECT_EQ(restored.digest() == digest, code != "ok");
    return code;
  }
  void rename(const DeviceKeys& device, std::string_view nick) {
    const auto vip = world.ledger().member(device.peer_id())->vip;
    ASSERT_EQ(
        code_of(world.run(world.command(
            device,
            Update{build_statement(world.ledger(), device.identity, nick, vip).value(), {}}))),
        "ok");
  }
  InviteKeys add_invite(const InviteOptions& options = {}) {
    const auto made = world.new_invite(options).value();
    EXPECT_EQ(code_of(world.run(world.command(world.host, AddInvite{made.record, made.box}))),
              "ok");
    return invite_keys(made.secret, world.made.id);
  }
};

}  // namespace lanrage::party
