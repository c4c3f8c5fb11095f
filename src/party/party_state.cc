#include "party/party_state.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "party/digest.hpp"

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

bool Party::serves(const PeerId& peer) const {
  return ledger.member(peer) != nullptr && !barred.contains(peer);
}

const JournalEntry* Party::entry(std::uint64_t event) const {
  if (journal.empty() || event < journal.front().seq || event > seq) return nullptr;
  return &journal[event - journal.front().seq];
}

std::span<const Bytes> Party::records_of(const JournalEntry& entry) const {
  return std::span(log).subspan(entry.first_record, entry.records);
}

void Party::renew_digest() {
  digest_ = party::digest(ledger, seq);
}

namespace {

void keep_in_journal(Party& party, const Event& event, const Limits& limits) {
  JournalEntry entry;
  entry.seq = event.seq;
  entry.type = event.type;
  entry.subject = event.subject;
  entry.at = event.at;
  entry.first_record = party.log.size() - event.records.size();
  entry.records = static_cast<std::uint16_t>(event.records.size());
  entry.hints = event.hints;
  entry.removed = event.removed;
  entry.close_reason = event.close_reason;
  entry.digest = party.digest();
  party.journal.push_back(std::move(entry));
  while (party.journal.size() > limits.journal_events)
    party.journal.pop_front();
}

// What the records did must be what the event says, or the store mixed them up.
Result<void> append_records(Party& party, const Event& event) {
  std::vector<PeerId> removed;
  for (const auto& record : event.records) {
    auto effect = party.ledger.append_trusted(record);
    if (!effect) return std::unexpected(effect.error());
    party.log.push_back(record);
    party.log_bytes += record.size();
    std::ranges::move(effect->removed, std::back_inserter(removed));
  }
  if (removed == event.removed) return {};
  return fail(Errc::malformed, "an event names other removed members than its records",
              "event.removed");
}

}  // namespace

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
  if (auto ok = append_records(party, event); !ok) return ok;
  if (event.type == EventType::key_rotated) party.boxes.clear();  // all of the epoch before
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
    case EventType::key_rotated:
      for (const auto& peer : event.removed)
        party.peers.erase(peer);
      break;
    case EventType::peer_barred:
      if (party.ledger.member(event.subject) == nullptr)
        return fail(Errc::not_member, "an event bars a peer that isn't a member", "event.peer");
      party.barred.insert(event.subject);
      break;
    case EventType::invite_added:
    case EventType::charter_changed:
      break;
    case EventType::party_closed:
      party.closed = event.close_reason.value_or(CloseReason::expired);
      break;
  }
  party.seq = event.seq;
  if (event.request) party.requests.add(*event.request, event.seq, event.at);
  party.requests.prune(event.at, limits);
  party.renew_digest();
  keep_in_journal(party, event, limits);
  return {};
}

}  // namespace lanrage::party
