#include "agent/server_claims.hpp"

#include <algorithm>

namespace lanrage::agent {
namespace {

// Who hasn't stated a nick yet has an id only. Never a text of the server's: it could hold
// anything.
std::string called(const party::Member& member) {
  return member.nick.empty() ? member.id.to_string() : "\"" + member.nick + "\"";
}

}  // namespace

std::optional<std::string> false_peer(const party::Ledger& ledger, const protocol::Peer& shown) {
  const auto* member = ledger.member(shown.peer_id);
  if (member == nullptr)
    return "the server shows a peer (" + shown.peer_id.to_string() +
           ") whom nobody in the party let in: it gets no tunnel";
  const bool same = shown.identity == member->identity &&
                    shown.wireguard_key == member->wireguard && shown.box_key == member->box &&
                    shown.vip == member->vip && shown.nick == member->nick;
  if (same) return std::nullopt;
  return "the server shows " + called(*member) +
         " with another key, address or name than was signed: what was signed stays in force";
}

std::optional<std::string> unsigned_removal(const party::Ledger& ledger, const PeerId& gone) {
  const auto* member = ledger.member(gone);
  if (member == nullptr) return std::nullopt;
  return "the server says that " + called(*member) +
         " is out of the party, but nobody who may has signed that: the tunnel stays";
}

std::optional<std::string> false_host(const party::Ledger& ledger, const PeerId& shown) {
  if (ledger.host_id() == shown) return std::nullopt;
  return "the server names another host of the party than its charter: the charter stays in force";
}

FalseClaims false_claims(const party::Ledger& ledger, const protocol::Party& shown) {
  FalseClaims out;
  for (const auto& peer : shown.peers)
    if (!out.peer) out.peer = false_peer(ledger, peer);
  for (const auto& [id, member] : ledger.members()) {
    const bool there =
        std::ranges::find(shown.peers, id, &protocol::Peer::peer_id) != shown.peers.end();
    if (!there && !out.removal) out.removal = unsigned_removal(ledger, id);
  }
  out.charter = false_host(ledger, shown.host_id);
  if (shown.prefix != ledger.charter().prefix || shown.name != ledger.charter().name)
    out.charter =
        "the server shows another address range or name of the party than its charter: the charter "
        "stays in force";
  return out;
}

}  // namespace lanrage::agent
