// The open WebSockets and what each is subscribed to.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/websocket.hpp"
#include "server/audience.hpp"
#include "server/audit_log.hpp"
#include "server/party_service.hpp"
#include "server/presence_feed.hpp"

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
    Metrics& metrics;
    AuditLog& audit;
    io::Log& log;
  };
  Sessions(const Parts& parts, const Limits& limits);
  // Before the first connection.
  void serve(PartyService& service) { service_ = &service; }

  // Takes one of what the peer may ask, over both transports. False: none left.
  bool may_ask(const PeerId& peer) { return requests_.take(peer, parts_.clock.monotonic()); }
  // For an upgrade by an authenticated caller.
  io::WebSocketOpened accept(const Caller& caller);

  void presence_changed(const PartyId& party, const PeerId& peer) override;
  bool deliver(const PartyId& party, const PeerId& to,
               const protocol::ws::ServerMessage& message) override;
  void token_revoked(const TokenHash& token) override;
  // Tells the subscribers and ends the subscriptions that the event ends, in one step.
  void on_event(const party::Party& party, const party::Event& event);
  // Tells who came and went meanwhile. Several times a second.
  void tell_presence();
  // Closes those whose token has run out or who never said hello; goes on with snapshots that are
  // due. About every second.
  void check();
  // The server stops: connections that end from now on say nothing of their peers.
  void stop() { stopping_ = true; }
  std::size_t size() const { return sessions_.size(); }

 private:
  using SessionId = std::uint64_t;  // never given twice: a late callback finds nobody
  struct Subscription {
    // A client whose digest differs from ours gets the whole party; if that doesn't help, we say so
    // once and leave it alone until it agrees again.
    enum class Divergence { none, answered, reported };
    Divergence divergence = Divergence::none;
    std::uint64_t answered_seq = 0;
  };
  struct Session {
    SessionId id = 0;
    std::shared_ptr<io::WebSocket> socket;
    Caller caller;
    Instant opened{};
    bool greeted = false;
    bool closing = false;
    std::map<PartyId, Subscription> parties;
    std::set<PartyId> stale;  // to be sent whole
  };
  using Text = std::shared_ptr<const std::string>;

  void on_text(SessionId id, const std::string& text);
  void on_closed(SessionId id, std::uint16_t code);
  void on_overflow(SessionId id);
  Session* open_session(SessionId id);  // null: gone or closing

  void on(Session& session, const protocol::ws::Hello& hello);
  void on(Session& session, const protocol::ws::Auth& auth);
  void on(Session& session, const protocol::ws::Subscribe& request);
  void on(Session& session, const protocol::ws::RegisterParty& message);
  void on(Session& session, const protocol::ws::JoinParty& message);
  void on(Session& session, const protocol::ws::LeaveParty& message);
  void on(Session& session, const protocol::ws::UpdatePeer& message);
  void on(Session& session, const protocol::ws::Heartbeat& heartbeat);
  void on(Session& session, const protocol::ws::SendSignal& signal);
  void on(Session& session, const protocol::ws::RelayTokenRequest& request);

  // The outcome of a command, if its session is still there.
  Done<protocol::PartyAnswer> entered_later(const Session& session, const std::string& request_id,
                                            const std::optional<PartyId>& party);
  Done<protocol::SeqAnswer> answer_later(const Session& session, const std::string& request_id,
                                         const PartyId& party);

  // `known`: what the client has already, if it resumes.
  Result<void> subscribe(Session& session, const PartyId& id, const protocol::ws::Resume* known);
  // Shows somebody who was removed while it was away the roster that left it out: a member's
  // signature ends its membership, not our word. False: nothing like that is known.
  bool show_removal(Session& session, const PartyId& id);
  void unsubscribe(Session& session, const PartyId& party, bool clean);
  // Subscriptions of one member, or of all, end with the event that was just told.
  void end_subscriptions(const PartyId& party, const PeerId* member);
  void drop_subscriber(const PartyId& party, const Session& session);
  Resumed how_to_resume(const party::Party& party, const protocol::ws::Resume& known) const;
  void replay(Session& session, const party::Party& party, std::uint64_t after);
  void check_digest(Session& session, const party::Party& party, Subscription& subscription,
                    const protocol::ws::Heartbeat& heartbeat);
  // One snapshot at a time, each when all before it has left: however many and large the parties,
  // the queue holds one.
  void send_stale(Session& session);
  void send_snapshot(Session& session, const party::Party& party);
  void send(Session& session, const protocol::ws::ServerMessage& message);
  void announce(const PartyId& party, const protocol::ws::ServerMessage& message,
                const PeerId* except = nullptr);
  void announce_rotation(const party::Party& party, protocol::ws::KeyRotated message);
  void tell_presence_of(const PartyId& party, const PeerId& peer);
  void refuse(Session& session, const Error& error, const std::optional<std::string>& request_id,
              const std::optional<PartyId>& party);
  void close(Session& session, const Error& error);

  Parts parts_;
  const Limits& limits_;
  PartyService* service_ = nullptr;
  bool stopping_ = false;
  SessionId last_id_ = 0;
  std::unordered_map<SessionId, Session> sessions_;
  std::unordered_map<PeerId, std::vector<SessionId>> by_peer_;  // the oldest first
  std::unordered_map<PartyId, std::vector<Session*>> subscribers_;
  PresenceFeed feed_;
  PeerBuckets requests_;
};

}  // namespace lanrage::server
