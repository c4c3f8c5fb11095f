#include "party/apply.hpp"

#include <algorithm>
#include <string>

#include "party/box_rules.hpp"
#include "party/hand_back.hpp"
#include "party/rules.hpp"

namespace lanrage::party {
namespace {

constexpr const char* kBarred =
    "the operator of this server bars this identity from the party; ask the operator";

}  // namespace

Result<void> check_request_id(const std::string& id) {
  const bool printable = std::ranges::all_of(id, [](char c) { return c >= 0x21 && c <= 0x7e; });
  if (!id.empty() && id.size() <= kMaxRequestIdSize && printable) return {};
  return fail(Errc::invalid_request_id,
              "request_id must be 1 to " + std::to_string(kMaxRequestIdSize) +
                  " printable ASCII characters without spaces, unique for each new request",
              "request_id");
}

namespace {

Result<void> check_hints(const Hints& hints) {
  if (hints.nat_type) {
    const auto& type = *hints.nat_type;
    const bool word =
        std::ranges::all_of(type, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    if (type.empty() || type.size() > kMaxNatTypeSize || !word)
      return fail(
          Errc::invalid_hint,
          "nat_type must be 1 to " + std::to_string(kMaxNatTypeSize) + " lower-case letters or '_'",
          "nat_type");
  }
  if (hints.public_endpoint && !check_candidate(*hints.public_endpoint))
    return fail(Errc::invalid_hint,
                hints.public_endpoint->to_string() + " can't be a public endpoint",
                "public_endpoint");
  return {};
}

// The parties to one command, with what each action needs to say its events.
class Application {
 public:
  Application(const Party& party, const Command& command, UnixTime now, const Limits& limits,
              const ProvenSignatures& proven)
      : party_(party), command_(command), now_(now), limits_(limits), proven_(proven) {}

  Result<std::vector<Event>> operator()(const Create& create);
  Result<std::vector<Event>> operator()(const Join& join);
  Result<std::vector<Event>> operator()(const Depart& depart);
  Result<std::vector<Event>> operator()(const Update& update);
  Result<std::vector<Event>> operator()(const AddInvite& invite);
  Result<std::vector<Event>> operator()(const Close& close);
  Result<std::vector<Event>> operator()(const Rotate& rotate);
  Result<std::vector<Event>> operator()(const ChangeCharter& change);
  Result<std::vector<Event>> operator()(const Bar& bar);
  Result<std::vector<Event>> operator()(const HandBack& back);

 private:
  Event event(EventType type) const {
    Event out;
    out.seq = party_.seq + 1;
    out.type = type;
    out.subject = command_.actor;
    out.at = now_;
    out.request = Request{command_.actor, command_.request_id, fingerprint(command_.action)};
    return out;
  }
  Result<void> check_open() const;
  Result<void> check_member() const;
  Result<void> check_log_room(std::initializer_list<const Bytes*> records,
                              std::size_t reserve = 0) const;
  Result<void> check_actor(const VerifyKey& identity, std::string_view field) const;
  Result<Effect> judge(const Bytes& record) const {
    return party_.ledger.judge(record, now_, &proven_);
  }

  const Party& party_;
  const Command& command_;
  UnixTime now_;
  const Limits& limits_;
  const ProvenSignatures& proven_;
};

Result<void> Application::check_open() const {
  if (party_.seq == 0) return fail(Errc::unknown_party, "there is no such party", "party_id");
  if (party_.closed) return fail(Errc::party_closed, "the party is closed", "party_id");
  return {};
}

Result<void> Application::check_member() const {
  if (auto ok = check_open(); !ok) return ok;
  if (!party_.serves(command_.actor))
    return fail(Errc::not_member, "the caller isn't a member of this party", "party_id");
  return {};
}

Result<void> Application::check_log_room(std::initializer_list<const Bytes*> records,
                                         std::size_t reserve) const {
  auto bytes = party_.log_bytes;
  for (const auto* record : records)
    bytes += record->size();
  if (party_.log.size() + records.size() > limits_.log_records + reserve)
    return fail(Errc::log_full, "the party's log has reached this server's limit of " +
                                    std::to_string(limits_.log_records) + " records");
  if (bytes > limits_.log_bytes)
    return fail(Errc::log_full, "the party's log has reached this server's limit of " +
                                    std::to_string(limits_.log_bytes) + " bytes");
  return {};
}

Result<void> Application::check_actor(const VerifyKey& identity, std::string_view field) const {
  if (peer_id(identity) == command_.actor) return {};
  return fail(Errc::wrong_actor, "the record speaks for another peer than the caller",
              std::string(field));
}

Result<std::vector<Event>> Application::operator()(const Create& create) {
  if (party_.seq != 0)
    return fail(Errc::party_exists, "a party with this root key exists already", "charter");
  auto charter = read_record<Charter>(create.charter);
  auto roster = read_record<Roster>(create.roster);
  auto statement = read_record<Statement>(create.statement);
  if (!charter) return std::unexpected(charter.error());
  if (!roster) return std::unexpected(roster.error());
  if (!statement) return std::unexpected(statement.error());
  if (auto ok = check_actor(charter->host, "charter.host"); !ok) return std::unexpected(ok.error());
  if (auto ok = check_actor(statement->identity, "statement.identity"); !ok)
    return std::unexpected(ok.error());
  if (auto ok = check_hints(create.hints); !ok) return std::unexpected(ok.error());
  if (roster->invites.size() > limits_.open_invites)
    return fail(
        Errc::too_many_invites,
        "this server allows " + std::to_string(limits_.open_invites) + " open invites a party",
        "roster.invites");
  if (auto ok = check_log_room({&create.charter, &create.roster, &create.statement}); !ok)
    return std::unexpected(ok.error());
  auto trial = party_.ledger;
  for (const auto* record : {&create.charter, &create.roster, &create.statement})
    if (auto effect = trial.append(*record, now_, &proven_); !effect)
      return std::unexpected(effect.error());
  if (auto ok = check_boxes(*roster, create.boxes); !ok) return std::unexpected(ok.error());

  auto created = event(EventType::created);
  created.records = {create.charter, create.roster, create.statement};
  created.boxes = create.boxes;
  created.hints = create.hints;
  return std::vector{std::move(created)};
}

Result<std::vector<Event>> Application::operator()(const Join& join) {
  if (auto ok = check_open(); !ok) return std::unexpected(ok.error());
  auto admission = read_record<Admission>(join.admission);
  auto statement = read_record<Statement>(join.statement);
  if (!admission) return std::unexpected(admission.error());
  if (!statement) return std::unexpected(statement.error());
  if (auto ok = check_actor(admission->identity, "admission.identity"); !ok)
    return std::unexpected(ok.error());
  if (party_.barred.contains(command_.actor)) return fail(Errc::barred, kBarred, "party_id");
  if (auto ok = check_actor(statement->identity, "statement.identity"); !ok)
    return std::unexpected(ok.error());
  if (auto ok = check_hints(join.hints); !ok) return std::unexpected(ok.error());
  if (auto ok = check_log_room({&join.admission, &join.statement}); !ok)
    return std::unexpected(ok.error());
  if (auto ok = party_.ledger.judge_join(join.admission, join.statement, now_, &proven_); !ok)
    return std::unexpected(ok.error());
  if (party_.ledger.members().size() >= limits_.peers)
    return fail(Errc::party_full, "the party has " + std::to_string(limits_.peers) +
                                      " peers, the most that this server allows");

  auto joined = event(EventType::peer_joined);
  joined.records = {join.admission, join.statement};
  joined.hints = join.hints;
  return std::vector{std::move(joined)};
}

Result<std::vector<Event>> Application::operator()(const Depart& depart) {
  if (auto ok = check_member(); !ok) return std::unexpected(ok.error());
  auto leave = read_record<Leave>(depart.record);
  if (!leave) return std::unexpected(leave.error());
  if (auto ok = check_actor(leave->identity, "leave.identity"); !ok)
    return std::unexpected(ok.error());
  auto effect = judge(depart.record);
  if (!effect) return std::unexpected(effect.error());

  std::vector<Event> out;
  out.push_back(event(EventType::peer_left));
  out.back().records = {depart.record};
  if (effect->closes) {
    auto closed = event(EventType::party_closed);
    closed.seq = party_.seq + 2;
    closed.subject = party_.ledger.host_id();
    closed.close_reason =
        party_.ledger.members().size() == 1 ? CloseReason::empty : CloseReason::host_left;
    closed.request.reset();  // the leave's event answers for both
    out.push_back(std::move(closed));
  }
  return out;
}

Result<std::vector<Event>> Application::operator()(const Update& update) {
  if (auto ok = check_member(); !ok) return std::unexpected(ok.error());
  if (!update.statement && update.hints.empty())
    return fail(Errc::nothing_to_do, "the update has neither a statement nor hints", "statement");
  if (auto ok = check_hints(update.hints); !ok) return std::unexpected(ok.error());
  auto updated = event(EventType::peer_updated);
  if (update.statement) {
    auto statement = read_record<Statement>(*update.statement);
    if (!statement) return std::unexpected(statement.error());
    if (auto ok = check_actor(statement->identity, "statement.identity"); !ok)
      return std::unexpected(ok.error());
    if (auto ok = check_log_room({&*update.statement}); !ok) return std::unexpected(ok.error());
    if (auto ok = judge(*update.statement); !ok) return std::unexpected(ok.error());
    updated.records = {*update.statement};
  }
  const auto& known = party_.peers.at(command_.actor).hints;
  if (update.hints.nat_type != known.nat_type) updated.hints.nat_type = update.hints.nat_type;
  if (update.hints.public_endpoint != known.public_endpoint)
    updated.hints.public_endpoint = update.hints.public_endpoint;
  if (updated.records.empty() && updated.hints.empty()) return std::vector<Event>{};
  return std::vector{std::move(updated)};
}

Result<std::vector<Event>> Application::operator()(const AddInvite& invite) {
  if (auto ok = check_member(); !ok) return std::unexpected(ok.error());
  auto record = read_record<Invite>(invite.record);
  if (!record) return std::unexpected(record.error());
  if (auto ok = check_log_room({&invite.record}); !ok) return std::unexpected(ok.error());
  if (auto ok = judge(invite.record); !ok) return std::unexpected(ok.error());
  if (record->terms.not_after <= now_)
    return fail(Errc::invalid_invite,
                "the invite has expired already; compare this machine's clock", "not_after");
  const auto open = std::ranges::count_if(
      party_.ledger.invites(), [&](const auto& entry) { return entry.second.open(now_); });
  if (static_cast<std::size_t>(open) >= limits_.open_invites)
    return fail(
        Errc::too_many_invites,
        "the party has " + std::to_string(open) + " open invites, the most that this server allows",
        "record");
  if (invite.box.recipient != record->terms.invite_box)
    return fail(Errc::missing_box, "the box isn't for this invite's box key", "box");
  if (auto ok = check_box(invite.box); !ok) return std::unexpected(ok.error());

  auto added = event(EventType::invite_added);
  added.records = {invite.record};
  added.boxes = {invite.box};
  return std::vector{std::move(added)};
}

Result<std::vector<Event>> Application::operator()(const Close& close) {
  if (auto ok = check_open(); !ok) return std::unexpected(ok.error());
  const auto host = party_.ledger.host_id();
  auto closed = event(EventType::party_closed);
  closed.subject = host;
  closed.close_reason = close.reason;
  if (close.reason == CloseReason::expired) {
    if (party_.ledger.charter().keep)
      return fail(Errc::not_supported, "the charter says that this party doesn't expire");
    closed.request.reset();
    return std::vector{std::move(closed)};
  }
  const bool by_host = command_.actor == host && party_.serves(host);
  if (close.reason != CloseReason::host_closed || !by_host)
    return fail(Errc::not_host, "only the party's host may close it", "party_id");
  return std::vector{std::move(closed)};
}

Result<std::vector<Event>> Application::operator()(const Rotate& rotate) {
  if (auto ok = check_member(); !ok) return std::unexpected(ok.error());
  auto roster = read_record<Roster>(rotate.roster);
  if (!roster) return std::unexpected(roster.error());
  if (auto ok = check_log_room({&rotate.roster}, kLogReserve); !ok)
    return std::unexpected(ok.error());
  auto effect = judge(rotate.roster);
  if (!effect) return std::unexpected(effect.error());
  // Those kept were granted before; a lower limit since then mustn't stand in the way of a kick.
  const bool adds = std::ranges::any_of(roster->invites, [&](const auto& terms) {
    const auto id = invite_id(terms.invite_key);
    return party_.ledger.invite(id) == nullptr;
  });
  if (adds && roster->invites.size() > limits_.open_invites)
    return fail(
        Errc::too_many_invites,
        "this server allows " + std::to_string(limits_.open_invites) + " open invites a party",
        "roster.invites");
  if (auto ok = check_boxes(*roster, rotate.boxes); !ok) return std::unexpected(ok.error());

  auto rotated = event(EventType::key_rotated);
  rotated.records = {rotate.roster};
  rotated.boxes = rotate.boxes;
  rotated.removed = std::move(effect->removed);
  return std::vector{std::move(rotated)};
}

Result<std::vector<Event>> Application::operator()(const ChangeCharter& change) {
  if (auto ok = check_member(); !ok) return std::unexpected(ok.error());
  auto charter = read_record<Charter>(change.charter);
  if (!charter) return std::unexpected(charter.error());
  if (auto ok = check_log_room({&change.charter}, kLogReserve); !ok)
    return std::unexpected(ok.error());
  if (auto ok = judge(change.charter); !ok) return std::unexpected(ok.error());

  auto changed = event(EventType::charter_changed);
  changed.subject = peer_id(charter->host);
  changed.records = {change.charter};
  return std::vector{std::move(changed)};
}

Result<std::vector<Event>> Application::operator()(const Bar& bar) {
  if (auto ok = check_open(); !ok) return std::unexpected(ok.error());
  if (party_.ledger.member(bar.peer) == nullptr)
    return fail(Errc::not_member, "this peer isn't a member of the party", "peer_id");
  if (party_.barred.contains(bar.peer)) return std::vector<Event>{};
  auto barred = event(EventType::peer_barred);
  barred.subject = bar.peer;
  barred.request.reset();
  return std::vector{std::move(barred)};
}

Result<std::vector<Event>> Application::operator()(const HandBack& back) {
  if (auto ok = check_member(); !ok) return std::unexpected(ok.error());
  auto events = take_back(party_, command_.actor, back, now_, limits_, proven_);
  if (events && !events->empty()) events->back().request = event({}).request;
  return events;
}

}  // namespace

Result<Outcome> apply(const Party& party, const Command& command, UnixTime now,
                      const Limits& limits, const ProvenSignatures& proven) {
  const auto* close = std::get_if<Close>(&command.action);
  const bool by_server = (close != nullptr && close->reason == CloseReason::expired) ||
                         std::holds_alternative<Bar>(command.action);
  if (!by_server) {
    if (auto ok = check_request_id(command.request_id); !ok) return std::unexpected(ok.error());
    const auto* answer = party.requests.find(command.actor, command.request_id);
    if (answer != nullptr && now - answer->at < limits.request_lifetime) {
      if (answer->fingerprint == fingerprint(command.action)) return Outcome{answer->seq, true, {}};
      return fail(Errc::request_id_reused,
                  "this request_id stood on another request of the last 24 hours; take a new one",
                  "request_id");
    }
  }
  auto events = std::visit(Application(party, command, now, limits, proven), command.action);
  if (!events) return std::unexpected(events.error());
  const auto seq = events->empty() ? party.seq : events->back().seq;
  return Outcome{seq, false, std::move(*events)};
}

namespace {

Error expired_invite() {
  return {Errc::invite_expired, "the invite has expired; ask the host for a new one", "invite"};
}

Error used_up_invite(std::uint16_t uses) {
  return {
      Errc::invite_used_up,
      "all " + std::to_string(uses) + " uses of the invite are spent; ask the host for a new one",
      "invite"};
}

// Why nobody joins by an invite that isn't the party's any more. Rosters leave out those that are
// over as well, so what is neither was ended on purpose.
Error closed_invite(const InviteTerms& terms, UnixTime now) {
  if (terms.used >= terms.uses) return used_up_invite(terms.uses);
  if (now > terms.not_after) return expired_invite();
  return {Errc::invite_revoked, "the invite was revoked; ask the host for a new one", "invite"};
}

}  // namespace

Result<Opening> open_invite(const Party& party, const InviteId& invite, const PeerId& peer,
                            UnixTime now, const Limits& limits) {
  if (party.barred.contains(peer)) return fail(Errc::barred, kBarred, "party_id");
  const auto* dropped = party.exists() ? party.ledger.dropped_invite(invite) : nullptr;
  if (dropped != nullptr) return std::unexpected(closed_invite(*dropped, now));
  const auto* state = party.exists() ? party.ledger.invite(invite) : nullptr;
  const auto* box = state == nullptr ? nullptr : party.box_for(state->terms.invite_box);
  if (box == nullptr)
    return fail(Errc::unknown_invite, "the party has no such invite; ask the host for one",
                "invite");
  if (state->expired(now)) return std::unexpected(expired_invite());
  if (state->used_up() && !state->admitted.contains(peer))
    return std::unexpected(used_up_invite(state->terms.uses));
  if (party.ledger.members().size() >= limits.peers && party.ledger.member(peer) == nullptr)
    return fail(Errc::party_full, "the party has " + std::to_string(limits.peers) +
                                      " peers, the most that this server allows");
  auto vip = party.ledger.suggest_vip(peer);
  if (!vip) return std::unexpected(vip.error());
  return Opening{*box, *vip};
}

}  // namespace lanrage::party
