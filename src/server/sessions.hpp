// The open WebSockets and what each is subscribed to.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/websocket.hpp"
#include "server/audience.hpp"
#include "server/party_service.hpp"

namespace lanrage::server {

class Sessions final : public Audience {
 public:
  struct Parts {
    PartyRegistry& registry;
    Presence& presence;
    SignalQueue& signals;
    Authentication& authentication;
    const Clock& clock;
    Random& random;
  };
  Sessions(const Parts& parts, const Limits& limits);
  // Before the first connection.
  void serve(PartyService& service) { service_ = &service; }

  // For an upgrade by an authenticated caller.
  io::WebSocketOpened accept(const Caller& caller);

  void announce(const PartyId& party, const protocol::ws::ServerMessage& message,
                const PeerId* except) override;
  bool deliver(const PartyId& party, const PeerId& to,
               const protocol::ws::ServerMessage& message) override;
  // Tells the subscribers and ends subscriptions that the event ends.
  void on_event(const party::Party& party, const party::Event& event);
  // Closes those whose token has run out or who never said hello; goes on with snapshots that are
  // due. About every second.
  void check();
  // The server stops: connections that end from now on say nothing of their peers.
  void stop() { stopping_ = true; }
  std::size_t size() const { return sessions_.size(); }

 private:
  using SessionId = std::uint64_t;  // never given twice: a late callback finds nobody
  struct Session {
    SessionId id = 0;
    std::shared_ptr<io::WebSocket> socket;
    Caller caller;
    Instant opened{};
    bool greeted = false;
    bool closing = false;
    std::map<PartyId, std::uint64_t> parties;  // the seq of the last divergence answered; 0: none
    std::set<PartyId> stale;                   // to be sent whole
  };
  using Text = std::shared_ptr<const std::string>;

  void on_text(SessionId id, const std::string& text);
  void on_closed(SessionId id, std::uint16_t code);
  void on_overflow(SessionId id);

  void on(SessionId id, const protocol::ws::Hello& hello);
  void on(SessionId id, const protocol::ws::Auth& auth);
  void on(SessionId id, const protocol::ws::Subscribe& request);
  void on(SessionId id, const protocol::ws::RegisterParty& message);
  void on(SessionId id, const protocol::ws::JoinParty& message);
  void on(SessionId id, const protocol::ws::LeaveParty& message);
  void on(SessionId id, const protocol::ws::UpdatePeer& message);
  void on(SessionId id, const protocol::ws::Heartbeat& heartbeat);
  void on(SessionId id, const protocol::ws::SendSignal& signal);
  void on(SessionId id, const protocol::ws::RelayTokenRequest& request);

  // `known`: what the client has already, if it resumes.
  Result<void> subscribe(Session& session, const PartyId& id, const protocol::ws::Resume* known);
  void unsubscribe(Session& session, const PartyId& party, bool clean);
  // One snapshot at a time, each when all before it has left: however many and large the parties,
  // the queue holds one.
  void send_stale(Session& session);
  void send_snapshot(Session& session, const party::Party& party);
  // The outcome of a command, if its session is still there.
  void answer_entered(SessionId id, const std::string& request_id,
                      const std::optional<PartyId>& party,
                      const Result<protocol::PartyAnswer>& outcome);
  Done<protocol::SeqAnswer> answer_later(SessionId id, const std::string& request_id,
                                         const PartyId& party);
  void send(Session& session, const protocol::ws::ServerMessage& message);
  void refuse(Session& session, const Error& error, const std::optional<std::string>& request_id,
              const std::optional<PartyId>& party);
  void close(Session& session, const Error& error);
  std::vector<SessionId> of_peer(const PeerId& peer) const;

  Parts parts_;
  const Limits& limits_;
  PartyService* service_ = nullptr;
  TokenBuckets messages_;
  bool stopping_ = false;
  SessionId last_id_ = 0;
  std::map<SessionId, Session> sessions_;
  std::map<PartyId, std::map<SessionId, Session*>> subscribers_;
};

}  // namespace lanrage::server
