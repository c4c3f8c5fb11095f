// Bytes as gossip; and a script of what a member of a party may send to its host, or to another
// member: anything, but no signature of somebody else, nor the root key. Whatever comes, the other
// keeps to its members, or to those of the one history that was signed, the host to the root key
// and the other member to none, and each answers a datagram with a few.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "party/membership.hpp"
#include "party/root_box.hpp"
#include "trust/party_trust.hpp"

namespace {

using namespace lanrage;
using namespace lanrage::trust;

void check(bool ok) {
  if (!ok) std::abort();
}

constexpr UnixTime kStart{std::chrono::milliseconds(1'700'000'000'000)};

party::DeviceKeys make_device(Random& random) {
  return {crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random),
          crypto::ExchangeSecret::generate(random)};
}

struct Fixed {
  SeededRandom random{1};
  party::DeviceKeys host = make_device(random), bob = make_device(random),
                    dan = make_device(random);
  party::NewParty made = party::create_party(random, options(), host, "host", kStart).value();
  std::vector<Bytes> log{made.charter, made.roster, made.statement};
  party::Ledger ledger = party::Ledger::replay(made.id, log).value();
  std::vector<Bytes> longer;  // the same with dan
  std::set<PeerId> few, more;

  Fixed() {
    join(ledger, log, bob);
    longer = log;
    auto with_dan = ledger;
    join(with_dan, longer, dan);
    few = ids(ledger);
    more = ids(with_dan);
  }
  static party::PartyOptions options() {
    party::PartyOptions out;
    out.name = "fuzz";
    return out;
  }
  void join(party::Ledger& to, std::vector<Bytes>& records, const party::DeviceKeys& device) {
    records.push_back(party::build_admission(to, party::invite_keys(made.invite, made.id), device));
    check(to.append(records.back()).has_value());
    const auto vip = to.suggest_vip(device.peer_id()).value();
    records.push_back(party::build_statement(to, device.identity, "guest", vip).value());
    check(to.append(records.back()).has_value());
  }
  static std::set<PeerId> ids(const party::Ledger& of) {
    std::set<PeerId> out;
    for (const auto& [id, member] : of.members())
      out.insert(id);
    return out;
  }
};

// The member that attacks.
class Attacker {
 public:
  Attacker(const Fixed& fixed, bool of_host, ByteReader script)
      : fixed_(fixed),
        script_(script),
        victim_(of_host ? fixed.host : fixed.bob),
        from_((of_host ? fixed.bob : fixed.host).peer_id()),
        trust_(now_,
               {victim_.peer_id(), victim_.box, victim_.wireguard.public_key(),
                of_host ? std::optional(fixed.made.root) : std::nullopt},
               fixed.ledger, fixed.log, KeyRing(fixed.made.id, fixed.made.key), true, random_) {
    judge(trust_.on_handshake(now_, from_));
  }

  void run() {
    for (int step = 0; step < 64 && script_.remaining() > 0; ++step) {
      now_ += std::chrono::milliseconds(script_.u16() % 9'000);
      const auto op = script_.u8();
      if (op % 4 == 0)
        judge(trust_.on_timeout(now_));
      else
        judge(trust_.on_datagram(now_, from_, datagram(op)));
    }
  }

 private:
  Bytes datagram(std::uint8_t op) {
    Bytes out;
    if (op % 4 == 1) {
      const auto raw = script_.take(std::min<std::size_t>(script_.u8(), script_.remaining()));
      return {raw.begin(), raw.end()};
    }
    if (op % 4 == 2) out = (op & 0x40) != 0 ? encode(root()) : encode(state());
    if (op % 4 == 3) out = (op & 0x40) != 0 ? encode(kept()) : encode(part());
    if ((op & 0x80) != 0) out[script_.u16() % out.size()] ^= script_.u8();
    return out;
  }
  StateMessage state() {
    auto head = party::first_head(fixed_.made.id);
    StateMessage out{trust_.keys().newest_id(), trust_.log().head(), {}, {{0, head}}};
    const auto shown = script_.u8() % (fixed_.longer.size() + 1);
    for (std::size_t i = 0; i < shown; ++i) {
      head = party::next_head(head, record(i));
      out.heads.insert(out.heads.begin(), {i + 1, head});
    }
    return out;
  }
  // Well made but for the key in it.
  RootMessage root() {
    const party::RootRoute route{fixed_.made.id, from_, victim_.peer_id(),
                                 fixed_.ledger.charter_hash()};
    return {party::seal_root_key(random_, crypto::SigningKey::generate(random_), route,
                                 victim_.box.public_key())
                .value()};
  }
  RootKeptMessage kept() const { return {fixed_.ledger.charter_hash()}; }
  PartMessage part() {
    const auto index = script_.u8() % fixed_.longer.size();
    auto bytes = record(index);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    if (bytes.size() > kMaxPart) bytes.resize(kMaxPart);
    return {index, size, 0, bytes};
  }
  // Of the longer log; the one that was chosen to be forged is damaged for good.
  Bytes record(std::size_t index) {
    if (!forged_) forged_ = script_.u8();
    auto out = fixed_.longer[index];
    if (*forged_ % 16 == index) out[*forged_ * 7u % out.size()] ^= 1;
    return out;
  }
  void judge(const Effects& effects) {
    check(effects.sends.size() <= RecordFetch::kParts + 2);
    for (const auto& send : effects.sends) {
      check(send.datagram.size() <= kMaxMessage && decode_gossip(send.datagram).has_value());
      check(send.to == from_ || send.to == fixed_.dan.peer_id());  // to one whom it admitted
    }
    const auto members = Fixed::ids(trust_.ledger());
    check(members == fixed_.few || members == fixed_.more);
    check(!effects.removed && trust_.key_is_current() && trust_.confirmed());
    check((trust_.root().held() != nullptr) == (victim_.peer_id() == fixed_.host.peer_id()));
    if (effects.keep) judge(trust_.on_stored(now_));
  }

  const Fixed& fixed_;
  ByteReader script_;
  SeededRandom random_{2};
  Instant now_{};
  const party::DeviceKeys& victim_;
  PeerId from_;
  PartyTrust trust_;
  std::optional<std::uint8_t> forged_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixed fixed;
  const ByteView bytes(data, size);
  if (const auto message = decode_gossip(bytes)) {
    const auto again = encode(*message);
    check(std::ranges::equal(again, bytes));
  }
  Attacker(fixed, true, ByteReader(bytes)).run();
  if (size % 4 == 0) Attacker(fixed, false, ByteReader(bytes)).run();
  return 0;
}
