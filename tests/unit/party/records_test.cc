#include "party/records.hpp"

#include "fixture.hpp"
#include "party/limits.hpp"

namespace lanrage::party {
namespace {

struct Samples {
  Samples() {
    SeededRandom random(7);
    auto verify_key = [&] { return crypto::SigningKey::generate(random).public_key(); };
    auto exchange_key = [&] { return crypto::ExchangeSecret::generate(random).public_key(); };
    auto terms = [&] { return InviteTerms{verify_key(), exchange_key(), 16, 3, kStart}; };
    charter = {1,
               verify_key(),
               "Größe",
               *Prefix::parse("10.66.0.0/16"),
               verify_key(),
               HostLeaves::closes_party,
               true,
               {verify_key(), verify_key()}};
    roster = {verify_key(),
              random.array<32>(),
              2,
              random.array<32>(),
              random.array<32>(),
              {{verify_key(), exchange_key(), exchange_key(), *IpAddress::parse("10.66.0.1")},
               {verify_key(), exchange_key(), exchange_key(), *IpAddress::parse("10.66.0.2")}},
              {terms(), terms()},
              random.array<32>()};
    invite = {verify_key(), random.array<32>(), terms()};
    admission = {random.array<32>(), 1, verify_key(), verify_key(), exchange_key(), exchange_key(),
                 random.array<32>()};
    statement = {verify_key(),
                 9,
                 "Zoë",
                 *IpAddress::parse("10.66.0.2"),
                 {*Endpoint::parse("203.0.113.9:51820"), *Endpoint::parse("[2001:db8::1]:9")}};
    leave = {verify_key(), random.array<32>()};
  }
  Charter charter;
  Roster roster;
  Invite invite;
  Admission admission;
  Statement statement;
  Leave leave;

  template <class Visit>
  void each(Visit visit) const {
    visit(charter);
    visit(roster);
    visit(invite);
    visit(admission);
    visit(statement);
    visit(leave);
  }
};

TEST(Records, EveryBodyReadsBackAsWritten) {
  Samples().each([]<class Body>(const Body& body) {
    auto decoded = decode<Body>(encode(body));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    EXPECT_EQ(*decoded, body);
  });
}

TEST(Records, EveryTruncationAndEveryAddedByteIsRefused) {
  SeededRandom random(8);
  const auto signer = crypto::SigningKey::generate(random);
  Samples().each([&]<class Body>(const Body& body) {
    const auto bytes = encode(body);
    for (std::size_t length = 0; length < bytes.size(); ++length)
      ASSERT_EQ(code_of(decode<Body>(ByteView(bytes).first(length))), "malformed_record") << length;
    auto longer = bytes;
    longer.push_back(0);
    EXPECT_EQ(code_of(decode<Body>(longer)), "malformed_record");

    const auto record = sign_record(body, PartyId{}, {&signer, &signer});
    for (std::size_t length = 0; length < record.size(); ++length)
      ASSERT_EQ(code_of(read_record<Body>(ByteView(record).first(length))), "malformed_record")
          << length;
    longer = record;
    longer.push_back(0);
    EXPECT_EQ(code_of(read_record<Body>(longer)), "malformed_record");
  });
}

TEST(Records, EveryAcceptedBodyHasOneSpelling) {
  Samples().each([]<class Body>(const Body& body) {
    const auto bytes = encode(body);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      auto changed = bytes;
      changed[i] ^= 0x81;
      if (auto decoded = decode<Body>(changed)) ASSERT_EQ(encode(*decoded), changed) << i;
    }
  });
}

TEST(Records, ErrorsNameTheRecordAndTheField) {
  const Samples samples;
  auto bytes = encode(samples.charter);
  const auto keep = bytes.size() - 2 - 64 - 1;  // before the count and two deputies
  bytes[keep] = 2;
  auto decoded = decode<Charter>(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().field(), "charter.keep");

  auto cut = decode<Leave>(ByteView(encode(samples.leave)).first(40));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().field(), "leave.seen_head");
}

TEST(Records, ListsHaveALimit) {
  Samples samples;
  samples.statement.candidates.assign(kMaxCandidates, *Endpoint::parse("203.0.113.9:1"));
  EXPECT_EQ(code_of(decode<Statement>(encode(samples.statement))), "ok");
  samples.statement.candidates.push_back(*Endpoint::parse("203.0.113.9:1"));
  EXPECT_EQ(code_of(decode<Statement>(encode(samples.statement))), "malformed_record");

  samples.charter.deputies.assign(kMaxDeputies + 1, VerifyKey{});
  EXPECT_EQ(code_of(decode<Charter>(encode(samples.charter))), "malformed_record");
  samples.roster.members.assign(kMaxMembers + 1, RosterMember{});
  EXPECT_EQ(code_of(decode<Roster>(encode(samples.roster))), "malformed_record");
  samples.roster.members.clear();
  samples.roster.invites.assign(kMaxInvitesPerRoster + 1, InviteTerms{});
  EXPECT_EQ(code_of(decode<Roster>(encode(samples.roster))), "malformed_record");
}

TEST(Records, TheLargestRosterFitsARecord) {
  Samples samples;
  samples.roster.members.assign(64, RosterMember{});
  samples.roster.invites.assign(kMaxInvitesPerRoster, InviteTerms{});
  SeededRandom random(8);
  const auto signer = crypto::SigningKey::generate(random);
  EXPECT_LE(sign_record(samples.roster, PartyId{}, {&signer}).size(), kMaxRecordSize);
}

TEST(Records, AnIpv4CandidateHasNoIpv6Spelling) {
  Samples samples;
  samples.statement.candidates = {*Endpoint::parse("[2001:db8::1]:9")};
  auto bytes = encode(samples.statement);
  const ByteArray<12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::copy(mapped.begin(), mapped.end(), bytes.end() - 18);
  EXPECT_EQ(code_of(decode<Statement>(bytes)), "malformed_record");
}

TEST(Records, AnotherTypeVersionOrSizeIsRefused) {
  SeededRandom random(9);
  const auto signer = crypto::SigningKey::generate(random);
  auto record = sign_record(Samples().leave, PartyId{}, {&signer});
  auto as_statement = read_record<Statement>(record);
  ASSERT_FALSE(as_statement);
  EXPECT_EQ(as_statement.error().message(), "expected a record of type statement, got leave");

  auto changed = record;
  changed[0] = 2;
  auto envelope = Envelope::parse(changed);
  ASSERT_FALSE(envelope);
  EXPECT_EQ(envelope.error().field(), "record.version");
  for (const std::uint8_t type : ByteArray<3>{0, 7, 255}) {
    changed = record;
    changed[1] = type;
    envelope = Envelope::parse(changed);
    ASSERT_FALSE(envelope);
    EXPECT_EQ(envelope.error().field(), "record.type");
  }
  EXPECT_EQ(code_of(Envelope::parse(Bytes(kMaxRecordSize + 1))), "too_large");
}

TEST(Records, ASignatureIsForOnePartyAndOneType) {
  SeededRandom random(9);
  const auto signer = crypto::SigningKey::generate(random);
  PartyId party, other;
  other.bytes[0] = 1;
  auto record = sign_record(Samples().leave, party, {&signer});
  auto envelope = Envelope::parse(record).value();
  EXPECT_TRUE(envelope.signed_by(0, signer.public_key(), party));
  EXPECT_FALSE(envelope.signed_by(0, signer.public_key(), other));
  EXPECT_FALSE(envelope.signed_by(1, signer.public_key(), party));
  record[1] = static_cast<std::uint8_t>(RecordType::statement);
  envelope = Envelope::parse(record).value();
  EXPECT_FALSE(envelope.signed_by(0, signer.public_key(), party));
}

TEST(Records, TheChartersRootKeyNamesTheParty) {
  const World world;
  EXPECT_EQ(party_id_of(world.made.charter).value(), world.made.id);
  EXPECT_EQ(code_of(party_id_of(world.made.roster)), "malformed_record");
}

}  // namespace
}  // namespace lanrage::party
