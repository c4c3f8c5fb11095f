// Devices, and a party that commands go to as a server would take them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "party/apply.hpp"
#include "party/digest.hpp"
#include "party/membership.hpp"
#include "party/new_party.hpp"

namespace lanrage::party {

using namespace std::chrono_literals;

inline const UnixTime kStart{std::chrono::milliseconds(1'700'000'000'000)};

inline DeviceKeys make_device(Random& random) {
  return {crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random),
          crypto::ExchangeSecret::generate(random)};
}

// The code of a refusal, or "ok".
template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().code());
}

// A server's party with its host, and the secrets that a real server would not have.
struct World {
  explicit World(std::uint64_t seed = 1, PartyOptions options = default_options())
      : random(seed),
        host(make_device(random)),
        made(create_party(random, options, host, "Ann", kStart).value()),
        key(made.key),
        party(made.id) {
    const auto outcome = run(command(host, create()));
    EXPECT_EQ(code_of(outcome), "ok");
  }

  static PartyOptions default_options() {
    PartyOptions options;
    options.name = "Friday";
    return options;
  }

  Create create() const { return {made.charter, made.roster, made.statement, made.boxes, {}}; }
  InviteKeys invite() const { return invite_keys(made.invite, made.id); }
  const Ledger& ledger() const { return party.ledger; }

  Command command(const DeviceKeys& actor, Action action) {
    return {actor.peer_id(), "request-" + std::to_string(++requests), std::move(action)};
  }

  // As the server does it: apply, then carry in. (The commit would stand between the two.)
  Result<Outcome> run(const Command& command) {
    auto outcome = apply(party, command, now, limits);
    if (!outcome) return outcome;
    for (const auto& event : outcome->events) {
      auto carried = evolve(party, event, limits);
      EXPECT_EQ(code_of(carried), "ok");
      journal.push_back(event);
    }
    return outcome;
  }

  Bytes statement(const DeviceKeys& device, std::string_view nick, const Ledger& after) const {
    const auto vip = after.suggest_vip(device.peer_id()).value();
    return build_statement(after, device.identity, nick, vip).value();
  }
  Join join_action(const DeviceKeys& device, const InviteKeys& by) const {
    return {build_admission(ledger(), by, device), statement(device, "Bob", ledger()), {}};
  }
  Result<Outcome> join(const DeviceKeys& device, const InviteKeys& by) {
    return run(command(device, join_action(device, by)));
  }
  Result<Outcome> join(const DeviceKeys& device) { return join(device, invite()); }
  Result<Outcome> leave(const DeviceKeys& device) {
    return run(command(device, Depart{build_leave(ledger(), device.identity)}));
  }
  Result<NewInvite> new_invite(const InviteOptions& options = {}) {
    return build_invite(random, ledger(), key, made.root, options, now);
  }
  Result<Rotation> new_rotation(const RotationOptions& options = {}) {
    return build_rotation(random, ledger(), made.root, options, now);
  }
  Result<Outcome> rotate(const DeviceKeys& actor, const Rotation& rotation) {
    auto outcome = run(command(actor, Rotate{rotation.roster, rotation.boxes}));
    if (outcome && !outcome->repeated) key = rotation.key;
    return outcome;
  }
  Result<Outcome> kick(const DeviceKeys& device) {
    return rotate(host, new_rotation({{device.peer_id()}, {}}).value());
  }
  Result<Outcome> change_charter(const CharterChange& change) {
    return run(command(host, ChangeCharter{build_charter(ledger(), made.root, change).value()}));
  }
  Result<Outcome> bar(const DeviceKeys& device) { return run({{}, "", Bar{device.peer_id()}}); }

  SeededRandom random;
  DeviceKeys host;
  NewParty made;
  PartyKey key;  // the present one
  Party party;
  UnixTime now = kStart;
  Limits limits;
  std::vector<Event> journal;
  int requests = 0;
};

}  // namespace lanrage::party
