// What the server's word and the party's signed log do to a session: who is connected, and by which
// party key.
#include <algorithm>

#include "agent/party_session.hpp"

namespace lanrage::agent {

namespace ws = protocol::ws;

void PartySession::on_snapshot(const protocol::Party& party, const std::string& incarnation) {
  on_merged(log_.merge(party.log, party.seq, incarnation));
  for (const auto& peer : party.peers)
    on_presence(peer.peer_id, peer.online);
}

void PartySession::on_presence(const PeerId& peer, bool online) {
  if (ledger().member(peer) != nullptr) online_[peer] = online;
}

// Only the members' records end a party for us. The server's word alone must not take the tunnels
// or the keys: it may end its own service, and the player leaves when he likes.
void PartySession::on_closed(const ws::PartyClosed& closed) {
  if (ledger().closed()) return end(Ended::party_closed, closed.reason);
  context_.log.warning(
      "server_closed_party",
      {{"party", saved_.id.to_string()},
       {"reason", closed.reason},
       {"detail", "no member signed that: tunnels stay; `lanrage leave` ends them"}});
}

void PartySession::on_kicked(const ws::Kicked& kicked) {
  on_merged(kicked.log ? log_.merge(*kicked.log, kicked.seq, log_.incarnation())
                       : log_.append(kicked.seq, kicked.records));
  const auto self = context_.keys.peer_id();
  if (kicked.peer_id != self || ledger().member(self) == nullptr) return;
  context_.log.warning(
      "server_ended_service",
      {{"party", saved_.id.to_string()},
       {"reason", kicked.reason},
       {"detail", "no member signed that: tunnels stay; `lanrage leave` ends them"}});
}

bool PartySession::follow_key(const std::optional<Bytes>& box) {
  if (ledger().member(context_.keys.peer_id()) == nullptr) return true;  // not for us any more
  const auto followed = key_.follow(ledger(), context_.keys.box, box);
  const auto epoch = std::to_string(ledger().key_epoch());
  switch (followed.outcome) {
    case HeldKey::Outcome::current:
      return true;
    case HeldKey::Outcome::taken:
      saved_.party_key = key_.key().key();
      saved_.key_epoch = key_.key().epoch();
      context_.log.info("party_key_changed", {{"party", saved_.id.to_string()}, {"epoch", epoch}});
      sync_peers();
      changed();
      return true;
    case HeldKey::Outcome::missing:
      break;
  }
  context_.log.warning("party_key_missing",
                       {{"party", saved_.id.to_string()},
                        {"epoch", epoch},
                        {"detail", followed.why ? followed.why->message()
                                                : "the server had no box for this device"}});
  return false;
}

void PartySession::on_merged(const VerifiedLog::Merge& merge) {
  using enum VerifiedLog::Outcome;
  control_->subscribe(saved_.id, log_.incarnation(), log_.seq());
  const auto id = saved_.id.to_string();
  const auto self = context_.keys.peer_id();
  // What was kept stays as it was: should we stop before the end, the next start learns it again.
  if (std::ranges::count(merge.removed, self) > 0 && ledger().member(self) == nullptr)
    return end(Ended::removed,
               "the host or a deputy removed this device from the party; a new invite is needed to "
               "come back");
  switch (merge.outcome) {
    case adopted:
      sync_peers();
      changed();
      return;
    case known:
      return;
    case gap:
      ask_for_snapshot();
      return;
    case behind:
      context_.log.warning("server_behind", {{"party", id}});
      return;
    case split:
      context_.log.error(
          "split_view", {{"party", id},
                         {"detail", "the server shows another history than before; keeping ours"}});
      return;
    case refused:
      context_.log.error("record_refused", {{"party", id}, {"detail", merge.why->message()}});
      sync_peers();
      changed();
      ask_for_snapshot();
      return;
  }
}

void PartySession::ask_for_snapshot() {
  if (!log_.take_snapshot_wish()) return;
  control_->request_snapshot(saved_.id);
}

void PartySession::sync_peers() {
  const auto self = context_.keys.peer_id();
  const auto keys = member_keys(context_, saved_);
  std::vector<ConnectivityPeer> peers;
  for (const auto& [id, member] : ledger().members()) {
    if (id == self || member.vip.is_unspecified()) continue;  // no address before its statement
    wireguard::PeerConfig config;
    config.public_key = member.wireguard;
    config.preshared_key =
        key_.key().preshared_key(saved_.id, keys.wireguard.public_key(), member.wireguard);
    config.allowed_ips = {Prefix{member.vip, 32}};
    peers.push_back({id, member.identity, member.box, member.vip, std::move(config)});
  }
  connectivity_->set_peers(peers);
}

void PartySession::changed() {
  saved_.log = log_.records();
  if (const auto* self = ledger().member(context_.keys.peer_id())) {
    saved_.nick = self->nick;
    saved_.statement_version = self->statement_version;
  }
  if (callbacks_.on_saved_changed) callbacks_.on_saved_changed();
}

}  // namespace lanrage::agent
