// World: how it ends. Nothing goes wrong any more, everybody comes back, and then all must agree.
#include <algorithm>

#include "sim/control_device.hpp"

namespace lanrage::control_sim {

using std::chrono::seconds;

// Empty: everything is done. Else what isn't.
std::string World::unrest() const {
  if (!tasks_.empty()) return "the store has work";
  if (!exchanges_.empty()) return "a request isn't answered: " + exchanges_[0]->request.target;
  for (const auto& device : devices_) {
    if (away_.contains(device->id())) continue;
    if (!device->connection()) return device->name() + " isn't connected";
    if (const auto busy = device->busy(); !busy.empty()) return device->name() + " " + busy;
  }
  for (const auto& connection : connections_)
    if (connection->device_open && (!connection->up.empty() || connection->socket->can_take()))
      return connection->device->name() + " hasn't read or said everything";
  return {};
}

void World::come_together() {
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds && !complaints_.first(); ++round) {
    for (auto& device : devices_)
      if (!away_.contains(device->id())) device->poll();
    while (!complaints_.first() && pump_one()) {
    }
    advance(seconds(1));
    if (unrest().empty()) return;
  }
  if (!complaints_.first()) complain("no rest: " + unrest());
}

void World::settle() {
  note([] { return std::string("all goes well from here on"); });
  calm_ = true;
  come_together();
  // One goes away without a word; his being away must be known in the end.
  if (chance(2)) {
    auto& device = *devices_[random_.below(devices_.size())];
    if (device.connection()) cut(*device.connection());
    away_.insert(device.id());
    note([&] { return device.name() + " goes away for good"; });
  }
  if (chance(3)) restart(false);
  come_together();
  for (auto& device : devices_) {
    if (away_.contains(device->id())) continue;
    for (const auto& [party, history] : oracle_.histories())
      if (!device->replicas().contains(party)) device->ask_for(party);
  }
  come_together();
  for (int n = 0; n < 24 && !complaints_.first(); ++n) {
    advance(seconds(20));
    for (auto& device : devices_)
      for (const auto& [party, replica] : device->replicas())
        device->heartbeat(party);
    come_together();
  }
  if (complaints_.first()) return;
  for (auto& device : devices_)
    if (!away_.contains(device->id())) check_device(*device);
  oracle_.check_tables(storage_->tables);
  if (!chaos_.liars && restores_ == 0 && oracle_.reborn().empty() && divergences() > 0)
    complain("the server found divergence among honest devices");
}

void World::check_device(Device& device) {
  if (!device.connection()) return complain(device.name() + " isn't connected in the end");
  for (const auto& [party, history] : oracle_.histories()) {
    const bool served = history.serves(device.id());
    if (served != device.replicas().contains(party))
      return complain(device.name() + (served ? " doesn't know that it is in a party"
                                              : " still believes to be in a party"));
    if (served) check_replica(device, party);
  }
}

void World::check_replica(const Device& device, const PartyId& party) {
  const auto& history = *oracle_.find(party);
  const auto& replica = device.replicas().at(party);
  const auto differs = [&](const std::string& what) {
    complain(device.name() + " in " + party.to_string().substr(0, 6) + ": " + what);
  };
  if (!replica.up_to_date) return differs("isn't caught up in the end");
  if (replica.seq() != history.entries.size())
    return differs("is at " + std::to_string(replica.seq()) + ", the party at " +
                   std::to_string(history.entries.size()));
  if (replica.digest() != history.entries.back().digest) return differs("has another digest");
  if (replica.peers().size() != history.members.size()) return differs("another number of peers");
  for (const auto& [id, peer] : replica.peers()) {
    const auto* member = history.state.ledger.member(id);
    if (!member || member->nick != peer.nick || member->vip != peer.vip)
      return differs("a peer's nick or address");
    const auto& hints = history.state.peers.at(id).hints;
    const auto nat = hints.nat_type ? protocol::nat_type_from(*hints.nat_type) : std::nullopt;
    if (nat != peer.nat_type || hints.public_endpoint != peer.public_endpoint)
      return differs("a peer's hints");
    const bool connected = std::ranges::any_of(devices_, [&](const auto& other) {
      return other->id() == id && !away_.contains(id) && history.serves(id);
    });
    if (id != device.id() && peer.online != connected)
      return differs("believes " + peer.nick + (peer.online ? " online" : " offline"));
  }
}

}  // namespace lanrage::control_sim
