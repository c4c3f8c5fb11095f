// Checked ahead, a signature counts for exactly what was checked; everything else is checked again.
#include "party/proven_signatures.hpp"

#include <type_traits>

#include "unit/party/fixture.hpp"

namespace lanrage::party {
namespace {

static_assert(!std::is_aggregate_v<ProvenSignatures>, "nobody but prove() puts checks in");
static_assert(sizeof(ProvenSignatures) == sizeof(std::vector<int>), "no other way in either");

struct Signed {
  VerifyKey key;
  Bytes message;
  crypto::Signature signature;
};

template <class Body>
std::vector<Signed> signatures_of(const Bytes& record, const PartyId& party) {
  const auto envelope = Envelope::parse(record).value();
  const auto body = decode<Body>(envelope.body).value();
  std::vector<Signed> out;
  for (const auto* key : signers(body))
    out.push_back({*key, envelope.signed_message(party), envelope.signatures.at(out.size())});
  return out;
}

bool proves(const ProvenSignatures& proven, const std::vector<Signed>& wanted) {
  return std::ranges::all_of(wanted, [&](const Signed& one) {
    return proven.contains(one.key, one.message, one.signature);
  });
}

struct ProvenSignaturesTest : ::testing::Test {
  World world;
  DeviceKeys guest = make_device(world.random);
  PartyId id = world.made.id;
};

TEST_F(ProvenSignaturesTest, EveryCommandWithRecordsIsProvenWhole) {
  const auto create = world.create();
  auto proven = prove(id, create);
  EXPECT_TRUE(proves(proven, signatures_of<Charter>(create.charter, id)));
  EXPECT_TRUE(proves(proven, signatures_of<Roster>(create.roster, id)));
  EXPECT_TRUE(proves(proven, signatures_of<Statement>(create.statement, id)));

  const auto join = world.join_action(guest, world.invite());
  proven = prove(id, join);
  EXPECT_EQ(signatures_of<Admission>(join.admission, id).size(), 2u);
  EXPECT_TRUE(proves(proven, signatures_of<Admission>(join.admission, id)));
  EXPECT_TRUE(proves(proven, signatures_of<Statement>(join.statement, id)));

  const auto statement = world.statement(world.host, "Eve", world.ledger());
  EXPECT_TRUE(proves(prove(id, Update{statement, {}}), signatures_of<Statement>(statement, id)));
  const auto leave = build_leave(world.ledger(), world.host.identity);
  EXPECT_TRUE(proves(prove(id, Depart{leave}), signatures_of<Leave>(leave, id)));
  const auto invite = world.new_invite().value();
  EXPECT_TRUE(proves(prove(id, AddInvite{invite.record, invite.box}),
                     signatures_of<Invite>(invite.record, id)));
  const auto rotation = world.new_rotation().value();
  EXPECT_TRUE(proves(prove(id, Rotate{rotation.roster, rotation.boxes}),
                     signatures_of<Roster>(rotation.roster, id)));
  const auto charter = build_charter(world.ledger(), world.made.root, {}).value();
  EXPECT_TRUE(proves(prove(id, ChangeCharter{charter}), signatures_of<Charter>(charter, id)));
}

TEST_F(ProvenSignaturesTest, WhatCarriesNoRecordNeedsNoProof) {
  EXPECT_FALSE(carries_records(Close{}));
  EXPECT_FALSE(carries_records(Bar{}));
  EXPECT_FALSE(carries_records(Update{{}, {"cone", {}}}));
  EXPECT_TRUE(carries_records(Update{Bytes{1}, {}}));
  EXPECT_TRUE(carries_records(world.create()));
  EXPECT_TRUE(carries_records(Depart{}));
}

TEST_F(ProvenSignaturesTest, AProofIsOfOneKeyOneMessageAndOneSignature) {
  const auto join = world.join_action(guest, world.invite());
  const auto proven = prove(id, join);
  const auto good = signatures_of<Admission>(join.admission, id).at(1);
  ASSERT_TRUE(proven.contains(good.key, good.message, good.signature));
  EXPECT_FALSE(proven.contains(world.host.identity.public_key(), good.message, good.signature));
  auto message = good.message;
  message.back() ^= 1;
  EXPECT_FALSE(proven.contains(good.key, message, good.signature));
  message = good.message;
  message.pop_back();
  EXPECT_FALSE(proven.contains(good.key, message, good.signature));
  auto signature = good.signature;
  signature.back() ^= 1;
  EXPECT_FALSE(proven.contains(good.key, good.message, signature));
  EXPECT_FALSE(ProvenSignatures().contains(good.key, good.message, good.signature));
}

TEST_F(ProvenSignaturesTest, AProofForAnotherPartyIsNone) {
  const auto leave = build_leave(world.ledger(), world.host.identity);
  auto other = id;
  other.bytes[0] ^= 1;
  EXPECT_FALSE(proves(prove(other, Depart{leave}), signatures_of<Leave>(leave, id)));
  EXPECT_FALSE(proves(prove(id, Depart{leave}), signatures_of<Leave>(leave, other)));
}

TEST_F(ProvenSignaturesTest, RecordsOfAnotherTypeAndRubbishProveNothing) {
  const auto statement = world.statement(world.host, "Eve", world.ledger());
  const auto wanted = signatures_of<Statement>(statement, id);
  EXPECT_TRUE(proves(prove(id, Update{statement, {}}), wanted));
  EXPECT_FALSE(proves(prove(id, Depart{statement}), wanted));
  const auto cut = Bytes(statement.begin(), statement.end() - 1);
  EXPECT_FALSE(proves(prove(id, Update{cut, {}}), wanted));
  EXPECT_FALSE(proves(prove(id, Update{Bytes{}, {}}), wanted));
}

// Whatever byte is wrong: the good command's proof, the bad one's own and none give one answer.
TEST_F(ProvenSignaturesTest, NoProofChangesAnAnswer) {
  const auto good = world.join_action(guest, world.invite());
  const auto proof_of_good = prove(id, good);
  ASSERT_EQ(code_of(apply(world.party, {guest.peer_id(), "r", good}, world.now, {}, proof_of_good)),
            "ok");
  std::size_t badly_signed = 0;
  for (const auto field : {&Join::admission, &Join::statement}) {
    for (std::size_t at = 0; at < (good.*field).size(); at += 3) {
      auto bad = good;
      (bad.*field)[at] ^= 1;
      const Command command{guest.peer_id(), "r", bad};
      const auto code = code_of(apply(world.party, command, world.now));
      EXPECT_NE(code, "ok") << at;
      EXPECT_EQ(code_of(apply(world.party, command, world.now, {}, proof_of_good)), code) << at;
      EXPECT_EQ(code_of(apply(world.party, command, world.now, {}, prove(id, bad))), code) << at;
      badly_signed += code == "bad_signature" ? 1 : 0;
    }
  }
  EXPECT_GT(badly_signed, 100u);
}

// Signing well isn't being allowed to: the rest is judged as without a proof.
TEST_F(ProvenSignaturesTest, AProvenSignatureOfTheWrongSignerIsRefused) {
  const auto invite =
      build_invite(world.random, world.ledger(), world.key, guest.identity, {}, world.now);
  EXPECT_FALSE(invite);
  auto body = decode<Invite>(Envelope::parse(world.new_invite().value().record)->body).value();
  body.signer = guest.identity.public_key();
  const auto record = sign_record(body, id, {&guest.identity});
  const AddInvite action{record, {body.terms.invite_box, Bytes(kPartyBoxSize)}};
  const auto proven = prove(id, action);
  EXPECT_TRUE(proves(proven, signatures_of<Invite>(record, id)));
  EXPECT_EQ(code_of(apply(world.party, world.command(world.host, action), world.now, {}, proven)),
            "wrong_signer");
}

// A log, and what a prover was asked for.
struct LogProofs : ProvenSignaturesTest {
  LogProofs() {
    while (log.size() < ProofsAhead::kStretch + 20) {
      log.push_back(world.statement(world.host, "Ann", ledger));
      EXPECT_EQ(code_of(ledger.append(log.back())), "ok");
    }
  }

  std::vector<Bytes> log = world.party.log;
  Ledger ledger = world.ledger();
  std::vector<std::size_t> asked;
  LogProver prover = [this](const PartyId& party, std::span<const Bytes> records) {
    asked.push_back(records.size());
    return prove(party, records);
  };
};

TEST_F(LogProofs, ALogIsProvenAStretchAtATime) {
  const auto replayed = Ledger::replay(id, log, prover);
  ASSERT_EQ(code_of(replayed), "ok");
  EXPECT_EQ(replayed->head(), ledger.head());
  EXPECT_EQ(asked, (std::vector{ProofsAhead::kStretch, log.size() - ProofsAhead::kStretch}));
  // All that the prover found good is taken from it, in its order, whatever record comes.
  const auto proven = prove(id, log);
  EXPECT_TRUE(proves(proven, signatures_of<Charter>(log[0], id)));
  EXPECT_TRUE(proves(proven, signatures_of<Roster>(log[1], id)));
  for (std::size_t i = 2; i < log.size(); ++i)
    EXPECT_TRUE(proves(proven, signatures_of<Statement>(log[i], id))) << i;
}

TEST_F(LogProofs, AFewRecordsAreNotWorthAnotherThread) {
  const auto few = std::span(log).first(ProofsAhead::kLeast - 1);
  EXPECT_EQ(code_of(Ledger::replay(id, few, prover)), "ok");
  EXPECT_TRUE(asked.empty());
}

TEST_F(LogProofs, ALogThatBreaksARuleCostsOneStretch) {
  std::swap(log[0], log[1]);
  EXPECT_EQ(code_of(Ledger::replay(id, log, prover)), "out_of_order");
  EXPECT_EQ(asked, std::vector{ProofsAhead::kStretch});
}

TEST_F(LogProofs, WhatTheProverDidNotFindGoodIsCheckedAsEver) {
  for (const std::size_t at : {std::size_t{1}, std::size_t{40}, log.size() - 1}) {
    auto bad = log;
    bad[at].back() ^= 1;
    EXPECT_EQ(code_of(Ledger::replay(id, bad, prover)), "bad_signature") << at;
    const LogProver idle = [](const PartyId&, std::span<const Bytes>) {
      return ProvenSignatures();
    };
    EXPECT_EQ(code_of(Ledger::replay(id, bad, idle)), "bad_signature") << at;
    // Proofs of the good log are none of the bad one.
    const LogProver other = [&](const PartyId& party, std::span<const Bytes>) {
      return prove(party, log);
    };
    EXPECT_EQ(code_of(Ledger::replay(id, bad, other)), "bad_signature") << at;
  }
}

TEST_F(LogProofs, ProvingEndsAtTheFirstBadSignature) {
  log[10].back() ^= 1;
  const auto proven = prove(id, log);
  EXPECT_TRUE(proves(proven, signatures_of<Statement>(log[9], id)));
  EXPECT_FALSE(proves(proven, signatures_of<Statement>(log[10], id)));
  EXPECT_FALSE(proves(proven, signatures_of<Statement>(log[11], id)));
}

}  // namespace
}  // namespace lanrage::party
