#include "trust/gossip.hpp"

#include <algorithm>

#include "base/overloaded.hpp"

namespace lanrage::trust {

void Gossip::set_peers(Instant now, const std::set<PeerId>& peers) {
  std::erase_if(peers_, [&](const auto& entry) { return !peers.contains(entry.first); });
  for (const auto& id : peers)
    peers_.try_emplace(id).first->second.next_state = now;
}

bool Gossip::in_reach(Instant now, const Peer& peer) const {
  return peer.last_contact && now < *peer.last_contact + kReach;
}

bool Gossip::within_reach(Instant now, const PeerId& peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && in_reach(now, found->second);
}

const StateMessage* Gossip::stated(const PeerId& peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second.stated ? &*found->second.stated : nullptr;
}

bool Gossip::has_applied(const PeerId& peer, std::uint64_t length) const {
  const auto* state = stated(peer);
  return state != nullptr && agreed(*state).length >= length;
}

void Gossip::on_handshake(Instant now, const PeerId& id) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  auto& peer = found->second;
  if (!in_reach(now, peer)) peer.stated.reset();  // it may have started anew
  peer.last_contact = now;
  peer.next_state = now;
  peer.repeat = kRepeat;
}

void Gossip::on_change(Instant now) {
  for (auto& [id, peer] : peers_) {
    // What it is being asked for may follow a history that we have left.
    if (peer.fetch && !log_.has(peer.fetch->after())) peer.fetch.reset();
    peer.next_state = now;
    peer.repeat = kRepeat;
  }
}

void Gossip::on_parted(Instant now, const PeerId& id, const HeadAt& head) {
  auto& peer = peers_.at(id);
  peer.refused_head = head;
  peer.next_fetch = now + kRetry;
}

// The longest history that is both ours and the sender's, as far as its message shows.
HeadAt Gossip::agreed(const StateMessage& state) const {
  const auto found =
      std::ranges::find_if(state.heads, [&](const HeadAt& head) { return log_.has(head); });
  return found == state.heads.end() ? HeadAt{} : *found;
}

// Of the same length as ours once, and another head.
bool Gossip::contradicts(const StateMessage& state) const {
  return !log_.has(state.heads.front()) &&
         std::ranges::any_of(state.heads, [&](const HeadAt& head) {
           return head.length <= log_.length() && !log_.has(head);
         });
}

// It has records that we lack, and a history in common by which to ask for them. (A state without
// one was short, from when we agreed: ours, in which it finds no head of its own, makes it tell
// all.)
bool Gossip::wants(const Peer& peer) const {
  if (!peer.stated) return false;
  const auto& theirs = peer.stated->heads.front();
  const auto common = agreed(*peer.stated);
  return common != HeadAt{} && common.length < theirs.length && theirs != peer.refused_head &&
         theirs.length <= party::kMaxLogRecords + party::kLogReserve + party::kMaxMembers;
}

// It knows what we have and which key.
bool Gossip::settled(const Peer& peer) const {
  if (!peer.stated || peer.stated->heard != log_.head()) return false;
  return peer.stated->heard_key == keys_.newest_id() && keys_.is_current(log_.ledger());
}

StateMessage Gossip::state_for(const Peer& peer) const {
  StateMessage out;
  out.key = keys_.newest_id();
  if (peer.stated) {
    if (agreed(*peer.stated) != HeadAt{}) out.heard = peer.stated->heads.front();
    out.heard_key = peer.stated->key;
  }
  const auto length = log_.length();
  out.heads.push_back(log_.head());
  if (peer.stated && peer.stated->heads.front() == log_.head()) return out;
  const auto theirs = peer.stated ? peer.stated->heads.front().length : 0;
  for (std::uint64_t back = 1; back < length && out.heads.size() + 2 < kMaxHeads; back *= 2) {
    // Where the other's log ends it can tell by one head whether it is the beginning of ours.
    if (theirs > length - back && theirs < out.heads.back().length)
      out.heads.push_back(log_.head_at(theirs));
    out.heads.push_back(log_.head_at(length - back));
  }
  if (length > 0) out.heads.push_back(log_.head_at(0));
  return out;
}

void Gossip::tell(Instant now, const PeerId& id, Peer& peer, Sends& out) {
  out.push_back({id, encode(state_for(peer))});
  const auto slowest = keys_.is_current(log_.ledger()) ? kSlowest : kHungry;
  peer.next_state = now + std::min(peer.repeat, slowest);
  peer.repeat = std::min(peer.repeat * 2, kSlowest);
}

Gossip::News Gossip::on_datagram(Instant now, const PeerId& from, ByteView datagram, Sends& out) {
  News news;
  const auto found = peers_.find(from);
  auto message = decode_gossip(datagram);
  if (found == peers_.end() || !message) return news;
  auto& peer = found->second;
  peer.last_contact = now;
  std::visit(
      Overloaded{
          [&](StateMessage& state) { on_state(now, from, peer, std::move(state), news, out); },
          [&](const WantMessage& want) { answer(now, from, peer, want, out); },
          [&](const PartMessage& part) {
            if (!peer.fetch) return;
            if (peer.fetch->on_part(now, part)) out.push_back({from, encode(peer.fetch->want())});
            if (peer.fetch->state() == RecordFetch::State::going) return;
            if (peer.fetch->state() == RecordFetch::State::done)
              news.branch = Branch{peer.fetch->after().length, peer.fetch->take_records(),
                                   peer.fetch->goal()};
            else
              peer.next_fetch = now + kRetry;
            peer.fetch.reset();
          },
          [&](BoxMessage& box) {
            if (box.key == key_id(log_.ledger().roster()) && !keys_.is_current(log_.ledger()))
              news.box = std::move(box.box);
          },
      },
      *message);
  return news;
}

void Gossip::on_state(Instant now, const PeerId& id, Peer& peer, StateMessage state, News& news,
                      Sends& out) {
  peer.stated = std::move(state);
  news.stated = true;
  news.split = contradicts(*peer.stated);
  fetch(now, id, peer, out);
  const bool same_roster = agreed(*peer.stated).length >= log_.roster_length();
  if (same_roster && keys_.is_current(log_.ledger()) && peer.stated->key != keys_.newest_id() &&
      now >= peer.next_box) {
    peer.next_box = now + kBoxSpacing;
    news.lacks_key = true;
  }
  const bool up_to_date =
      peer.stated->heard == log_.head() && peer.stated->heard_key == keys_.newest_id();
  if (!up_to_date) tell(now, id, peer, out);
}

void Gossip::fetch(Instant now, const PeerId& id, Peer& peer, Sends& out) {
  if (peer.fetch || now < peer.next_fetch || !wants(peer)) return;
  peer.fetch.emplace(now, agreed(*peer.stated), peer.stated->heads.front());
  out.push_back({id, encode(peer.fetch->want())});
}

void Gossip::answer(Instant now, const PeerId& id, Peer& peer, const WantMessage& want,
                    Sends& out) {
  if (now < peer.next_answer) return;
  peer.next_answer = now + kWantSpacing;
  if (!log_.has(want.after)) return tell(now, id, peer, out);  // our history is another by now
  const auto& records = log_.records();
  std::size_t offset = want.offset;
  int left = RecordFetch::kParts;
  for (auto index = want.after.length; index < records.size(); ++index) {
    const ByteView record = records[index];
    for (; offset < record.size(); offset += kMaxPart) {
      if (left-- == 0) return;
      const auto bytes = record.subspan(offset, std::min(kMaxPart, record.size() - offset));
      out.push_back({id, encode(PartMessage{index,
                                            static_cast<std::uint32_t>(record.size()),
                                            static_cast<std::uint32_t>(offset),
                                            {bytes.begin(), bytes.end()}})});
    }
    offset = 0;
  }
}

void Gossip::on_timeout(Instant now, Sends& out) {
  for (auto& [id, peer] : peers_) {
    if (peer.fetch) {
      if (peer.fetch->on_timeout(now)) out.push_back({id, encode(peer.fetch->want())});
      if (peer.fetch->state() == RecordFetch::State::failed) {
        peer.fetch.reset();
        peer.next_fetch = now + kRetry;
      }
    }
    if (in_reach(now, peer)) fetch(now, id, peer, out);
    if (in_reach(now, peer) && !settled(peer) && now >= peer.next_state) tell(now, id, peer, out);
  }
}

std::optional<Instant> Gossip::next_timeout(Instant now) const {
  std::optional<Instant> out;
  const auto at = [&out](Instant when) { out = std::min(out.value_or(when), when); };
  for (const auto& [id, peer] : peers_) {
    if (peer.fetch) at(peer.fetch->next_timeout());
    if (!peer.fetch && in_reach(now, peer) && wants(peer)) at(peer.next_fetch);
    if (in_reach(now, peer) && !settled(peer)) at(peer.next_state);
  }
  return out;
}

}  // namespace lanrage::trust
