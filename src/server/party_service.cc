#include "server/party_service.hpp"

#include <algorithm>

#include "party/proofs.hpp"
#include "server/party_views.hpp"

namespace lanrage::server {

namespace {

using protocol::Errc;

std::unexpected<Error> unknown_party() {
  return fail(Errc::unknown_party,
              "no such party here, or you aren't a member of it; it may have been closed");
}

// Whether a party doesn't exist or the caller isn't in it must look the same.
Error public_error(const Error& error) {
  if (error.is(party::Errc::not_member) || error.is(party::Errc::unknown_party) ||
      error.is(party::Errc::party_closed) || error.is(Errc::unknown_party))
    return unknown_party().error();
  return error;
}

std::unexpected<Error> unknown_invite() {
  return fail(Errc::unknown_invite,
              "this server knows neither such an invite nor its party: it is for another server, "
              "or the party has ended; ask for a new one");
}

// Of one that is over as well: whoever proves to hold it may know that.
const party::InviteTerms* terms_of(const party::Ledger& ledger, const InviteId& id) {
  const auto* invite = ledger.invite(id);
  return invite != nullptr ? &invite->terms : ledger.dropped_invite(id);
}

Result<void> check_self(const Caller& caller, const PeerId& peer) {
  if (caller.peer == peer) return {};
  return fail(Errc::peer_id_mismatch,
              "your token belongs to another peer: each peer acts for itself only", "peer_id");
}

Done<party::Outcome> answer_seq(Done<protocol::SeqAnswer> done) {
  return [done = std::move(done)](Result<party::Outcome> outcome) mutable {
    if (!outcome) return done(std::unexpected(outcome.error()));
    done(protocol::SeqAnswer{outcome->seq});
  };
}

}  // namespace

PartyService::PartyService(const Parts& parts, const Limits& limits, ServerIdentity identity,
                           CreationPolicy policy)
    : parts_(parts),
      limits_(limits),
      identity_(std::move(identity)),
      policy_(std::move(policy)),
      wrong_words_(limits.wrong_words_an_address),
      creations_(limits.creations_a_peer),
      signals_sent_(limits.signals_a_peer),
      updates_(limits.updates_a_peer),
      handed_back_(limits.handed_back_a_peer),
      handed_back_of_(limits.handed_back_of_a_peer) {}

std::unexpected<Error> PartyService::too_fast(RateLimit limit, const char* message) {
  parts_.metrics.rate_limited(limit);
  return fail(Errc::rate_limited, message);
}

void PartyService::execute(const Caller& caller, const PartyId& party,
                           const std::string& request_id, party::Action action,
                           Done<party::Outcome> done) {
  parts_.registry.execute(party, {caller.peer, request_id, std::move(action)},
                          [done = std::move(done)](Result<party::Outcome> outcome) mutable {
                            if (!outcome)
                              return done(std::unexpected(public_error(outcome.error())));
                            done(std::move(outcome));
                          });
}

Result<void> PartyService::may_create(const Caller& caller,
                                      const protocol::CreatePartyRequest& request) {
  const Instant now = parts_.clock.monotonic();
  if (policy_.kind == protocol::CreatePolicy::word) {
    const std::string address = rate_key(caller.remote);
    if (!wrong_words_.has(address, now))
      return too_fast(RateLimit::words, "too many wrong words from your address: wait a while");
    if (!request.word)
      return fail(Errc::wrong_word,
                  "this server wants its join word for creating parties: ask whoever runs it "
                  "(the server prints it at start) and pass it with --word",
                  "word");
    if (!crypto::equal_in_constant_time(as_bytes(*request.word), as_bytes(policy_.word))) {
      wrong_words_.take(address, now);
      return fail(Errc::wrong_word, "that isn't this server's join word", "word");
    }
  }
  if (policy_.kind == protocol::CreatePolicy::listed &&
      std::ranges::find(policy_.creators, caller.peer) == policy_.creators.end())
    return fail(Errc::forbidden,
                "only listed devices may create parties on this server; yours is " +
                    caller.peer.to_string());
  if (!creations_.take(caller.peer, now))
    return too_fast(RateLimit::creations, "you create parties too quickly: wait a while");
  return {};
}

void PartyService::create(const Caller& caller, const protocol::CreatePartyRequest& request,
                          Done<protocol::PartyAnswer> done) {
  if (auto allowed = may_create(caller, request); !allowed)
    return done(std::unexpected(allowed.error()));
  const auto id = party::party_id_of(request.charter);
  if (!id) return done(std::unexpected(id.error()));
  if (!parts_.registry.find(*id)) {
    if (parts_.registry.size() >= limits_.parties)
      return done(fail(Errc::limit_reached, "this server is full: it has " +
                                                std::to_string(limits_.parties) + " parties"));
    if (parts_.registry.hosted_by(caller.peer) >= limits_.parties_a_host)
      return done(fail(Errc::limit_reached, "you host " + std::to_string(limits_.parties_a_host) +
                                                " parties on this server already: close one"));
  }
  party::Create action{request.charter, request.roster, request.statement,
                       boxes_from(request.boxes), hints_from(request.hints)};
  execute(caller, *id, request.request_id, std::move(action),
          [this, caller, id = *id, bind_key = request.bind_key,
           done = std::move(done)](Result<party::Outcome> outcome) mutable {
            if (!outcome) return done(std::unexpected(outcome.error()));
            if (!outcome->repeated) parts_.audit.created(id, caller.peer, caller.remote);
            auto answer = party_answer(caller, id, outcome->seq, bind_key, 0);
            if (answer) answer->public_url = identity_.public_url;
            done(std::move(answer));
          });
}

Result<protocol::OpenInviteAnswer> PartyService::open_invite(
    const Caller& caller, const PartyId& id, const InviteId& invite_id,
    const protocol::OpenInviteRequest& request) {
  const auto* party = parts_.registry.find(id);
  const auto* terms = party ? terms_of(party->ledger, invite_id) : nullptr;
  if (!terms) return unknown_invite();
  const auto made_at = protocol::time_of_open_nonce(request.nonce);
  if (!made_at)
    return fail(Errc::malformed_nonce, "expected 16 random bytes and the time in ms as u64",
                "nonce");
  const UnixTime now = parts_.clock.unix_time();
  if (*made_at < now - limits_.open_nonce_window || *made_at > now + limits_.open_nonce_window)
    return fail(Errc::expired_nonce,
                "your clock and the server's differ by more than " +
                    std::to_string(limits_.open_nonce_window.count()) +
                    " minutes (the server has " + protocol::format_time(now) + "): set yours",
                "nonce");
  const auto proven = [&](const crypto::Hash& binding) {
    const party::OpenRequest signed_part{id, binding, caller.peer, request.nonce};
    return party::invite_proven(terms->invite_key, signed_part, request.signature);
  };
  if (!proven(identity_.binding) && !(previous_binding_ && proven(*previous_binding_)))
    return fail(Errc::bad_signature, "the signature isn't the invite key's over this request",
                "signature");
  auto opening = party::open_invite(*party, invite_id, caller.peer, now, limits_.party);
  if (!opening) return std::unexpected(public_error(opening.error()));
  return protocol::OpenInviteAnswer{id, party->seq, party->log, std::move(opening->box),
                                    opening->vip};
}

void PartyService::join(const Caller& caller, const PartyId& id,
                        const protocol::JoinRequest& request, Done<protocol::PartyAnswer> done) {
  // Who has no invite doesn't learn whether the party exists.
  const auto admission = party::read_record<party::Admission>(request.admission);
  if (!admission) return done(std::unexpected(admission.error()));
  const auto* party = parts_.registry.find(id);
  const auto invite = party::invite_id(admission->invite_key);
  if (!party ||
      (!party->ledger.invite(invite) && !party->requests.find(caller.peer, request.request_id)))
    return done(unknown_invite());
  party::Join action{request.admission, request.statement, hints_from(request.hints)};
  execute(
      caller, id, request.request_id, std::move(action),
      [this, caller, id, bind_key = request.bind_key, log_from = request.known_records.value_or(0),
       done = std::move(done)](Result<party::Outcome> outcome) mutable {
        if (!outcome) return done(std::unexpected(outcome.error()));
        if (!outcome->repeated) parts_.audit.joined(id, caller.peer, caller.remote);
        done(party_answer(caller, id, outcome->seq, bind_key, log_from));
      });
}

Result<protocol::PartyAnswer> PartyService::party_answer(
    const Caller& caller, const PartyId& id, std::uint64_t seq,
    const std::optional<crypto::VerifyKey>& bind_key, std::uint64_t log_from) const {
  // A repeated request may find its caller gone from the party meanwhile.
  const auto party = member_party(caller.peer, id);
  if (!party) return std::unexpected(party.error());
  protocol::PartyAnswer answer;
  answer.party_id = id;
  answer.seq = seq;
  answer.incarnation = identity_.incarnation;
  answer.party = party_view(**party, parts_.presence, log_from);
  if (bind_key) {
    auto grant = relay_grant(caller, id, *bind_key);
    if (!grant) return std::unexpected(grant.error());
    answer.relay = std::move(*grant);
  }
  return answer;
}

void PartyService::leave(const Caller& caller, const PartyId& id, const PeerId& peer,
                         const protocol::LeaveRequest& request, Done<protocol::SeqAnswer> done) {
  if (auto self = check_self(caller, peer); !self) return done(std::unexpected(self.error()));
  execute(caller, id, request.request_id, party::Depart{request.record},
          answer_seq(std::move(done)));
}

void PartyService::update(const Caller& caller, const PartyId& id, const PeerId& peer,
                          const protocol::UpdatePeerRequest& request,
                          Done<protocol::SeqAnswer> done) {
  if (auto self = check_self(caller, peer); !self) return done(std::unexpected(self.error()));
  if (!updates_.take(caller.peer, parts_.clock.monotonic()))
    return done(
        too_fast(RateLimit::updates, "too many changes of nick or hints: wait ten seconds"));
  party::Update action{request.statement, hints_from(request.nat_type, request.public_endpoint)};
  execute(caller, id, request.request_id, std::move(action), answer_seq(std::move(done)));
}

void PartyService::add_invite(const Caller& caller, const PartyId& id,
                              const protocol::AddInviteRequest& request,
                              Done<protocol::AddInviteAnswer> done) {
  const auto record = party::read_record<party::Invite>(request.record);
  if (!record) return done(std::unexpected(record.error()));
  const auto invite = party::invite_id(record->terms.invite_key);
  party::AddInvite action{request.record, {record->terms.invite_box, request.box}};
  execute(caller, id, request.request_id, std::move(action),
          [invite, done = std::move(done)](Result<party::Outcome> outcome) mutable {
            if (!outcome) return done(std::unexpected(outcome.error()));
            done(protocol::AddInviteAnswer{invite, outcome->seq});
          });
}

void PartyService::close(const Caller& caller, const PartyId& id,
                         const protocol::ClosePartyRequest& request,
                         Done<protocol::SeqAnswer> done) {
  if (auto party = member_party(caller.peer, id); !party)
    return done(std::unexpected(party.error()));
  execute(caller, id, request.request_id, party::Close{party::CloseReason::host_closed},
          answer_seq(std::move(done)));
}

void PartyService::rotate(const Caller& caller, const PartyId& id,
                          const protocol::RotateRequest& request, Done<protocol::SeqAnswer> done) {
  execute(caller, id, request.request_id, party::Rotate{request.roster, boxes_from(request.boxes)},
          answer_seq(std::move(done)));
}

void PartyService::kick(const Caller& caller, const PartyId& id, const PeerId& peer,
                        const protocol::RotateRequest& request, Done<protocol::SeqAnswer> done) {
  const auto roster = party::read_record<party::Roster>(request.roster);
  if (!roster) return done(std::unexpected(roster.error()));
  const bool named = std::ranges::any_of(
      roster->members, [&](const auto& member) { return party::peer_id(member.identity) == peer; });
  if (named)
    return done(
        fail(Errc::invalid_field, "the roster still names the peer to be kicked", "roster"));
  rotate(caller, id, request, std::move(done));
}

void PartyService::revoke_invite(const Caller& caller, const PartyId& id, const InviteId& invite,
                                 const protocol::RotateRequest& request,
                                 Done<protocol::SeqAnswer> done) {
  const auto roster = party::read_record<party::Roster>(request.roster);
  if (!roster) return done(std::unexpected(roster.error()));
  const bool named = std::ranges::any_of(roster->invites, [&](const auto& terms) {
    return party::invite_id(terms.invite_key) == invite;
  });
  if (named)
    return done(
        fail(Errc::invalid_field, "the roster still names the invite to be revoked", "roster"));
  rotate(caller, id, request, std::move(done));
}

void PartyService::change_charter(const Caller& caller, const PartyId& id,
                                  const protocol::ChangeCharterRequest& request,
                                  Done<protocol::SeqAnswer> done) {
  execute(caller, id, request.request_id, party::ChangeCharter{request.charter},
          answer_seq(std::move(done)));
}

void PartyService::bar(const PartyId& id, const PeerId& peer, Done<void> done) {
  parts_.registry.execute(id, {{}, {}, party::Bar{peer}},
                          [done = std::move(done)](Result<party::Outcome> outcome) mutable {
                            if (!outcome) return done(std::unexpected(outcome.error()));
                            done({});
                          });
}

Result<const party::Party*> PartyService::member_party(const PeerId& peer,
                                                       const PartyId& id) const {
  const auto* party = parts_.registry.find(id);
  if (!party || !party->serves(peer)) return unknown_party();
  return party;
}

Result<protocol::GetPartyAnswer> PartyService::party(const Caller& caller, const PartyId& id,
                                                     std::uint64_t log_from) const {
  const auto party = member_party(caller.peer, id);
  if (!party) return std::unexpected(party.error());
  return protocol::GetPartyAnswer{(*party)->seq, identity_.incarnation,
                                  party_view(**party, parts_.presence, log_from),
                                  box_of(**party, caller.peer)};
}

Result<protocol::PeersAnswer> PartyService::peers(const Caller& caller, const PartyId& id) const {
  const auto party = member_party(caller.peer, id);
  if (!party) return std::unexpected(party.error());
  return protocol::PeersAnswer{peer_views(**party, parts_.presence)};
}

Result<protocol::Peer> PartyService::peer(const Caller& caller, const PartyId& id,
                                          const PeerId& peer) const {
  const auto party = member_party(caller.peer, id);
  if (!party) return std::unexpected(party.error());
  const auto* member = (*party)->ledger.member(peer);
  if (!member) return fail(Errc::unknown_peer, "no such member in this party", "peer_id");
  return peer_view(**party, *member, parts_.presence);
}

Result<const party::Party*> PartyService::heartbeat(const Caller& caller, const PartyId& id,
                                                    const PeerId& peer) {
  if (auto self = check_self(caller, peer); !self) return std::unexpected(self.error());
  auto party = member_party(caller.peer, id);
  if (party && parts_.presence.heartbeat(id, peer)) parts_.audience.presence_changed(id, peer);
  return party;
}

Result<protocol::RelayGrant> PartyService::relay_grant(const Caller& caller, const PartyId& id,
                                                       const crypto::VerifyKey& bind_key) const {
  const auto party = member_party(caller.peer, id);
  if (!party) return std::unexpected(party.error());
  const RelayDirectory::Client client{parts_.registry.relay_group(id),
                                      (*party)->ledger.member(caller.peer)->wireguard, bind_key,
                                      caller.reached};
  return parts_.relays.grant(client, parts_.clock.unix_time());
}

Result<void> PartyService::post_signal(const Caller& caller, const PartyId& id, const PeerId& to,
                                       Bytes data) {
  const auto party = member_party(caller.peer, id);
  if (!party) return std::unexpected(party.error());
  if (!(*party)->ledger.member(to))
    return fail(Errc::unknown_peer, "no such member in this party", "to_peer_id");
  if (to == caller.peer)
    return fail(Errc::invalid_field, "a signal goes to another member", "to_peer_id");
  if (!signals_sent_.take(caller.peer, parts_.clock.monotonic()))
    return too_fast(RateLimit::signals, "too many signals: wait a moment");
  if (parts_.audience.deliver(id, to, protocol::ws::Signal{id, caller.peer, data})) {
    parts_.metrics.signal(SignalFate::delivered);
    return {};
  }
  const auto added =
      parts_.signals.add(id, caller.peer, to, std::move(data), parts_.clock.unix_time());
  if (added == SignalQueue::Added::no) {
    parts_.metrics.signal(SignalFate::refused);
    return fail(Errc::unavailable, "too many signals wait for members who are away");
  }
  parts_.metrics.signal(SignalFate::queued);
  if (added == SignalQueue::Added::for_oldest) parts_.metrics.signal(SignalFate::displaced);
  return {};
}

Result<protocol::SignalsAnswer> PartyService::waiting_signals(const Caller& caller,
                                                              const PartyId& id,
                                                              std::uint64_t after) const {
  if (auto party = member_party(caller.peer, id); !party) return std::unexpected(party.error());
  return protocol::SignalsAnswer{
      parts_.signals.after(id, caller.peer, after, parts_.clock.unix_time())};
}

}  // namespace lanrage::server
