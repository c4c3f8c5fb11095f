// A party's history as its members and server write it, which may be copied and go on in two ways.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "party/membership.hpp"
#include "party/new_party.hpp"

namespace lanrage::trust {

inline const UnixTime kNow{std::chrono::seconds(1'800'000'000)};

inline party::DeviceKeys make_device(Random& random) {
  return {crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random),
          crypto::ExchangeSecret::generate(random)};
}

inline Instant at(std::int64_t milliseconds) {
  return Instant(std::chrono::milliseconds(milliseconds));
}

// Founded by its host.
struct History {
  History(Random& r, const party::DeviceKeys& host)
      : random(&r),
        made(party::create_party(r, options(), host, "host", kNow).value()),
        log{made.charter, made.roster, made.statement},
        ledger(party::Ledger::replay(made.id, log).value()),
        key(made.key) {
    keep(made.boxes);
  }
  static party::PartyOptions options() {
    party::PartyOptions out;
    out.name = "fun";
    return out;
  }

  // Each returns the new records.
  std::vector<Bytes> join(const party::DeviceKeys& device) {
    const auto before = log.size();
    add(party::build_admission(ledger, party::invite_keys(made.invite, made.id), device));
    const auto vip = ledger.suggest_vip(device.peer_id()).value();
    add(party::build_statement(ledger, device.identity, "guest", vip).value());
    return {log.begin() + static_cast<std::ptrdiff_t>(before), log.end()};
  }
  std::vector<Bytes> rotate(const crypto::SigningKey& signer, const std::set<PeerId>& remove = {},
                            const std::set<InviteId>& revoke = {}) {
    auto rotation = party::build_rotation(*random, ledger, signer, {remove, revoke}, kNow).value();
    add(rotation.roster);
    key = rotation.key;
    keep(rotation.boxes);
    return {rotation.roster};
  }
  std::vector<Bytes> kick(const party::DeviceKeys& device) {
    return rotate(made.root, {device.peer_id()});
  }
  InviteId invite() const { return party::invite_keys(made.invite, made.id).id(); }
  std::vector<Bytes> deputies(std::set<PeerId> named) {
    add(party::build_charter(ledger, made.root, {std::nullopt, std::move(named)}).value());
    return {log.back()};
  }
  std::vector<Bytes> host(const party::DeviceKeys& device) {
    add(party::build_charter(ledger, made.root, {device.peer_id(), std::nullopt}).value());
    return {log.back()};
  }
  std::vector<Bytes> state(const party::DeviceKeys& device, std::string_view nick) {
    const auto vip = ledger.member(device.peer_id())->vip;
    add(party::build_statement(ledger, device.identity, nick, vip).value());
    return {log.back()};
  }
  std::vector<Bytes> leave(const party::DeviceKeys& device) {
    add(party::build_leave(ledger, device.identity));
    return {log.back()};
  }
  void add(const Bytes& record) {
    const auto effect = ledger.append(record);
    ASSERT_TRUE(effect) << effect.error().message();
    log.push_back(record);
  }
  Bytes box_for(const party::DeviceKeys& device) const { return boxes.at(device.box.public_key()); }
  std::vector<Bytes> since(std::size_t length) const {
    return {log.begin() + static_cast<std::ptrdiff_t>(length), log.end()};
  }

  Random* random;
  party::NewParty made;
  std::vector<Bytes> log;
  party::Ledger ledger;
  party::PartyKey key;                         // the newest
  std::map<crypto::ExchangeKey, Bytes> boxes;  // with it

 private:
  void keep(const std::vector<party::SealedBox>& sealed) {
    for (const auto& box : sealed)
      boxes[box.recipient] = box.box;
  }
};

}  // namespace lanrage::trust
