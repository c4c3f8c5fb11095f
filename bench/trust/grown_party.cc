#include "trust/grown_party.hpp"

#include <string>

namespace lanrage::bench {
namespace {

party::NewParty found(Random& random, const party::DeviceKeys& host, std::size_t size) {
  party::PartyOptions options;
  options.name = "bench";
  options.invite.uses = static_cast<std::uint16_t>(size);
  return must(party::create_party(random, options, host, "host", kFounded));
}

}  // namespace

GrownParty::GrownParty(std::size_t size)
    : members{device()},
      made(found(random, members.front(), size)),
      invite(party::invite_keys(made.invite, made.id)),
      ledger(made.id) {
  for (const auto* record : {&made.charter, &made.roster, &made.statement})
    take(*record);
  while (members.size() < size) {
    members.push_back(device());
    const auto [admission, statement] = join_of(members.back());
    take(admission);
    take(statement);
  }
}

party::DeviceKeys GrownParty::device() {
  return {crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random),
          crypto::ExchangeSecret::generate(random)};
}

std::pair<Bytes, Bytes> GrownParty::join_of(const party::DeviceKeys& device) const {
  auto after = ledger;
  auto admission = party::build_admission(ledger, invite, device);
  must(after.append(admission));
  const auto vip = must(after.suggest_vip(device.peer_id()));
  const auto nick = "player " + std::to_string(ledger.members().size());
  auto statement = must(party::build_statement(after, device.identity, nick, vip));
  return {std::move(admission), std::move(statement)};
}

void GrownParty::take(const Bytes& record) {
  must(ledger.append(record));
  log.push_back(record);
}

}  // namespace lanrage::bench
