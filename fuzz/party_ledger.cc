// The input is a script: commands of a few devices, and damaged records behind the signature check.
// After each step the party's invariants hold; at the end its log replays to the same digest.
#include <cstdlib>
#include <set>

#include "party/apply.hpp"
#include "party/digest.hpp"
#include "party/membership.hpp"

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
}

// A record of the log, changed at some places as if its signer had meant it so. What the rules
// behind the signature check let pass stays in `shadow`, so that strange states follow strange
// records.
void append_damaged(const Party& party, Ledger& shadow, ByteReader& script) {
  auto record = party.log[script.u8() % party.log.size()];
  for (int changes = script.u8() % 4; changes >= 0; --changes) {
    const auto at = script.u16() % record.size();
    record[at] ^= script.u8();
  }
  const auto before = shadow.length();
  const bool accepted = shadow.append_trusted(record).has_value();
  check(shadow.length() == before + (accepted ? 1 : 0));
  check_invariants(shadow);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixed fixed;
  auto party = fixed.party;
  const auto invite = invite_keys(fixed.made.invite, fixed.made.id);
  SeededRandom random(2);
  ByteReader script({data, size});
  auto shadow = party.ledger;
  int commands = 0;  // signing and verifying is what takes the time
  for (int step = 0; step < 64 && script.remaining() > 0 && !party.closed; ++step) {
    const auto op = script.u8();
    if (op % 8 >= 6) {
      append_damaged(party, shadow, script);
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
        const auto made = build_invite(random, ledger, fixed.made.key, fixed.made.root,
                                       {1, std::chrono::hours(1)}, kStart);
        if (made) command.action = AddInvite{made->record, made->box};
        break;
      }
      case 5:
        command.action =
            Update{std::nullopt, {std::string(1, static_cast<char>('a' + op / 64)), {}}};
        break;
      default:
        break;
    }
    const auto seq = party.seq;
    fixed.carry(party, command);
    if (party.seq != seq) shadow = party.ledger;
    check_invariants(party.ledger);
    check(party.peers.size() == party.ledger.members().size());
    check(party.ledger.members().size() <= fixed.limits.peers);
  }
  if (commands == 0) return 0;
  const auto replayed = Ledger::replay(fixed.made.id, party.log);
  check(replayed && digest(*replayed, party.seq) == digest(party.ledger, party.seq));
  return 0;
}
