#include "sim/trust_pool.hpp"

namespace lanrage::trust_sim {
namespace {

constexpr std::size_t kParties = 4;

void add(party::Ledger& ledger, std::vector<Bytes>& log, const Bytes& record) {
  if (!ledger.append(record)) std::abort();
  log.push_back(record);
}

PooledParty make_party(Random& random, const std::vector<party::DeviceKeys>& devices) {
  party::PartyOptions options;
  options.name = "party";
  options.invite.uses = 500;
  options.invite.lifetime = std::chrono::days(300);
  auto made = party::create_party(random, options, devices[0], "host", kStart).value();
  auto invite = party::invite_keys(made.invite, made.id);
  std::vector<Bytes> log{made.charter, made.roster, made.statement};
  auto ledger = party::Ledger::replay(made.id, log).value();
  std::vector<PooledParty::Size> sizes;
  for (std::size_t n = 1; n < kMost; ++n) {
    add(ledger, log, party::build_admission(ledger, invite, devices[n]));
    const auto vip = ledger.suggest_vip(devices[n].peer_id()).value();
    add(ledger, log, party::build_statement(ledger, devices[n].identity, "guest", vip).value());
    if (n == 2)
      add(ledger, log,
          party::build_charter(ledger, made.root,
                               {std::nullopt, std::set{devices[1].peer_id(), devices[2].peer_id()}})
              .value());
    if (n + 1 >= kFewest) sizes.push_back({log, ledger});
  }
  return {std::move(made), std::move(invite), std::move(sizes)};
}

Pool make_pool() {
  SeededRandom random(20'261'130);
  Pool pool;
  for (std::size_t n = 0; n < kDevices; ++n)
    pool.devices.push_back({crypto::SigningKey::generate(random),
                            crypto::ExchangeSecret::generate(random),
                            crypto::ExchangeSecret::generate(random)});
  for (std::size_t n = 0; n < kParties; ++n)
    pool.parties.push_back(make_party(random, pool.devices));
  return pool;
}

}  // namespace

const Pool& Pool::get() {
  static const Pool kPool = make_pool();
  return kPool;
}

}  // namespace lanrage::trust_sim
