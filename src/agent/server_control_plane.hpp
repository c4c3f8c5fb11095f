// What every way of talking to a control server has in common: single requests by HTTPS, and who
// listens to the live link. How the link works is each way's own.
#pragma once

#include <memory>
#include <optional>

#include "agent/control_plane.hpp"
#include "agent/server_session.hpp"

namespace lanrage::agent {

class ServerControlPlane : public ControlPlane,
                           public std::enable_shared_from_this<ServerControlPlane> {
 public:
  // `transport` is what logs call the link; one without a name leaves logging to those it uses.
  ServerControlPlane(std::shared_ptr<ServerSession> session, std::string_view transport)
      : session_(std::move(session)), transport_(transport) {}

  Answer<protocol::InfoAnswer> info() override;
  Answer<void> meet() final;
  Answer<protocol::PartyAnswer> create_party(protocol::CreatePartyRequest request) override;
  Answer<protocol::OpenInviteAnswer> open_invite(PartyId party,
                                                 crypto::SigningKey invite_key) override;
  Answer<protocol::PartyAnswer> join(PartyId party, protocol::JoinRequest request) override;
  Answer<protocol::SeqAnswer> leave(PartyId party, protocol::LeaveRequest request) override;
  Answer<protocol::SeqAnswer> update(PartyId party, protocol::UpdatePeerRequest request) override;
  Answer<protocol::AddInviteAnswer> add_invite(PartyId party,
                                               protocol::AddInviteRequest request) override;
  Answer<protocol::SeqAnswer> rotate(PartyId party, protocol::RotateRequest request) override;
  Answer<protocol::SeqAnswer> change_charter(PartyId party,
                                             protocol::ChangeCharterRequest request) override;
  Answer<protocol::SeqAnswer> hand_back(PartyId party, protocol::HandBackRequest request) override;
  Answer<protocol::GetPartyAnswer> party(PartyId party) override;
  Answer<protocol::RelayGrant> relay_grant(PartyId party,
                                           protocol::RelayTokenRequest request) override;

  void open_link(Listener listener) final;
  void open_link_ahead() final;
  void subscribe(PartyId party, std::string incarnation, std::uint64_t seq) final;
  void on_network_change() final;
  void close() final;
  LinkState link_state() const final { return state_; }
  UnixTime server_time() const final { return session_->server_time(); }

  // The network is another one: makes sure that the link still works, and hurries if it doesn't.
  virtual void check_link() = 0;
  // Ends the link and leaves the session to whoever else uses it; no callback comes after it.
  void end_link();

 protected:
  // Called once, by open_link() or before it, by open_link_ahead().
  virtual void start_link() = 0;
  virtual void stop_link() = 0;
  // subscription() is there, is another, or knows more than before.
  virtual void on_subscription() = 0;

  bool ended() const { return ended_; }
  void set_state(LinkState state);
  void deliver(const protocol::ws::ServerMessage& message);
  void report_trouble(const Error& error);
  // Tells the listener that what was sent before may have been lost, whatever the state was.
  void announce_new_link();
  ServerSession& session() { return *session_; }
  const std::shared_ptr<ServerSession>& shared_session() const { return session_; }
  const std::optional<protocol::ws::Resume>& subscription() const { return subscription_; }

 private:
  template <class Out>
  Answer<Out> ask(io::Method method, std::string target, std::string body);
  void tell_link();

  std::shared_ptr<ServerSession> session_;
  std::string_view transport_;
  Listener listener_;
  std::optional<protocol::ws::Resume> subscription_;
  bool started_ = false;
  std::optional<protocol::ws::Welcome> unheard_;  // while there is no listener
  LinkState state_ = LinkState::connecting;
  bool ended_ = false;
};

// "/parties/ID" and what follows.
std::string party_path(const PartyId& party, std::string_view rest = "");

}  // namespace lanrage::agent
