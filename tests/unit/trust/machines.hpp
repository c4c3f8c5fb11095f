// PartyTrusts wired to each other by tunnels that always shake hands, to what their server tells,
// and each to a disk.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>

#include "trust/party_trust.hpp"
#include "unit/trust/fixture.hpp"

namespace lanrage::trust {

struct Machine {
  using Root = std::optional<crypto::SigningKey>;
  // What outlives a device that stops.
  struct Disk {
    party::Ledger ledger;
    std::vector<Bytes> log;
    party::PartyKey key;
    std::vector<party::PartyKey> older;
    Root root;
  };

  Machine(Instant now, const party::DeviceKeys& device, Disk kept, Random& random, bool fresh)
      : keys(device),
        disk(kept),
        trust(now,
              {device.peer_id(), device.box, device.wireguard.public_key(), std::move(kept.root)},
              std::move(kept.ledger), std::move(kept.log),
              KeyRing(disk.ledger.party_id(), kept.key, kept.older), fresh, random) {}

  void store() {
    const auto* root = trust.root().held();
    disk = {trust.ledger(), trust.log().records(), trust.keys().newest(), trust.keys().older(),
            root == nullptr ? Root() : Root(*root)};
    write_due.reset();
  }
  PeerId id() const { return keys.peer_id(); }
  bool raised(Topic topic, const PeerId& member = {}) const { return last(topic, member) > 0; }
  bool healed(Topic topic, const PeerId& member = {}) const { return last(topic, member) < 0; }
  std::size_t count(Topic topic) const {
    return static_cast<std::size_t>(std::ranges::count(findings, topic, &Finding::topic));
  }
  const Access* access(const PeerId& peer) {
    rows = trust.access();
    const auto found = std::ranges::find(rows, peer, &Access::peer);
    return found == rows.end() ? nullptr : &*found;
  }

  party::DeviceKeys keys;
  Disk disk;
  std::optional<Instant> write_due;
  PartyTrust trust;
  std::vector<Finding> findings;
  std::vector<Access> rows;
  bool removed = false;
  int snapshots_wanted = 0;

 private:
  int last(Topic topic, const PeerId& member) const {
    int out = 0;
    for (const auto& finding : findings)
      if (finding.topic == topic && finding.member == member) out = finding.raised ? 1 : -1;
    return out;
  }
};

class MachinesTest : public testing::Test {
 protected:
  Machine& add(const party::DeviceKeys& device, const History& history, const party::PartyKey& key,
               bool fresh = true, Machine::Root root = {}) {
    Machine::Disk disk{history.ledger, history.log, key, {}, std::move(root)};
    machines_.push_back(std::make_unique<Machine>(now_, device, std::move(disk), random_, fresh));
    auto& machine = *machines_.back();
    if (fresh) snapshot(machine, history);
    return machine;
  }
  // It stops at once, and starts again on what is on its disk.
  Machine& restart(Machine& machine) {
    const auto found = std::ranges::find(machines_, &machine, &std::unique_ptr<Machine>::get);
    *found = std::make_unique<Machine>(now_, machine.keys, machine.disk, random_, false);
    return **found;
  }
  // What a call returned: messages go on their way.
  void take(Machine& machine, Effects effects) {
    machine.findings.insert(machine.findings.end(), effects.findings.begin(),
                            effects.findings.end());
    machine.removed |= effects.removed;
    machine.snapshots_wanted += effects.want_snapshot ? 1 : 0;
    if (effects.keep && !machine.write_due) machine.write_due = now_ + disk_time_;
    if (machine.write_due == now_) write(machine);
    for (auto& send : effects.sends)
      in_flight_.push_back({machine.id(), send.to, std::move(send.datagram)});
  }
  void write(Machine& machine) {
    machine.store();
    take(machine, machine.trust.on_stored(now_));
  }
  void event(Machine& machine, const std::vector<Bytes>& records,
             const std::optional<Bytes>& box = std::nullopt) {
    take(machine, machine.trust.on_event(now_, machine.trust.log().seq() + 1, records, box));
  }
  void snapshot(Machine& machine, const History& history, const std::optional<Bytes>& box = {}) {
    take(machine, machine.trust.on_snapshot(now_, history.log, history.log.size(), "first", box));
  }
  void shake_hands(Machine& a, Machine& b) {
    take(a, a.trust.on_handshake(now_, b.id()));
    take(b, b.trust.on_handshake(now_, a.id()));
  }
  // Delivers, with 10 ms on the way, and lets timeouts come.
  void run_for(Duration time) {
    for (const auto end = now_ + time; now_ < end;) {
      now_ += std::chrono::milliseconds(10);
      for (auto count = in_flight_.size(); count > 0; --count) {
        auto flying = std::move(in_flight_.front());
        in_flight_.pop_front();
        ++delivered_;
        for (auto& machine : machines_)
          if (machine->id() == flying.to && !(lose && lose(flying.datagram)))
            take(*machine, machine->trust.on_datagram(now_, flying.from, flying.datagram));
      }
      for (auto& machine : machines_)
        if (machine->write_due && *machine->write_due <= now_) write(*machine);
      for (auto& machine : machines_)
        if (const auto due = machine->trust.next_timeout(now_); due && *due <= now_)
          take(*machine, machine->trust.on_timeout(now_));
    }
  }

  struct Flying {
    PeerId from, to;
    Bytes datagram;
  };
  SeededRandom random_{21};
  Instant now_ = at(1'000'000);
  std::vector<std::unique_ptr<Machine>> machines_;
  std::deque<Flying> in_flight_;
  std::function<bool(const Bytes&)> lose;
  std::size_t delivered_ = 0;
  Duration disk_time_{};  // from a change to its being on disk
};

}  // namespace lanrage::trust
