// What callers may ask for, the same over HTTP and WebSocket: checks who asks, hands changes to the
// registry, and shows the outcome as the protocol has it.
#pragma once

#include <string>
#include <vector>

#include "protocol/rest.hpp"
#include "server/audience.hpp"
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
  crypto::Hash binding{};  // what proofs are made for
  std::string public_url;  // what invites should name
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

  Result<protocol::GetPartyAnswer> party(const Caller& caller, const PartyId& id) const;
  Result<protocol::PeersAnswer> peers(const Caller& caller, const PartyId& id) const;
  Result<protocol::Peer> peer(const Caller& caller, const PartyId& id, const PeerId& peer) const;
  // The party, if the caller is a member of it; else unknown_party, whether it exists or not.
  Result<const party::Party*> member_party(const PeerId& peer, const PartyId& id) const;

  Result<void> heartbeat(const Caller& caller, const PartyId& id, const PeerId& peer);
  Result<protocol::RelayGrant> relay_grant(const Caller& caller, const PartyId& id,
                                           const crypto::VerifyKey& bind_key) const;
  Result<void> post_signal(const Caller& caller, const PartyId& id, const PeerId& to, Bytes data);
  Result<protocol::SignalsAnswer> waiting_signals(const Caller& caller, const PartyId& id,
                                                  std::uint64_t after) const;

  const ServerIdentity& identity() const { return identity_; }
  const CreationPolicy& policy() const { return policy_; }

 private:
  Result<void> may_create(const Caller& caller, const protocol::CreatePartyRequest& request);
  Result<protocol::PartyAnswer> party_answer(
      const Caller& caller, const PartyId& id, std::uint64_t seq,
      const std::optional<crypto::VerifyKey>& bind_key) const;
  void execute(const Caller& caller, const PartyId& party, const std::string& request_id,
               party::Action action, Done<party::Outcome> done);

  Parts parts_;
  const Limits& limits_;
  ServerIdentity identity_;
  CreationPolicy policy_;
  TokenBuckets wrong_words_;
  TokenBuckets creations_;
  TokenBuckets signals_sent_;
  TokenBuckets updates_;
};

}  // namespace lanrage::server
