#include "sim/control_oracle.hpp"

#include <algorithm>

#include "base/overloaded.hpp"

namespace lanrage::control_sim {

namespace ws = protocol::ws;
using party::EventType;

namespace {

// Answers are remembered for 24 hours of the wall clock, which may have jumped there and back: what
// counts is the date of any event since.
bool may_be_forgotten(const Oracle::History& history, UnixTime answered, UnixTime now) {
  const auto long_from = [&](UnixTime time) {
    return std::chrono::abs(time - answered) > std::chrono::hours(18);
  };
  return long_from(now) || std::ranges::any_of(history.entries, [&](const auto& entry) {
           return long_from(entry.event.at);
         });
}

}  // namespace

void Oracle::complain(const PartyId& party, const std::string& what) const {
  complaints_->add("party " + party.to_string().substr(0, 6) + ": " + what);
}

const Oracle::History* Oracle::find(const PartyId& party) const {
  const auto found = histories_.find(party);
  return found == histories_.end() ? nullptr : &found->second;
}

bool Oracle::serves(const PartyId& party, const PeerId& peer) const {
  const auto* history = find(party);
  return history && history->serves(peer);
}

// ---- what the store holds

void Oracle::observe(const store::MemoryTables& tables) {
  for (const auto& [text, stored] : tables.parties) {
    const PartyId& id = stored.row.id;
    auto found = histories_.find(id);
    const bool fresh = found == histories_.end();
    if (fresh) found = histories_.emplace(id, History{party::Party(id), {}, {}}).first;
    History& history = found->second;
    if (fresh || history.closed) begin(history);
    if (stored.seq < history.entries.size()) complain(id, "the store lost events");
    if (stored.seq <= history.entries.size()) continue;
    for (const auto& row : stored.events)
      if (row.seq > history.entries.size()) take(history, row);
    if (history.entries.size() != stored.seq) complain(id, "the store's events have a gap");
    check_rules(history);
  }
  if (open_ == tables.parties.size()) return;
  for (auto& [id, history] : histories_)
    if (!history.closed && !tables.parties.contains(id.to_string())) {
      history.closed = true;
      --open_;
    }
}

// A closed party may be created again by whoever has its root key, and knows nothing of before.
void Oracle::begin(History& history) {
  const PartyId id = history.state.id();
  if (history.closed) {
    reborn_.insert(id);
    std::erase_if(acknowledgements_,
                  [&](const auto& entry) { return requests_.at(entry.first).party == id; });
  }
  history = History{party::Party(id), {}, {}};
  ++open_;
}

void Oracle::take(History& history, const store::EventRow& row) {
  auto event = party::decode_event(row.body);
  if (!event) return complain(history.state.id(), "an event can't be read");
  if (auto taken = party::evolve(history.state, *event, limits_); !taken)
    return complain(history.state.id(), "a stored event doesn't fit: " + taken.error().message());
  switch (event->type) {
    case EventType::created:
    case EventType::peer_joined:
      if (!history.members.insert(event->subject).second)
        complain(history.state.id(), "somebody joined twice");
      break;
    case EventType::peer_left:
      history.members.erase(event->subject);
      break;
    case EventType::key_rotated:
      for (const auto& peer : event->removed)
        history.members.erase(peer);
      break;
    default:
      break;
  }
  Entry entry{std::move(*event), history.members, history.state.digest()};
  for (const auto& peer : history.state.barred)
    entry.served.erase(peer);
  history.entries.push_back(std::move(entry));
}

void Oracle::check_rules(const History& history) const {
  const auto& ledger = history.state.ledger;
  const PartyId& id = ledger.party_id();
  std::set<IpAddress> vips;
  for (const auto& [peer, member] : ledger.members()) {
    if (!vips.insert(member.vip).second) complain(id, "two members have one address");
    if (!history.members.contains(peer)) complain(id, "a member that nobody let in, or back in");
  }
  if (ledger.members().size() != history.members.size()) complain(id, "a member is missing");
  for (const auto& [invite, state] : ledger.invites())
    if (state.used() > state.terms.uses) complain(id, "an invite was used too often");
}

void Oracle::check_tables(const store::MemoryTables& tables) const {
  for (const auto& [text, stored] : tables.parties) {
    const auto* history = find(stored.row.id);
    if (!history || history->closed) {
      complain(stored.row.id, "a party came from nowhere");
      continue;
    }
    const auto& members = history->state.ledger.members();
    if (stored.peers.size() != members.size()) complain(stored.row.id, "table of peers: number");
    if (stored.row.host != history->state.ledger.host_id())
      complain(stored.row.id, "table of parties: host");
    for (const auto& [peer_text, row] : stored.peers) {
      const auto member = members.find(row.id);
      if (member == members.end()) {
        complain(stored.row.id, "table of peers: one who isn't a member");
        continue;
      }
      const auto& hints = history->state.peers.at(row.id).hints;
      const auto endpoint = hints.public_endpoint ? hints.public_endpoint->to_string() : "";
      if (row.vip != member->second.vip || row.nick != member->second.nick ||
          row.nat_type != hints.nat_type.value_or("") || row.public_endpoint != endpoint)
        complain(stored.row.id, "table of peers: " + row.nick + " differs from its events");
    }
  }
}

void Oracle::go_back(const Oracle& past) {
  histories_ = past.histories_;
  open_ = past.open_;
  acknowledgements_ = past.acknowledgements_;
}

// ---- what the server says

const Oracle::History* Oracle::served_now(const PeerId& to, const PartyId& party,
                                          const char* what) const {
  const auto* history = find(party);
  if (history && history->serves(to)) return history;
  complain(party, std::string(what) + " sent to a peer that isn't served");
  return nullptr;
}

void Oracle::check_event(const PeerId& to, const PartyId& party, std::uint64_t seq, EventType type,
                         const std::vector<Bytes>* records) const {
  const auto* history = find(party);
  if (!history) return complain(party, "an event of a party that doesn't exist");
  const auto name = std::string(party::name_of(type)) + " " + std::to_string(seq);
  const auto* entry = history->entry(seq);
  if (!entry) {
    // The event that ends a party, and a leave right before it, aren't kept.
    const bool last = history->closed && seq <= history->entries.size() + 2 &&
                      (type == EventType::party_closed || type == EventType::peer_left);
    if (!last) return complain(party, name + " was told before it was stored");
    if (history->entries.empty() || !history->entries.back().served.contains(to))
      complain(party, name + " of a closed party sent to a peer that wasn't served");
    return;
  }
  if (entry->event.type != type) return complain(party, name + " is another event in the store");
  if (records && *records != entry->event.records) complain(party, name + " with other records");
  if (history->serves(to)) return;
  const auto* before = history->entry(seq - 1);
  const bool farewell = before && before->served.contains(to) && !entry->served.contains(to);
  if (!farewell) complain(party, name + " sent to a peer that isn't served");
}

void Oracle::check_snapshot(const PeerId& to, const ws::PartyUpdate& update,
                            const std::string& incarnation) const {
  const PartyId& id = update.party.id;
  const auto* history = served_now(to, id, "a snapshot");
  if (!history) return;
  if (update.incarnation != incarnation) complain(id, "a snapshot of another incarnation");
  if (update.party.seq != history->entries.size())
    complain(id, "a snapshot at " + std::to_string(update.party.seq) + " while the store has " +
                     std::to_string(history->entries.size()));
  const auto* member = history->state.ledger.member(to);
  const auto* box = member ? history->state.box_for(member->box) : nullptr;
  if (update.box != (box ? std::optional(*box) : std::nullopt))
    complain(id, "a snapshot with another box");
  check_shown(to, update.party);
}

void Oracle::check_shown(const PeerId& to, const protocol::Party& shown) const {
  const auto* history = find(shown.id);
  const auto* entry = history ? history->entry(shown.seq) : nullptr;
  if (!entry) {
    if (!history || !history->closed) complain(shown.id, "shown at a seq that the store never had");
    return;
  }
  if (!entry->served.contains(to)) complain(shown.id, "shown to a peer that wasn't served");
  if (shown.digest != entry->digest) complain(shown.id, "shown with another digest");
  if (shown.seq != history->entries.size()) return;
  const auto& state = history->state;
  if (shown.log_from == 0 && shown.log != state.log) complain(shown.id, "shown with another log");
  if (shown.peers.size() != state.ledger.members().size())
    complain(shown.id, "shown with another number of peers");
  for (const auto& peer : shown.peers) {
    const auto* member = state.ledger.member(peer.peer_id);
    if (!member || member->vip != peer.vip || member->nick != peer.nick)
      complain(shown.id, "shown with a peer that isn't like that");
  }
}

void Oracle::check_sent(const PeerId& to, const ws::ServerMessage& message,
                        const std::string& incarnation) const {
  using enum EventType;
  const auto event = [&](const auto& sent, EventType type) {
    check_event(to, sent.party_id, sent.seq, type, &sent.records);
  };
  std::visit(
      Overloaded{
          [&](const ws::PartyUpdate& sent) { check_snapshot(to, sent, incarnation); },
          [&](const ws::CaughtUp& sent) {
            const auto* history = served_now(to, sent.party_id, "caught_up");
            if (history && (sent.seq != history->entries.size() ||
                            sent.digest != history->entries.back().digest))
              complain(sent.party_id, "caught_up at what isn't the party's newest state");
          },
          [&](const ws::PeerJoined& sent) { event(sent, peer_joined); },
          [&](const ws::PeerUpdated& sent) { event(sent, peer_updated); },
          [&](const ws::PeerLeft& sent) {
            check_event(to, sent.party_id, sent.seq, peer_left, nullptr);
          },
          [&](const ws::InviteAdded& sent) { event(sent, invite_added); },
          [&](const ws::HostChanged& sent) { event(sent, charter_changed); },
          [&](const ws::CharterChanged& sent) { event(sent, charter_changed); },
          [&](const ws::KeyRotated& sent) {
            event(sent, key_rotated);
            const auto* history = served_now(to, sent.party_id, "a new key");
            if (!history) return;
            const auto& ledger = history->state.ledger;
            const auto* box = sent.key_epoch == ledger.key_epoch()
                                  ? history->state.box_for(ledger.member(to)->box)
                                  : nullptr;
            if (sent.box != (box ? std::optional(*box) : std::nullopt))
              complain(sent.party_id, "a new key in another box");
          },
          [&](const ws::Kicked& sent) {
            const bool barred = sent.reason == "barred";
            check_event(to, sent.party_id, sent.seq, barred ? peer_barred : key_rotated,
                        &sent.records);
            const auto* history = find(sent.party_id);
            const auto* entry = history ? history->entry(sent.seq) : nullptr;
            if (entry && entry->served.contains(sent.peer_id))
              complain(sent.party_id, "kicked names a peer that is served");
            if (history && sent.log &&
                std::ranges::mismatch(*sent.log, history->state.log).in1 != sent.log->end())
              complain(sent.party_id, "kicked with another log");
          },
          [&](const ws::PartyClosed& sent) {
            check_event(to, sent.party_id, sent.seq, party_closed, nullptr);
          },
          [&](const ws::Presence& sent) {
            const auto* history = served_now(to, sent.party_id, "presence");
            if (history && !history->members.contains(sent.peer_id))
              complain(sent.party_id, "presence of a peer that isn't a member");
          },
          [&](const ws::Signal& sent) {
            const auto* history = served_now(to, sent.party_id, "a signal");
            if (history && !history->serves(sent.from_peer_id))
              complain(sent.party_id, "a signal of a peer that isn't served");
          },
          [&](const ws::RelayToken& sent) { served_now(to, sent.party_id, "a relay token"); },
          [](const auto&) {},  // nothing of a party in it
      },
      message);
}

void Oracle::acknowledged(const std::string& request_id, std::uint64_t seq, UnixTime now) {
  const auto request = requests_.find(request_id);
  if (request == requests_.end()) return;
  const auto& [party, peer, may_change_nothing] = request->second;
  const auto name = "request " + request_id;
  const auto* history = find(party);
  if (!history) return complain(party, name + ": done in a party that doesn't exist");
  const auto is_it = [&](const Entry* entry) {
    return entry && entry->event.request && entry->event.request->peer == peer &&
           entry->event.request->id == request_id;
  };
  if (!is_it(history->entry(seq))) {
    if (history->closed && seq > history->entries.size()) return;
    const auto remembered = [&](const Entry& entry) {
      return is_it(&entry) && !may_be_forgotten(*history, entry.event.at, now);
    };
    const bool nothing = may_change_nothing && seq <= history->entries.size() &&
                         std::ranges::none_of(history->entries, remembered);
    if (!nothing)
      complain(party, name + ": done as event " + std::to_string(seq) + ", which the store lacks");
    return;
  }
  const auto [first, fresh] = acknowledgements_.try_emplace(request_id, Acknowledgement{seq, now});
  if (!fresh && !may_be_forgotten(*history, first->second.at, now) && first->second.seq != seq)
    complain(party, name + ": answered with " + std::to_string(seq) + " after " +
                        std::to_string(first->second.seq));
}

}  // namespace lanrage::control_sim
