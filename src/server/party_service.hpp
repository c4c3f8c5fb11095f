// What callers may ask for, the same over HTTP and WebSocket: checks who asks, hands changes to the
// registry, and shows the outcome as the protocol has it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "protocol/rest.hpp"
#include "server/audience.hpp"
#include "server/audit_log.hpp"
#include "server/party_registry.hpp"
#include "server/presence.hpp"
#include "server/relay_directory.hpp"
#include "server/signal_queue.hpp"

namespace lanrage::server {

struct Caller {
  PeerId peer;
  TokenHash token{};
  IpAddress remote;
  IpAddress reached;  // our address, as the caller's connection has it
};

// Who may create parties: an open server is an open relay.
struct CreationPolicy {
  protocol::CreatePolicy kind = protocol::CreatePolicy::word;
  std::string word;              // of `word`
  std::vector<PeerId> creators;  // of `listed`
};

struct ServerIdentity {
  std::string incarnation;
  crypto::Hash binding{};   // what proofs are made for
  std::string public_url;   // what invites should name
  UnixTime backed_up_at{};  // ServerKeys::backed_up_at
};

class PartyService {
 public:
  struct Parts {
    PartyRegistry& registry;
    Presence& presence;
    SignalQueue& signals;
    RelayDirectory& relays;
    Audience& audience;
    const Clock& clock;
    Metrics& metrics;
    AuditLog& audit;
  };
  PartyService(const Parts& parts, const Limits& limits, ServerIdentity identity,
               CreationPolicy policy);

  void create(const Caller& caller, const protocol::CreatePartyRequest& request,
              Done<protocol::PartyAnswer> done);
  Result<protocol::OpenInviteAnswer> open_invite(const Caller& caller, const PartyId& id,
                                                 const InviteId& invite,
                                                 const protocol::OpenInviteRequest& request);
  void join(const Caller& caller, const PartyId& id, const protocol::JoinRequest& request,
            Done<protocol::PartyAnswer> done);
  void leave(const Caller& caller, const PartyId& id, const PeerId& peer,
             const protocol::LeaveRequest& request, Done<protocol::SeqAnswer> done);
  void update(const Caller& caller, const PartyId& id, const PeerId& peer,
              const protocol::UpdatePeerRequest& request, Done<protocol::SeqAnswer> done);
  void add_invite(const Caller& caller, const PartyId& id,
                  const protocol::AddInviteRequest& request, Done<protocol::AddInviteAnswer> done);
  void close(const Caller& caller, const PartyId& id, const protocol::ClosePartyRequest& request,
             Done<protocol::SeqAnswer> done);
  // By host or deputy: the roster's signature says so, not the caller.
  void rotate(const Caller& caller, const PartyId& id, const protocol::RotateRequest& request,
              Done<protocol::SeqAnswer> done);
  // A rotation whose roster must no longer name the peer, or the invite.
  void kick(const Caller& caller, const PartyId& id, const PeerId& peer,
            const protocol::RotateRequest& request, Done<protocol::SeqAnswer> done);
  void revoke_invite(const Caller& caller, const PartyId& id, const InviteId& invite,
                     const protocol::RotateRequest& request, Done<protocol::SeqAnswer> done);
  void change_charter(const Caller& caller, const PartyId& id,
                      const protocol::ChangeCharterRequest& request,
                      Done<protocol::SeqAnswer> done);
  // By any member: records that this server has forgotten (party/hand_back.hpp).
  void hand_back(const Caller& caller, const PartyId& id, const protocol::HandBackRequest& request,
                 Done<protocol::SeqAnswer> done);
  // By the server's operator: ends our service to the member, for good.
  void bar(const PartyId& id, const PeerId& peer, Done<void> done);

  Result<protocol::GetPartyAnswer> party(const Caller& caller, const PartyId& id,
                                         std::uint64_t log_from = 0) const;
  Result<protocol::PeersAnswer> peers(const Caller& caller, const PartyId& id) const;
  Result<protocol::Peer> peer(const Caller& caller, const PartyId& id, const PeerId& peer) const;
  // The party, if the caller is a member of it; else unknown_party, whether it exists or not.
  Result<const party::Party*> member_party(const PeerId& peer, const PartyId& id) const;

  // The party, if the caller is a member of it.
  Result<const party::Party*> heartbeat(const Caller& caller, const PartyId& id,
                                        const PeerId& peer);
  Result<protocol::RelayGrant> relay_grant(const Caller& caller, const PartyId& id,
                                           const crypto::VerifyKey& bind_key) const;
  Result<void> post_signal(const Caller& caller, const PartyId& id, const PeerId& to, Bytes data);
  Result<protocol::SignalsAnswer> waiting_signals(const Caller& caller, const PartyId& id,
                                                  std::uint64_t after) const;

  const ServerIdentity& identity() const { return identity_; }
  // As Authentication::set_server_binding().
  void set_server_binding(const crypto::Hash& binding) {
    previous_binding_ = std::exchange(identity_.binding, binding);
  }
  void set_creation_policy(protocol::CreatePolicy kind) { policy_.kind = kind; }
  void set_public_url(std::string url) { identity_.public_url = std::move(url); }
  const CreationPolicy& policy() const { return policy_; }

 private:
  Result<void> may_create(const Caller& caller, const protocol::CreatePartyRequest& request);
  Result<protocol::PartyAnswer> party_answer(const Caller& caller, const PartyId& id,
                                             std::uint64_t seq,
                                             const std::optional<crypto::VerifyKey>& bind_key,
                                             std::uint64_t log_from) const;
  Result<void> may_hand_back(const PeerId& peer, std::span<const Bytes> records);
  std::unexpected<Error> too_fast(RateLimit limit, const char* message);
  void execute(const Caller& caller, const PartyId& party, const std::string& request_id,
               party::Action action, Done<party::Outcome> done);

  Parts parts_;
  const Limits& limits_;
  ServerIdentity identity_;
  std::optional<crypto::Hash> previous_binding_;
  CreationPolicy policy_;
  TokenBuckets wrong_words_;
  PeerBuckets creations_;
  PeerBuckets signals_sent_;
  PeerBuckets updates_;
  PeerBuckets handed_back_;     // records, by who brought them
  PeerBuckets handed_back_of_;  // by who signed them
};

}  // namespace lanrage::server
