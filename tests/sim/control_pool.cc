#include "sim/control_pool.hpp"

#include "crypto/hash.hpp"

namespace lanrage::control_sim {
namespace {

constexpr std::size_t kDevices = 6;
constexpr std::size_t kPartiesADevice = 2;

PooledDevice make_device(Random& random, std::size_t number) {
  PooledDevice device{
      {crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random),
       crypto::ExchangeSecret::generate(random)},
      {},
      {"first-token-of-device-" + std::to_string(number)},
      {}};
  device.id = device.keys.peer_id();
  device.row.token_hash = crypto::sha256(as_bytes(device.token.text));
  device.row.nonce_hash = random.array<32>();
  device.row.peer = device.id;
  device.row.created_at = kStart;
  device.row.expires_at = kStart + std::chrono::hours(24);
  return device;
}

PooledParty make_party(Random& random, const PooledDevice& host, std::size_t number) {
  party::PartyOptions options;
  options.name = "party " + std::to_string(number);
  options.prefix = *Prefix::parse("10.77.0.0/28");
  options.host_leaves =
      number % 4 == 3 ? party::HostLeaves::closes_party : party::HostLeaves::party_lives_on;
  options.invite.uses = number % 3 == 0 ? 2 : 12;
  options.invite.lifetime = std::chrono::hours(300 * 24);
  auto made = party::create_party(random, options, host.keys, "host", kStart).value();
  auto invite = party::invite_keys(made.invite, made.id);
  return {number % kDevices, std::move(made), std::move(invite)};
}

Pool make_pool() {
  SeededRandom random(20'240'117);
  Pool pool;
  pool.devices.reserve(kDevices);
  for (std::size_t n = 0; n < kDevices; ++n)
    pool.devices.push_back(make_device(random, n));
  pool.parties.reserve(kDevices * kPartiesADevice);
  for (std::size_t n = 0; n < kDevices * kPartiesADevice; ++n)
    pool.parties.push_back(make_party(random, pool.devices[n % kDevices], n));
  return pool;
}

}  // namespace

const Pool& Pool::get() {
  static const Pool kPool = make_pool();
  return kPool;
}

}  // namespace lanrage::control_sim
