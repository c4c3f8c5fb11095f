#include "sim/control_replica.hpp"

#include <algorithm>

#include "base/overloaded.hpp"
#include "party/digest.hpp"

namespace lanrage::control_sim {

namespace ws = protocol::ws;

crypto::Hash Replica::digest() const {
  return party::digest(ledger_, seq_);
}

Replica::Taken Replica::snapshot(const protocol::Party& party, const std::string& incarnation) {
  incarnation_ = incarnation;
  asked = false;
  const bool longer =
      party.log.size() >= log_.size() && std::equal(log_.begin(), log_.end(), party.log.begin());
  if (!longer) {  // the server forgot something: it was restored
    ledger_ = party::Ledger(party.id);
    log_.clear();
  }
  for (auto n = log_.size(); n < party.log.size(); ++n) {
    if (!ledger_.append_trusted(party.log[n])) return Taken::misfit;
    log_.push_back(party.log[n]);
  }
  seq_ = party.seq;
  peers_.clear();
  for (const auto& peer : party.peers)
    peers_[peer.peer_id] = peer;
  return digest() == party.digest ? Taken::applied : Taken::misfit;
}

Replica::Taken Replica::append(std::uint64_t seq, const std::vector<Bytes>& records) {
  if (seq <= seq_) return Taken::repeated;
  if (seq != seq_ + 1) return Taken::gap;
  for (const auto& record : records) {
    if (!ledger_.append_trusted(record)) return Taken::misfit;
    log_.push_back(record);
  }
  seq_ = seq;
  return Taken::applied;
}

Replica::Taken Replica::event(const ws::ServerMessage& message) {
  return std::visit(
      Overloaded{
          [&](const ws::PeerJoined& joined) {
            const auto taken = append(joined.seq, joined.records);
            if (taken == Taken::applied) peers_[joined.peer.peer_id] = joined.peer;
            return taken;
          },
          [&](const ws::PeerUpdated& updated) {
            const auto taken = append(updated.seq, updated.records);
            if (taken != Taken::applied) return taken;
            auto& peer = peers_[updated.peer_id];
            if (updated.nick) peer.nick = *updated.nick;
            if (updated.vip) peer.vip = *updated.vip;
            if (updated.nat_type) peer.nat_type = updated.nat_type;
            if (updated.public_endpoint) peer.public_endpoint = updated.public_endpoint;
            return taken;
          },
          [&](const ws::PeerLeft& left) {
            const auto taken = append(left.seq, left.records);
            if (taken == Taken::applied) peers_.erase(left.peer_id);
            return taken;
          },
          [&](const ws::KeyRotated& rotated) {
            const auto taken = append(rotated.seq, rotated.records);
            if (taken == Taken::applied)
              for (const auto& peer : rotated.removed)
                peers_.erase(peer);
            return taken;
          },
          [&](const ws::Kicked& kicked) {
            const auto taken = append(kicked.seq, kicked.records);
            if (taken == Taken::applied) presence(kicked.peer_id, false);
            return taken;
          },
          [&](const ws::PartyClosed& closed) { return append(closed.seq, {}); },
          [&](const ws::InviteAdded& added) { return append(added.seq, added.records); },
          [&](const ws::HostChanged& changed) { return append(changed.seq, changed.records); },
          [&](const ws::CharterChanged& changed) { return append(changed.seq, changed.records); },
          [](const auto&) { return Taken::misfit; },
      },
      message);
}

Replica::Taken Replica::caught_up(std::uint64_t seq, const crypto::Hash& of_server) {
  if (seq < seq_) return Taken::repeated;
  if (seq > seq_) return Taken::gap;
  up_to_date = true;
  return of_server == digest() ? Taken::applied : Taken::misfit;
}

void Replica::presence(const PeerId& peer, bool online) {
  if (const auto known = peers_.find(peer); known != peers_.end()) known->second.online = online;
}

}  // namespace lanrage::control_sim
