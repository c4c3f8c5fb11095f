// The input is a script: commands of a few devices, and damaged records behind the signature check.
// After each step the party's invariants hold; at the end its log replays to the same digest, and
// what would be stored of it reads back as it is.
#include <cstdlib>
#include <set>

#include "party/apply.hpp"
#include "party/digest.hpp"
#include "party/membership.hpp"
#include "party/snapshot.hpp"

namespace {

using namespace lanrage;
using namespace lanrage::party;

void check(bool ok) {
  if (!ok) std::abort();
}

constexpr UnixTime kStart{std::chrono::milliseconds(1'700'000'000'000)};

DeviceKeys make_device(Random& random) {
  return {crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random),
          crypto::ExchangeSecret::generate(random)};
}

struct Fixed {
  SeededRandom random{1};
  std::vector<DeviceKeys> devices{make_device(random), make_device(random), make_device(random)};
  NewParty made = create_party(random, options(), devices[0], "host", kStart).value();
  Party party{made.id};
  Limits limits;

  Fixed() {
    limits.peers = 3;
    carry(party, {devices[0].peer_id(), "0",
                  Create{made.charter, made.roster, made.statement, made.boxes, {}}});
    check(party.exists());
  }
  static PartyOptions options() {
    PartyOptions out;
    out.name = "fuzz";
    out.prefix = *Prefix::parse("10.0.0.0/29");
    out.invite.uses = 2;
    return out;
  }
  void carry(Party& to, const Command& command) const {
    const auto outcome = apply(to, command, kStart, limits);
    if (!outcome) return;
    for (const auto& event : outcome->events)
      check(evolve(to, event, limits).has_value());
  }
};

void check_invariants(const Ledger& ledger) {
  std::set<IpAddress> vips;
  std::set<ExchangeKey> keys;
  for (const auto& [id, member] : ledger.members()) {
    check(member.vip.is_unspecified() || vips.insert(member.vip).second);
    check(keys.insert(member.wireguard).second && keys.insert(member.box).second);
  }
  for (const auto& [id, invite] : ledger.invites())
    check(invite.used() <= invite.terms.uses);
  check(ledger.closed() || !ledger.members().empty());
}

void damage(Bytes& record, ByteReader& script) {
  for (int changes = script.u8() % 4; changes > 0; --changes) {
    const auto at = script.u16() % record.size();
    record[at] ^= script.u8();
  }
}

// A roster or charter that would fit next but for the damage, or for whom it names.
Bytes next_roster(const Ledger& ledger, ByteReader& script) {
  const auto left_out = script.u8();
  const auto& deputies = ledger.charter().deputies;
  const auto by_deputy = (left_out & 0x80) != 0 && !deputies.empty();
  Roster body{by_deputy ? deputies[0] : ledger.charter().root_key,
              ledger.charter_hash(),
              ledger.key_epoch() + 1,
              ledger.roster_hash(),
              ledger.head(),
              {},
              {},
              {}};
  int place = 0;
  for (const auto& [id, member] : ledger.members())
    if ((left_out >> place++ % 4 & 1) == 0)
      body.members.push_back({member.identity, member.wireguard, member.box, member.vip});
  for (const auto& [id, invite] : ledger.invites())
    if ((left_out >> (4 + place++ % 3) & 1) == 0) {
      body.invites.push_back(invite.terms);
      body.invites.back().used = static_cast<std::uint16_t>(invite.used());
    }
  return sign_envelope(RecordType::roster, ledger.party_id(), encode(body), {});
}
Bytes next_charter(const Ledger& ledger, ByteReader& script) {
  auto body = ledger.charter();
  ++body.version;
  const auto choice = script.u8();
  body.deputies.clear();
  int place = 0;
  for (const auto& [id, member] : ledger.members()) {
    if (place == (choice & 3)) body.host = member.identity;
    if ((choice >> (4 + place++ % 4) & 1) != 0) body.deputies.push_back(member.identity);
  }
  return sign_envelope(RecordType::charter, ledger.party_id(), encode(body), {});
}

void append_next(Ledger& shadow, ByteReader& script) {
  if (!shadow.founded()) return;
  const auto which = script.u8() % 2;
  auto record = which == 0 ? next_roster(shadow, script) : next_charter(shadow, script);
  damage(record, script);
  const auto before = shadow;
  const auto effect = shadow.append_trusted(record);
  check(shadow.length() == before.length() + (effect ? 1 : 0));
  check_invariants(shadow);
  if (!effect || effect->kind != Effect::Kind::rostered) return;
  check(before.members().size() == shadow.members().size() + effect->removed.size());
  for (const auto& [id, member] : shadow.members())
    check(before.members().at(id) == member);
  for (const auto& [id, invite] : shadow.invites())
    for (const auto& peer : effect->removed)
      check(!invite.tied_to(peer));
}

// A record of the log, changed at some places as if its signer had meant it so. What the rules
// behind the signature check let pass stays in `shadow`, so that strange states follow strange
// records.
void append_damaged(const Party& party, Ledger& shadow, ByteReader& script) {
  auto record = party.log[script.u8() % party.log.size()];
  damage(record, script);
  const auto before = shadow.length();
  const bool accepted = shadow.append_trusted(record).has_value();
  check(shadow.length() == before + (accepted ? 1 : 0));
  check_invariants(shadow);
}

// `key` becomes the one of a rotation that is made.
Action govern(std::uint8_t choice, const Ledger& ledger, const Fixed& fixed,
              const DeviceKeys& device, Random& random, PartyKey& key) {
  const auto& other = fixed.devices[choice / 4 % fixed.devices.size()];
  const auto& signer = (choice & 0x80) != 0 ? device.identity : fixed.made.root;
  switch (choice % 4) {
    case 0:
      return Update{std::nullopt, {std::string(1, static_cast<char>('a' + choice / 64)), {}}};
    case 1: {
      RotationOptions options;
      if ((choice & 0x40) != 0) options.remove = {other.peer_id()};
      if (const auto made = build_rotation(random, ledger, signer, options, kStart)) {
        key = made->key;
        return Rotate{made->roster, made->boxes};
      }
      break;
    }
    case 2: {
      CharterChange change;
      if ((choice & 0x40) != 0) change.host = other.peer_id();
      if ((choice & 0x40) == 0) change.deputies = {other.peer_id()};
      if (const auto made = build_charter(ledger, signer, change)) return ChangeCharter{*made};
      break;
    }
    default:
      return Bar{other.peer_id()};
  }
  return Close{CloseReason::empty};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixed fixed;
  auto party = fixed.party;
  const auto invite = invite_keys(fixed.made.invite, fixed.made.id);
  SeededRandom random(2);
  ByteReader script({data, size});
  auto shadow = party.ledger;
  auto key = fixed.made.key;
  int commands = 0;  // signing and verifying is what takes the time
  for (int step = 0; step < 64 && script.remaining() > 0 && !party.closed; ++step) {
    const auto op = script.u8();
    if (op % 8 >= 6) {
      if (op % 8 == 6)
        append_damaged(party, shadow, script);
      else
        append_next(shadow, script);
      continue;
    }
    if (++commands > 4) break;
    const auto& device = fixed.devices[op / 8 % fixed.devices.size()];
    const auto& ledger = party.ledger;
    const auto vip = (op & 0x80) != 0 ? IpAddress::v4(0x0a000000u + script.u8() % 9u)
                                      : ledger.suggest_vip(device.peer_id()).value_or(IpAddress());
    const auto statement = [&] {
      return build_statement(ledger, device.identity, "nick", vip).value();
    };
    Command command{device.peer_id(), "s" + std::to_string(step), Close{CloseReason::empty}};
    auto next_key = key;
    switch (op % 8) {
      case 0:
      case 1:
        command.action = Join{build_admission(ledger, invite, device), statement(), {}};
        break;
      case 2:
        command.action = Depart{build_leave(ledger, device.identity)};
        break;
      case 3:
        command.action = Update{statement(), {}};
        break;
      case 4: {
        const auto made =
            build_invite(random, ledger, key, fixed.made.root, {1, std::chrono::hours(1)}, kStart);
        if (made) command.action = AddInvite{made->record, made->box};
        break;
      }
      case 5:
        command.action = govern(script.u8(), ledger, fixed, device, random, next_key);
        break;
      default:
        break;
    }
    const auto seq = party.seq;
    fixed.carry(party, command);
    if (next_key.epoch() == party.ledger.key_epoch()) key = next_key;
    if (party.seq != seq) shadow = party.ledger;
    check_invariants(party.ledger);
    check(party.peers.size() == party.ledger.members().size());
    check(party.ledger.members().size() <= fixed.limits.peers);
  }
  if (commands == 0) return 0;
  const auto replayed = Ledger::replay(fixed.made.id, party.log);
  check(replayed && digest(*replayed, party.seq) == party.digest());
  const auto stored = encode_party(party);
  const auto read_back = decode_party(stored, fixed.made.id, fixed.limits);
  check(read_back && read_back->digest() == party.digest() && encode_party(*read_back) == stored);
  return 0;
}
