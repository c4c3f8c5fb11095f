// Routes: what is below /parties.
#include "server/request_body.hpp"
#include "server/routes.hpp"

namespace lanrage::server {

namespace {

// The party that the path names, and the body.
template <class Body>
struct OfParty {
  PartyId party;
  Body body;
};
template <class Body>
Result<OfParty<Body>> read_of_party(const io::HttpRequest& http,
                                    const std::vector<std::string>& parts) {
  const auto party = id_from<PartyId>(parts[1], "party_id");
  if (!party) return std::unexpected(party.error());
  auto body = read_body<Body>(http);
  if (!body) return std::unexpected(body.error());
  return OfParty<Body>{*party, std::move(*body)};
}

}  // namespace

Result<PartyAndPeer> party_and_peer(const std::vector<std::string>& parts) {
  const auto party = id_from<PartyId>(parts[1], "party_id");
  if (!party) return std::unexpected(party.error());
  const auto peer = id_from<PeerId>(parts[3], "peer_id");
  if (!peer) return std::unexpected(peer.error());
  return PartyAndPeer{*party, *peer};
}

void Routes::create_party(Request& request, Reply reply) {
  const auto body = read_body<protocol::CreatePartyRequest>(request.http);
  if (!body) return refuse(std::move(reply), body.error());
  parts_.service.create(request.caller, *body,
                        answer_later<protocol::PartyAnswer>(std::move(reply)));
}

void Routes::get_party(Request& request, Reply reply) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return refuse(std::move(reply), party.error());
  const auto log_from = number_from(request.http, "log_from", 0);
  if (!log_from) return refuse(std::move(reply), log_from.error());
  answer(std::move(reply), parts_.service.party(request.caller, *party, *log_from));
}

void Routes::close_party(Request& request, Reply reply) {
  const auto asked = read_of_party<protocol::ClosePartyRequest>(request.http, request.parts);
  if (!asked) return refuse(std::move(reply), asked.error());
  parts_.service.close(request.caller, asked->party, asked->body,
                       answer_later<protocol::SeqAnswer>(std::move(reply)));
}

void Routes::join_party(Request& request, Reply reply) {
  const auto asked = read_of_party<protocol::JoinRequest>(request.http, request.parts);
  if (!asked) return refuse(std::move(reply), asked.error());
  parts_.service.join(request.caller, asked->party, asked->body,
                      answer_later<protocol::PartyAnswer>(std::move(reply)));
}

void Routes::get_peers(Request& request, Reply reply) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return refuse(std::move(reply), party.error());
  answer(std::move(reply), parts_.service.peers(request.caller, *party));
}

void Routes::get_peer(Request& request, Reply reply) {
  const auto ids = party_and_peer(request.parts);
  if (!ids) return refuse(std::move(reply), ids.error());
  answer(std::move(reply), parts_.service.peer(request.caller, ids->party, ids->peer));
}

void Routes::update_peer(Request& request, Reply reply) {
  const auto ids = party_and_peer(request.parts);
  if (!ids) return refuse(std::move(reply), ids.error());
  const auto body = read_body<protocol::UpdatePeerRequest>(request.http);
  if (!body) return refuse(std::move(reply), body.error());
  parts_.service.update(request.caller, ids->party, ids->peer, *body,
                        answer_later<protocol::SeqAnswer>(std::move(reply)));
}

// Leaving is one's own record; taking another out needs a roster of host or deputy.
void Routes::leave_party(Request& request, Reply reply) {
  const auto ids = party_and_peer(request.parts);
  if (!ids) return refuse(std::move(reply), ids.error());
  if (ids->peer != request.caller.peer) {
    const auto rotation = read_body<protocol::RotateRequest>(request.http);
    if (!rotation) return refuse(std::move(reply), rotation.error());
    return parts_.service.kick(request.caller, ids->party, ids->peer, *rotation,
                               answer_later<protocol::SeqAnswer>(std::move(reply)));
  }
  const auto body = read_body<protocol::LeaveRequest>(request.http);
  if (!body) return refuse(std::move(reply), body.error());
  parts_.service.leave(request.caller, ids->party, ids->peer, *body,
                       answer_later<protocol::SeqAnswer>(std::move(reply)));
}

void Routes::heartbeat(Request& request, Reply reply) {
  const auto ids = party_and_peer(request.parts);
  if (!ids) return refuse(std::move(reply), ids.error());
  // All its fields are optional, so an absent body says as much as an empty object.
  if (!request.http.body.empty())
    if (auto body = read_body<protocol::HeartbeatRequest>(request.http); !body)
      return refuse(std::move(reply), body.error());
  const auto party = parts_.service.heartbeat(request.caller, ids->party, ids->peer);
  answer(std::move(reply), party ? Result<void>() : std::unexpected(party.error()));
}

void Routes::rotate(Request& request, Reply reply) {
  const auto asked = read_of_party<protocol::RotateRequest>(request.http, request.parts);
  if (!asked) return refuse(std::move(reply), asked.error());
  parts_.service.rotate(request.caller, asked->party, asked->body,
                        answer_later<protocol::SeqAnswer>(std::move(reply)));
}

void Routes::change_charter(Request& request, Reply reply) {
  const auto asked = read_of_party<protocol::ChangeCharterRequest>(request.http, request.parts);
  if (!asked) return refuse(std::move(reply), asked.error());
  parts_.service.change_charter(request.caller, asked->party, asked->body,
                                answer_later<protocol::SeqAnswer>(std::move(reply)));
}

void Routes::hand_back(Request& request, Reply reply) {
  const auto asked = read_of_party<protocol::HandBackRequest>(request.http, request.parts);
  if (!asked) return refuse(std::move(reply), asked.error());
  parts_.service.hand_back(request.caller, asked->party, asked->body,
                           answer_later<protocol::SeqAnswer>(std::move(reply)));
}

void Routes::relay_token(Request& request, Reply reply) {
  const auto asked = read_of_party<protocol::RelayTokenRequest>(request.http, request.parts);
  if (!asked) return refuse(std::move(reply), asked.error());
  answer(std::move(reply),
         parts_.service.relay_grant(request.caller, asked->party, asked->body.bind_key));
}

void Routes::add_invite(Request& request, Reply reply) {
  const auto asked = read_of_party<protocol::AddInviteRequest>(request.http, request.parts);
  if (!asked) return refuse(std::move(reply), asked.error());
  parts_.service.add_invite(request.caller, asked->party, asked->body,
                            answer_later<protocol::AddInviteAnswer>(std::move(reply)));
}

void Routes::revoke_invite(Request& request, Reply reply) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return refuse(std::move(reply), party.error());
  const auto invite = id_from<InviteId>(request.parts[3], "invite_id");
  if (!invite) return refuse(std::move(reply), invite.error());
  const auto body = read_body<protocol::RotateRequest>(request.http);
  if (!body) return refuse(std::move(reply), body.error());
  parts_.service.revoke_invite(request.caller, *party, *invite, *body,
                               answer_later<protocol::SeqAnswer>(std::move(reply)));
}

void Routes::open_invite(Request& request, Reply reply) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return refuse(std::move(reply), party.error());
  const auto invite = id_from<InviteId>(request.parts[3], "invite_id");
  if (!invite) return refuse(std::move(reply), invite.error());
  const auto body = read_body<protocol::OpenInviteRequest>(request.http);
  if (!body) return refuse(std::move(reply), body.error());
  answer(std::move(reply), parts_.service.open_invite(request.caller, *party, *invite, *body));
}

void Routes::post_signal(Request& request, Reply reply) {
  auto asked = read_of_party<protocol::PostSignalRequest>(request.http, request.parts);
  if (!asked) return refuse(std::move(reply), asked.error());
  answer(std::move(reply),
         parts_.service.post_signal(request.caller, asked->party, asked->body.to_peer_id,
                                    std::move(asked->body.signal_data)));
}

void Routes::get_signals(Request& request, Reply reply) {
  const auto party = id_from<PartyId>(request.parts[1], "party_id");
  if (!party) return refuse(std::move(reply), party.error());
  const auto after = number_from(request.http, "after", 0);
  if (!after) return refuse(std::move(reply), after.error());
  answer(std::move(reply), parts_.service.waiting_signals(request.caller, *party, *after));
}

}  // namespace lanrage::server
