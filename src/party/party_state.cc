#include "party/party_state.hpp"

#include <string>

namespace lanrage::party {

const RequestLog::Answer* RequestLog::find(const PeerId& peer, const std::string& id) const {
  auto found = answers_.find({peer, id});
  return found == answers_.end() ? nullptr : &found->second;
}

void RequestLog::add(const Request& request, std::uint64_t seq, UnixTime at) {
  Key key{request.peer, request.id};
  answers_[key] = Answer{request.fingerprint, seq, at};
  oldest_first_.push_back({std::move(key), seq});
}

void RequestLog::prune(UnixTime now, const Limits& limits) {
  while (!oldest_first_.empty()) {
    const auto& [key, seq] = oldest_first_.front();
    auto answer = answers_.find(key);
    // An id used again after its time has a younger entry further back.
    const bool superseded = answer == answers_.end() || answer->second.seq != seq;
    const bool outdated = !superseded && now - answer->second.at >= limits.request_lifetime;
    if (!superseded && !outdated && answers_.size() <= limits.requests) return;
    if (!superseded) answers_.erase(answer);
    oldest_first_.pop_front();
  }
}

const Bytes* Party::box_for(const crypto::ExchangeKey& recipient) const {
  auto found = boxes.find(recipient);
  return found == boxes.end() ? nullptr : &found->second;
}

Result<void> evolve(Party& party, const Event& event, const Limits& limits) {
  if (event.seq != party.seq + 1 || party.closed ||
      (event.seq == 1) != (event.type == EventType::created))
    return fail(Errc::out_of_order,
                "event " + std::to_string(event.seq) + " (" + std::string(name_of(event.type)) +
                    ") can't follow event " + std::to_string(party.seq) + " of party " +
                    party.id().to_string(),
                "event.seq");
  if (event.type == EventType::peer_left)
    if (const auto* leaver = party.ledger.member(event.subject)) party.boxes.erase(leaver->box);
  for (const auto& record : event.records) {
    if (auto effect = party.ledger.append_trusted(record); !effect)
      return std::unexpected(effect.error());
    party.log.push_back(record);
  }
  const bool arrives = event.type == EventType::created || event.type == EventType::peer_joined;
  if (arrives && party.ledger.member(event.subject) == nullptr)
    return fail(Errc::not_member, "a peer joined without the records that admit it",
                "event.records");
  for (const auto& box : event.boxes)
    party.boxes[box.recipient] = box.box;
  switch (event.type) {
    case EventType::created:
      party.created_at = event.at;
      [[fallthrough]];
    case EventType::peer_joined:
      party.peers[event.subject] = PeerInfo{event.seq, event.at, event.hints};
      break;
    case EventType::peer_updated: {
      auto peer = party.peers.find(event.subject);
      if (peer == party.peers.end())
        return fail(Errc::not_member, "an event updates a peer that isn't a member", "event.peer");
      auto& hints = peer->second.hints;
      if (event.hints.nat_type) hints.nat_type = event.hints.nat_type;
      if (event.hints.public_endpoint) hints.public_endpoint = event.hints.public_endpoint;
      break;
    }
    case EventType::peer_left:
      party.peers.erase(event.subject);
      break;
    case EventType::invite_added:
      break;
    case EventType::party_closed:
      party.closed = event.close_reason.value_or(CloseReason::expired);
      break;
  }
  party.seq = event.seq;
  if (event.request) party.requests.add(*event.request, event.seq, event.at);
  party.requests.prune(event.at, limits);
  return {};
}

}  // namespace lanrage::party
