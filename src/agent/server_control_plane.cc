#include "agent/server_control_plane.hpp"

#include <utility>

#include "party/proofs.hpp"

namespace lanrage::agent {

std::string party_path(const PartyId& party, std::string_view rest) {
  return "/parties/" + party.to_string() + std::string(rest);
}

// ---- single requests

template <class Out>
ControlPlane::Answer<Out> ServerControlPlane::ask(io::Method method, std::string target,
                                                  std::string body) {
  const auto session = session_;
  auto text = co_await session->call(method, std::move(target), std::move(body));
  if (!text) co_return std::unexpected(text.error());
  co_return protocol::parse<Out>(*text);
}

ControlPlane::Answer<protocol::InfoAnswer> ServerControlPlane::info() {
  const auto session = session_;
  auto answer = co_await session->call_openly(io::Method::get, "/info");
  if (!answer) co_return std::unexpected(answer.error());
  co_return protocol::parse<protocol::InfoAnswer>(*answer);
}

ControlPlane::Answer<void> ServerControlPlane::meet() {
  const auto session = session_;
  auto token = co_await session->token();
  if (!token) co_return std::unexpected(token.error());
  co_return Result<void>{};
}

ControlPlane::Answer<protocol::PartyAnswer> ServerControlPlane::create_party(
    protocol::CreatePartyRequest request) {
  return ask<protocol::PartyAnswer>(io::Method::post, "/parties", protocol::to_json(request));
}

ControlPlane::Answer<protocol::OpenInviteAnswer> ServerControlPlane::open_invite(
    PartyId party, crypto::SigningKey invite_key) {
  const auto self = shared_from_this();
  // The signature names the server's key, which is known only once connected.
  if (auto token = co_await session_->token(); !token) co_return std::unexpected(token.error());
  protocol::OpenInviteRequest request;
  request.nonce = protocol::open_nonce(session_->random().array<16>(), session_->server_time());
  request.signature = party::prove_invite(
      invite_key, {party, session_->binding(), session_->keys().peer_id(), request.nonce});
  const auto invite = crypto::id_of<InviteId>(invite_key.public_key().bytes);
  const auto target = party_path(party, "/invites/" + invite.to_string() + "/open");
  co_return co_await ask<protocol::OpenInviteAnswer>(io::Method::post, target,
                                                     protocol::to_json(request));
}

ControlPlane::Answer<protocol::PartyAnswer> ServerControlPlane::join(
    PartyId party, protocol::JoinRequest request) {
  return ask<protocol::PartyAnswer>(io::Method::post, party_path(party, "/join"),
                                    protocol::to_json(request));
}

ControlPlane::Answer<protocol::SeqAnswer> ServerControlPlane::leave(
    PartyId party, protocol::LeaveRequest request) {
  return ask<protocol::SeqAnswer>(
      io::Method::del, party_path(party, "/peers/" + session_->keys().peer_id().to_string()),
      protocol::to_json(request));
}

ControlPlane::Answer<protocol::SeqAnswer> ServerControlPlane::update(
    PartyId party, protocol::UpdatePeerRequest request) {
  return ask<protocol::SeqAnswer>(
      io::Method::patch, party_path(party, "/peers/" + session_->keys().peer_id().to_string()),
      protocol::to_json(request));
}

ControlPlane::Answer<protocol::AddInviteAnswer> ServerControlPlane::add_invite(
    PartyId party, protocol::AddInviteRequest request) {
  return ask<protocol::AddInviteAnswer>(io::Method::post, party_path(party, "/invites"),
                                        protocol::to_json(request));
}

ControlPlane::Answer<protocol::SeqAnswer> ServerControlPlane::rotate(
    PartyId party, protocol::RotateRequest request) {
  return ask<protocol::SeqAnswer>(io::Method::post, party_path(party, "/rotate"),
                                  protocol::to_json(request));
}

ControlPlane::Answer<protocol::SeqAnswer> ServerControlPlane::change_charter(
    PartyId party, protocol::ChangeCharterRequest request) {
  return ask<protocol::SeqAnswer>(io::Method::post, party_path(party, "/charter"),
                                  protocol::to_json(request));
}

ControlPlane::Answer<protocol::SeqAnswer> ServerControlPlane::hand_back(
    PartyId party, protocol::HandBackRequest request) {
  return ask<protocol::SeqAnswer>(io::Method::post, party_path(party, "/log"),
                                  protocol::to_json(request));
}

ControlPlane::Answer<protocol::GetPartyAnswer> ServerControlPlane::party(PartyId party) {
  return ask<protocol::GetPartyAnswer>(io::Method::get, party_path(party), "");
}

ControlPlane::Answer<protocol::RelayGrant> ServerControlPlane::relay_grant(
    PartyId party, protocol::RelayTokenRequest request) {
  return ask<protocol::RelayGrant>(io::Method::post, party_path(party, "/relay-token"),
                                   protocol::to_json(request));
}

// ---- the live link

void ServerControlPlane::open_link(Listener listener) {
  listener_ = std::move(listener);
  if (!started_) return open_link_ahead();
  if (const auto welcome = std::exchange(unheard_, std::nullopt)) deliver(*welcome);
  if (state_ == LinkState::connected && !ended_) tell_link();
}

void ServerControlPlane::open_link_ahead() {
  if (started_ || ended_) return;
  started_ = true;
  start_link();
}

void ServerControlPlane::subscribe(PartyId party, std::string incarnation, std::uint64_t seq) {
  subscription_ = protocol::ws::Resume{party, std::move(incarnation), seq};
  on_subscription();
}

void ServerControlPlane::on_network_change() {
  if (ended_) return;
  session_->on_network_change();
  check_link();
}

void ServerControlPlane::end_link() {
  if (ended_) return;
  ended_ = true;
  listener_ = {};
  stop_link();
}

void ServerControlPlane::close() {
  end_link();
  session_->close();
}

void ServerControlPlane::set_state(LinkState state) {
  if (state == state_ || ended_) return;
  state_ = state;
  if (!transport_.empty())
    session_->log().info("control_link", {{"server", session_->origin().to_string()},
                                          {"transport", std::string(transport_)},
                                          {"state", std::string(name_of(state))}});
  tell_link();
}

void ServerControlPlane::announce_new_link() {
  if (state_ == LinkState::connected && !ended_) return tell_link();
  set_state(LinkState::connected);
}

// The listener is copied, since what it does may end the link, and the listener with it.
void ServerControlPlane::tell_link() {
  const auto heard = listener_.on_link;
  if (heard) heard(state_);
}

void ServerControlPlane::report_trouble(const Error& error) {
  const auto heard = listener_.on_trouble;
  if (heard) heard(error);
}

void ServerControlPlane::deliver(const protocol::ws::ServerMessage& message) {
  const auto heard = listener_.on_message;
  if (heard) return heard(message);
  // Nothing else comes to who hasn't subscribed.
  if (const auto* welcome = std::get_if<protocol::ws::Welcome>(&message)) unheard_ = *welcome;
}

}  // namespace lanrage::agent
