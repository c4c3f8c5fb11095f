#include "party/hand_back.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "party/box_rules.hpp"

namespace lanrage::party {
namespace {

std::unexpected<Error> split() {
  return fail(Errc::split_history,
              "the server's log and this one have parted: it has other records at the same place; "
              "the host or a deputy decides between them by `lanrage rotate`",
              "records");
}

// The records beyond our log.
Result<std::span<const Bytes>> new_ones(const Party& party, const HandBack& back) {
  const auto head = party.ledger.head_at(back.after);
  if (!head)
    return fail(Errc::stale_head,
                "the records begin beyond the server's log of " + std::to_string(party.log.size()) +
                    ", or more than " + std::to_string(kHeadWindow) +
                    " records before its end; fetch the log",
                "after");
  if (*head != back.head) return split();
  const std::span<const Bytes> records(back.records);
  const auto ours = std::span(party.log).subspan(back.after);
  const auto parting = std::ranges::mismatch(ours, records);
  if (parting.in1 != ours.end() && parting.in2 != records.end()) return split();
  return records.subspan(static_cast<std::size_t>(parting.in2 - records.begin()));
}

// Who should have a box with the key of the present roster and has none: whom it names, and invites
// that admit somebody. Whoever joined after it has the key from an invite.
std::set<ExchangeKey> without_box(const Ledger& ledger, const std::map<ExchangeKey, Bytes>& boxes,
                                  UnixTime now) {
  std::set<ExchangeKey> out;
  for (const auto& named : ledger.roster().members)
    if (const auto* member = ledger.member(peer_id(named.identity))) out.insert(member->box);
  for (const auto& [id, invite] : ledger.invites())
    if (invite.open(now)) out.insert(invite.terms.invite_box);
  std::erase_if(out, [&](const auto& key) { return boxes.contains(key); });
  return out;
}

std::vector<SealedBox> of_those(std::set<ExchangeKey> recipients,
                                const std::vector<SealedBox>& boxes) {
  std::vector<SealedBox> out;
  for (const auto& box : boxes)
    if (recipients.erase(box.recipient) != 0) out.push_back(box);
  return out;
}

// By which time an invite must not have ended. Once this server has logged a record of its own
// since the backup, what follows that one is no older than it.
UnixTime date_of(const Party& party, UnixTime backed_up_at, UnixTime now) {
  if (party.journal.empty() || backed_up_at > now) return now;
  const auto newest = std::find_if(party.journal.rbegin(), party.journal.rend(),
                                   [](const auto& entry) { return entry.records > 0; });
  const auto& last = newest != party.journal.rend() ? *newest : party.journal.front();
  return last.at <= backed_up_at ? backed_up_at : now;
}

// Takes the records one after the other, and says which events they make.
class Taking {
 public:
  Taking(const Party& party, UnixTime date, UnixTime now, const Limits& limits,
         const ProvenSignatures& proven)
      : party_(party),
        date_(date),
        now_(now),
        limits_(limits),
        proven_(proven),
        ledger_(party.ledger),
        log_records_(party.log.size()),
        log_bytes_(party.log_bytes) {}

  Result<void> take(const Bytes& record) {
    auto effect = ledger_.append(record, date_, &proven_);
    if (!effect) return refused(effect.error().message());
    const bool completes = effect->kind == Effect::Kind::stated && joining_ == effect->peer;
    if (!completes)
      if (auto ok = check_complete(); !ok) return ok;
    if (auto ok = check_room(record, effect->kind); !ok) return ok;
    return add(record, *effect);
  }
  Result<void> check_complete() const {
    if (!joining_) return {};
    return refused("an admission comes together with the statement after it");
  }
  std::vector<Event> take_events(const std::vector<SealedBox>& boxes) && {
    if (!ledger_.closed()) {
      static const std::map<ExchangeKey, Bytes> kNone;  // a roster ends them all
      events_.back().boxes =
          of_those(without_box(ledger_, rostered_ ? kNone : party_.boxes, now_), boxes);
    }
    return std::move(events_);
  }

 private:
  // Nothing of it is the caller's fault, or for it to mend.
  std::unexpected<Error> refused(const std::string& why) const {
    return fail(Errc::record_refused,
                "record " + std::to_string(log_records_ + 1) + " of the party's log: " + why,
                "records");
  }

  Result<void> check_room(const Bytes& record, Effect::Kind kind) {
    using enum Effect::Kind;
    ++log_records_;
    log_bytes_ += record.size();
    if (kind == left) return {};
    const auto reserve = kind == rostered || kind == chartered ? kLogReserve : 0;
    if (log_records_ <= limits_.log_records + reserve && log_bytes_ <= limits_.log_bytes) return {};
    return fail(Errc::log_full, "the party's log would exceed this server's limits of " +
                                    std::to_string(limits_.log_records) + " records and " +
                                    std::to_string(limits_.log_bytes) + " bytes");
  }

  Result<void> add(const Bytes& record, Effect& effect) {
    switch (effect.kind) {
      using enum Effect::Kind;
      case admitted:
        return admit(record, effect.peer);
      case stated:
        if (joining_ == effect.peer) {
          events_.back().records.push_back(record);
          joining_.reset();
          return {};
        }
        event(EventType::peer_updated, effect.peer, record);
        break;
      case left: {
        const bool alone = ledger_.members().empty();
        event(EventType::peer_left, effect.peer, record);
        if (effect.closes) {
          event(EventType::party_closed, ledger_.host_id());
          events_.back().close_reason = alone ? CloseReason::empty : CloseReason::host_left;
        }
        break;
      }
      case invite_added: {
        const auto& invite = *ledger_.invite(effect.invite);
        event(EventType::invite_added, invite.issuer, record);
        return check_open_invites();
      }
      case rostered:
        event(EventType::key_rotated, effect.peer, record);
        events_.back().removed = std::move(effect.removed);
        rostered_ = true;
        break;
      case chartered:
        event(EventType::charter_changed, effect.peer, record);
        break;
    }
    return {};
  }

  Result<void> admit(const Bytes& record, const PeerId& peer) {
    if (party_.barred.contains(peer))
      return fail(Errc::barred, "the operator of this server bars this identity from the party",
                  "records");
    if (ledger_.members().size() > limits_.peers)
      return fail(Errc::party_full, "the party would have more than " +
                                        std::to_string(limits_.peers) +
                                        " peers, the most that this server allows");
    event(EventType::peer_joined, peer, record);
    joining_ = peer;
    return {};
  }

  Result<void> check_open_invites() const {
    const auto open = std::ranges::count_if(
        ledger_.invites(), [&](const auto& entry) { return entry.second.open(now_); });
    if (static_cast<std::size_t>(open) <= limits_.open_invites) return {};
    return fail(Errc::too_many_invites, "the party would have more than " +
                                            std::to_string(limits_.open_invites) +
                                            " open invites, the most that this server allows");
  }

  void event(EventType type, const PeerId& subject, const Bytes& record) {
    event(type, subject);
    events_.back().records = {record};
  }
  void event(EventType type, const PeerId& subject) {
    Event out;
    out.seq = party_.seq + events_.size() + 1;
    out.type = type;
    out.subject = subject;
    out.at = date_;
    events_.push_back(std::move(out));
  }

  const Party& party_;
  UnixTime date_;
  UnixTime now_;
  const Limits& limits_;
  const ProvenSignatures& proven_;
  Ledger ledger_;
  std::size_t log_records_;
  std::size_t log_bytes_;
  std::vector<Event> events_;
  std::optional<PeerId> joining_;  // admitted by the last record
  bool rostered_ = false;
};

}  // namespace

Result<HandBack> without_known(const Party& party, HandBack back, UnixTime now) {
  const auto added = new_ones(party, back);
  if (!added) return std::unexpected(added.error());
  for (const auto& box : back.boxes)
    if (auto ok = check_box(box); !ok) return std::unexpected(ok.error());
  if (added->empty())
    back.boxes = of_those(without_box(party.ledger, party.boxes, now), back.boxes);
  back.records = std::vector(added->begin(), added->end());
  back.after = party.log.size();
  back.head = party.ledger.head();
  return back;
}

Result<std::vector<Event>> take_back(const Party& party, const PeerId& from, HandBack given,
                                     UnixTime now, const Limits& limits,
                                     const ProvenSignatures& proven) {
  const auto left = without_known(party, std::move(given), now);
  if (!left) return std::unexpected(left.error());
  const auto& back = *left;
  if (back.records.empty()) {
    if (back.boxes.empty()) return std::vector<Event>{};
    Event boxes;
    boxes.seq = party.seq + 1;
    boxes.type = EventType::peer_updated;
    boxes.subject = from;
    boxes.at = now;
    boxes.boxes = back.boxes;
    return std::vector{std::move(boxes)};
  }
  Taking taking(party, date_of(party, back.backed_up_at, now), now, limits, proven);
  for (const auto& record : back.records)
    if (auto ok = taking.take(record); !ok) return std::unexpected(ok.error());
  if (auto ok = taking.check_complete(); !ok) return std::unexpected(ok.error());
  return std::move(taking).take_events(back.boxes);
}

std::optional<PeerId> author_of(ByteView record) {
  const auto last_signer = [&]<class Body>(std::type_identity<Body>) -> std::optional<PeerId> {
    const auto body = read_record<Body>(record);
    if (!body) return std::nullopt;
    return peer_id(*signers(*body).back());
  };
  const auto envelope = Envelope::parse(record);
  if (!envelope) return std::nullopt;
  switch (envelope->type) {
    case RecordType::charter:
      return last_signer(std::type_identity<Charter>{});
    case RecordType::roster:
      return last_signer(std::type_identity<Roster>{});
    case RecordType::invite:
      return last_signer(std::type_identity<Invite>{});
    case RecordType::admission:
      return last_signer(std::type_identity<Admission>{});
    case RecordType::statement:
      return last_signer(std::type_identity<Statement>{});
    case RecordType::leave:
      return last_signer(std::type_identity<Leave>{});
  }
  return std::nullopt;
}

}  // namespace lanrage::party
