// Computes the worked example of docs/protocol/records.md and holds the document against it.
#include <fstream>

#include "base/encoding.hpp"
#include "fixture.hpp"
#include "party/invite_link.hpp"

namespace lanrage::party {
namespace {

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::uint8_t byte) : byte_(byte) {}
  void fill(MutableByteView out) override { std::ranges::fill(out, byte_); }

 private:
  std::uint8_t byte_;
};

template <std::size_t N>
Secret<N> repeated(std::uint8_t byte) {
  Secret<N> out;
  out.expose_mutable().fill(byte);
  return out;
}

DeviceKeys device(std::uint8_t first) {
  return {crypto::SigningKey::from_seed(repeated<32>(first)),
          crypto::ExchangeSecret::from_bytes(repeated<32>(static_cast<std::uint8_t>(first + 1))),
          crypto::ExchangeSecret::from_bytes(repeated<32>(static_cast<std::uint8_t>(first + 2)))};
}

std::vector<std::pair<std::string, std::string>> worked_example() {
  std::vector<std::pair<std::string, std::string>> out;
  auto show = [&](std::string name, ByteView bytes) {
    out.emplace_back(std::move(name), to_hex(bytes));
  };
  const auto root = crypto::SigningKey::from_seed(repeated<32>(0x01));
  const auto id = crypto::id_of<PartyId>(root.public_key().bytes);
  const auto host = device(0x11);
  const auto joiner = device(0x21);
  const InviteSecret secret = repeated<16>(0x31);
  const auto invite = invite_keys(secret, id);
  const PartyKey key(repeated<32>(0x41), 1);

  const Charter charter{1,
                        root.public_key(),
                        "Friday",
                        *Prefix::parse("10.66.0.0/16"),
                        host.identity.public_key(),
                        HostLeaves::party_lives_on,
                        false,
                        {}};
  const auto charter_record = sign_record(charter, id, {&root});
  Ledger ledger(id);
  EXPECT_TRUE(ledger.append(charter_record));
  const Roster roster{root.public_key(),
                      record_hash(charter_record),
                      1,
                      {},
                      ledger.head(),
                      {{host.identity.public_key(), host.wireguard.public_key(),
                        host.box.public_key(), *IpAddress::parse("10.66.0.1")}},
                      {{invite.signing.public_key(), invite.box.public_key(), 16, 0, kStart}},
                      key.commitment(id)};
  const auto roster_record = sign_record(roster, id, {&root});
  EXPECT_TRUE(ledger.append(roster_record));
  auto append = [&](const Bytes& record) {
    EXPECT_EQ(code_of(ledger.append(record)), "ok");
    return record;
  };
  const auto vip = *IpAddress::parse("10.66.0.2");
  const auto host_statement =
      append(build_statement(ledger, host.identity, "Ann", *IpAddress::parse("10.66.0.1")).value());
  const auto admission = append(build_admission(ledger, invite, joiner));
  const auto statement = append(build_statement(ledger, joiner.identity, "Bob", vip).value());
  const auto joined_digest = digest(ledger, 2);
  FixedRandom random(0x51);
  const auto box = seal_party_key(random, {key, root.public_key(), ledger.roster_hash()},
                                  invite.box.public_key())
                       .value();
  const auto later_secret = repeated<16>(0x61);
  const auto later = invite_keys(later_secret, id);
  const auto invite_record =
      append(sign_record(Invite{root.public_key(),
                                ledger.roster_hash(),
                                {later.signing.public_key(), later.box.public_key(), 1, 0, kStart}},
                         id, {&root}));
  const auto leave = append(build_leave(ledger, joiner.identity));
  const auto head7 = ledger.head();

  const auto again = append(build_admission(ledger, invite, joiner));
  const auto again_stated = append(build_statement(ledger, joiner.identity, "Bob", vip).value());
  auto second_charter = charter;
  second_charter.version = 2;
  second_charter.deputies = {joiner.identity.public_key()};
  const auto second_charter_record = append(sign_record(second_charter, id, {&root}));
  const PartyKey second_key(repeated<32>(0x42), 2);
  const Roster second{
      joiner.identity.public_key(),
      record_hash(second_charter_record),
      2,
      record_hash(roster_record),
      ledger.head(),
      {roster.members[0],
       {joiner.identity.public_key(), joiner.wireguard.public_key(), joiner.box.public_key(), vip}},
      {{invite.signing.public_key(), invite.box.public_key(), 16, 1, kStart}},
      second_key.commitment(id)};
  const auto second_record = append(sign_record(second, id, {&joiner.identity}));
  FixedRandom second_random(0x52);
  const auto second_box =
      seal_party_key(second_random, {second_key, root.public_key(), ledger.roster_hash()},
                     host.box.public_key())
          .value();

  show("root key", root.public_key().bytes);
  out.emplace_back("party id", id.to_string());
  show("invite key", invite.signing.public_key().bytes);
  show("invite box key", invite.box.public_key().bytes);
  show("key commitment", key.commitment(id));
  show("preshared key",
       key.preshared_key(id, host.wireguard.public_key(), joiner.wireguard.public_key()).expose());
  show("head 0", first_head(id));
  show("charter", charter_record);
  show("roster", roster_record);
  show("roster hash", record_hash(roster_record));
  show("statement (host)", host_statement);
  show("admission", admission);
  show("statement (joiner)", statement);
  show("digest at seq 2", joined_digest);
  show("invite", invite_record);
  show("leave", leave);
  show("head 7", head7);
  show("box for the invite", box.box);
  show("admission (again)", again);
  show("statement (joiner, again)", again_stated);
  show("charter 2", second_charter_record);
  show("key commitment 2", second_key.commitment(id));
  show("roster 2", second_record);
  show("roster hash 2", record_hash(second_record));
  show("preshared key 2",
       second_key.preshared_key(id, host.wireguard.public_key(), joiner.wireguard.public_key())
           .expose());
  show("head 11", ledger.head());
  show("box for the host", second_box.box);
  const InviteLink link{"203.0.113.9", kDefaultControlPort, id, secret,
                        repeated<16>(0x71).expose()};
  out.emplace_back("link", link.to_text());
  return out;
}

TEST(WorkedExample, IsAsTheDocumentSays) {
  std::map<std::string, std::string> written;
  std::ifstream document(LANRAGE_RECORDS_MD);
  for (std::string line; std::getline(document, line);)
    if (const auto equals = line.find(" = "); equals != std::string::npos)
      written[line.substr(0, equals)] = line.substr(equals + 3);

  std::string all;
  const auto example = worked_example();
  for (const auto& [name, value] : example)
    all += name + " = " + value + "\n";
  for (const auto& [name, value] : example)
    ASSERT_EQ(written[name], value) << name << "\nThe whole example:\n" << all;
}

}  // namespace
}  // namespace lanrage::party
