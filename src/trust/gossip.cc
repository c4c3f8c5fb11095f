#include "trust/gossip.hpp"

#include <algorithm>
#include <ranges>

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
    // What it is being asked for may follow a history that we have left, or have come from others.
    if (peer.fetch && (!log_.has(peer.fetch->after()) || log_.has(peer.fetch->goal())))
      peer.fetch.reset();
    peer.next_state = now;
    peer.repeat = kRepeat;
  }
}

void Gossip::on_parted(Instant now, const PeerId& id, const HeadAt& head) {
  auto& peer = peers_.at(id);
  peer.refused_head = head;
  peer.missed_goal.reset();
  peer.next_fetch = now + kRetry;
}

// The longest history that is both ours and the sender's, as far as its message shows.
HeadAt Gossip::agreed(const StateMessage& state) const {
  const auto found =
      std::ranges::find_if(state.heads, [&](const HeadAt& head) { return log_.has(head); });
  return found == state.heads.end() ? HeadAt{} : *found;
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

StateMessage Gossip::state_for(const Peer& peer, std::uint64_t asked) const {
  StateMessage out;
  out.key = keys_.newest_id();
  if (peer.stated) {
    if (agreed(*peer.stated) != HeadAt{}) out.heard = peer.stated->heads.front();
    out.heard_key = peer.stated->key;
  }
  const auto length = log_.length();
  std::set<std::uint64_t> lengths{length};
  if (asked > 0) lengths.insert(std::min(asked, length));
  if (!peer.stated || peer.stated->heads.front() != log_.head()) {
    lengths.insert(0);
    // Where the other's log ends it can tell by one head whether it is the beginning of ours.
    if (peer.stated) lengths.insert(std::min(peer.stated->heads.front().length, length));
    for (std::uint64_t back = 1; back < length && lengths.size() < kMaxHeads; back *= 2)
      lengths.insert(length - back);
  }
  for (const auto one : std::views::reverse(lengths))
    out.heads.push_back(log_.head_at(one));
  return out;
}

void Gossip::tell(Instant now, const PeerId& id, Peer& peer, Sends& out, std::uint64_t asked) {
  if (held_) return;  // the release makes up for it
  out.push_back({id, encode(state_for(peer, asked))});
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
            const bool done = peer.fetch->state() == RecordFetch::State::done;
            // Else it lied; or went to another history in between, which it has told us.
            const bool moved = peer.stated && peer.stated->heads.front() != peer.fetch->goal();
            peer.next_fetch = done || moved ? now : now + kRetry;
            if (!done) peer.missed_goal = peer.fetch->goal();
            if (done) {
              peer.turn = kTurn;
              news.branch = Branch{peer.fetch->after().length, peer.fetch->take_records(),
                                   peer.fetch->goal()};
            }
            peer.fetch.reset();
          },
          [&](BoxMessage& box) {
            if (box.key == key_id(log_.ledger().roster()) && !keys_.is_current(log_.ledger()))
              news.box = std::move(box.box);
          },
          [&](RootMessage& root) { news.root = std::move(root.box); },
          [&](const RootKeptMessage& kept) { news.root_kept = kept.charter; },
      },
      *message);
  return news;
}

void Gossip::on_state(Instant now, const PeerId& id, Peer& peer, StateMessage state, News& news,
                      Sends& out) {
  peer.stated = std::move(state);
  news.stated = true;
  if (peer.fetch && peer.fetch->is_left(peer.stated->heads)) peer.fetch.reset();
  // It went to another history while it sent parts, and tells that once it is on its disk.
  if (peer.missed_goal && peer.stated->heads.front() != *peer.missed_goal) {
    peer.missed_goal.reset();
    peer.next_fetch = std::min(peer.next_fetch, now);
  }
  const bool same_roster = agreed(*peer.stated).length >= log_.roster_length();
  if (same_roster && keys_.is_current(log_.ledger()) && peer.stated->key != keys_.newest_id() &&
      now >= peer.next_box) {
    peer.next_box = now + kBoxSpacing;
    news.lacks_key = true;
  }
  const bool up_to_date =
      peer.stated->heard == log_.head() && peer.stated->heard_key == keys_.newest_id();
  if (!up_to_date) tell(now, id, peer, out);
  // Told first: the other, whose history may end by what it gets from us, shall see ours as well.
  start_fetches(now, out);
}

void Gossip::start_fetches(Instant now, Sends& out) {
  for (;;) {
    auto next = peers_.end();
    std::size_t going = 0;
    for (auto it = peers_.begin(); it != peers_.end(); ++it) {
      const auto& peer = it->second;
      going += peer.fetch ? 1 : 0;
      const bool waits = !peer.fetch && in_reach(now, peer) && now >= peer.next_fetch;
      if (waits && (next == peers_.end() || peer.next_fetch < next->second.next_fetch) &&
          wants(peer))
        next = it;
    }
    if (next == peers_.end() || (going >= kMaxFetches && !make_room(now))) return;
    auto& [id, peer] = *next;
    peer.fetch.emplace(now, agreed(*peer.stated), peer.stated->heads.front());
    out.push_back({id, encode(peer.fetch->want())});
  }
}

bool Gossip::make_room(Instant now) {
  const auto overdue = std::ranges::find_if(peers_, [now](const auto& entry) {
    const auto& peer = entry.second;
    return peer.fetch && now >= peer.fetch->started() + peer.turn;
  });
  if (overdue == peers_.end()) return false;
  auto& peer = overdue->second;
  peer.fetch.reset();
  peer.next_fetch = now + kRetry;
  peer.turn = std::min(peer.turn * 2, kLongestTurn);
  return true;
}

// Whoever waits gets a turn then; null: now.
std::optional<Instant> Gossip::room_from() const {
  std::optional<Instant> out;
  std::size_t going = 0;
  for (const auto& [id, peer] : peers_) {
    if (!peer.fetch) continue;
    ++going;
    const auto turn_ends = peer.fetch->started() + peer.turn;
    out = std::min(out.value_or(turn_ends), turn_ends);
  }
  return going < kMaxFetches ? std::nullopt : out;
}

void Gossip::answer(Instant now, const PeerId& id, Peer& peer, const WantMessage& want,
                    Sends& out) {
  if (now < peer.next_answer) return;
  peer.next_answer = now + kWantSpacing;
  // Our history is another by now: the state shows that.
  if (!log_.has(want.after)) return tell(now, id, peer, out, want.after.length);
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

void Gossip::fetch_timeout(Instant now, const PeerId& id, Peer& peer, Sends& out) {
  if (!peer.fetch) return;
  if (peer.fetch->on_timeout(now)) out.push_back({id, encode(peer.fetch->want())});
  if (peer.fetch->state() != RecordFetch::State::failed) return;
  peer.fetch.reset();
  peer.next_fetch = now + kRetry;
}

void Gossip::on_timeout(Instant now, Sends& out) {
  for (auto& [id, peer] : peers_) {
    fetch_timeout(now, id, peer, out);
    if (in_reach(now, peer) && !settled(peer) && now >= peer.next_state) tell(now, id, peer, out);
  }
  start_fetches(now, out);
}

std::optional<Instant> Gossip::next_timeout(Instant now) const {
  std::optional<Instant> out;
  const auto at = [&out](Instant when) { out = std::min(out.value_or(when), when); };
  const auto room = room_from();
  for (const auto& [id, peer] : peers_) {
    if (peer.fetch) at(peer.fetch->next_timeout());
    if (!peer.fetch && in_reach(now, peer) && wants(peer))
      at(std::max(peer.next_fetch, room.value_or(peer.next_fetch)));
    if (!held_ && in_reach(now, peer) && !settled(peer)) at(peer.next_state);
  }
  return out;
}

}  // namespace lanrage::trust
