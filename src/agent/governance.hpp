// What host and deputies do to their party, and who may: records are built against what we know of
// it, sent to the server, and built again where the party has moved on meanwhile.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control_plane.hpp"
#include "agent/device_keys.hpp"
#include "party/membership.hpp"
#include "trust/fork.hpp"

namespace lanrage::agent {

enum class GovernErrc {
  not_allowed,
  that_is_you,
  host_stays,
  deputy_stays,
  gone,
  nothing_to_do,
  server_lacks_records,
  out_of_reach,
  key_not_taken,
};
constexpr std::string_view name_of(GovernErrc errc) {
  switch (errc) {
    case GovernErrc::not_allowed:
      return "not_allowed";
    case GovernErrc::that_is_you:
      return "that_is_you";
    case GovernErrc::host_stays:
      return "host_stays";
    case GovernErrc::deputy_stays:
      return "deputy_stays";
    case GovernErrc::gone:
      return "gone";
    case GovernErrc::nothing_to_do:
      return "nothing_to_do";
    case GovernErrc::server_lacks_records:
      return "server_lacks_records";
    case GovernErrc::out_of_reach:
      return "out_of_reach";
    case GovernErrc::key_not_taken:
      return "key_not_taken";
  }
  return "unknown";
}

// Which members work by a roster already. The rest will, as soon as they hear of it.
struct Receipts {
  std::vector<PeerId> confirmed;
  std::vector<PeerId> waiting;
};

// What came of handing the root key to a member's agent.
enum class Handing { taken, out_of_reach, no_answer };

// A party as those who govern it need it.
class GovernedParty {
 public:
  virtual ~GovernedParty() = default;
  virtual const party::Ledger& ledger() const = 0;
  virtual const party::PartyKey& party_key() const = 0;
  virtual const DeviceKeys& device() const = 0;
  // Null unless this device is the host.
  virtual const crypto::SigningKey* root_key() const = 0;
  // What a deputy left out in a history that isn't followed (trust::VerifiedLog): the next roster
  // leaves it out, too.
  virtual trust::Overruled overruled() const { return {}; }
  // What the server has shown is all that we know.
  virtual bool server_has_all() const { return true; }
  virtual std::shared_ptr<ControlPlane> control() const = 0;
  // What the server said in an answer counts as if it had come by the live link.
  virtual void hear(const protocol::ws::ServerMessage& message) = 0;
  // Who of `members` has applied the roster of this epoch. Here: nobody has said so yet.
  virtual boost::asio::awaitable<Receipts> receipts(std::uint32_t key_epoch,
                                                    std::vector<PeerId> members);
  // Hands the root key to the agent of `to`. `taken`: it is on that one's disk. Here: nobody is in
  // reach.
  virtual boost::asio::awaitable<Handing> hand_root_key(PeerId to);
  // After a charter with another host: whether this device has forgotten the root key, for which it
  // waits a little.
  virtual boost::asio::awaitable<bool> root_key_forgotten();
};

// Of those whom the charter names, who is in the party.
std::set<PeerId> deputies_of(const party::Ledger& ledger);

class Governance {
 public:
  explicit Governance(std::shared_ptr<GovernedParty> party) : party_(std::move(party)) {}

  struct Rotated {
    std::uint32_t key_epoch = 0;
    std::vector<PeerId> removed;
    std::vector<InviteId> dropped;  // nobody can join by these any more
    Receipts receipts;
  };
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;

  // Errors of all: GovernErrc, ControlPlane's.
  Answer<Rotated> kick(PeerId peer);
  Answer<Rotated> revoke(InviteId invite);  // party::Errc::unknown_invite
  Answer<Rotated> rotate();                 // another party key, and nothing else
  // A new roster without the invites that have ended; nothing_to_do where it keeps none. Nobody's
  // receipt is waited for, and nothing that members told each other is given up for it.
  Answer<Rotated> close_ended_invites();
  Answer<party::NewInvite> invite(party::InviteOptions options);
  // What comes back are the deputies from now on.
  Answer<std::set<PeerId>> promote(PeerId peer);
  Answer<std::set<PeerId>> demote(PeerId peer);
  // Makes it the host, and us a deputy. Until it has the root key on its disk nothing changes, and
  // whatever fails can be repeated. Errors as well: out_of_reach, key_not_taken.
  struct HandedOver {
    std::set<PeerId> deputies;
    bool forgotten = false;  // the root key, by this device; else as soon as the host confirms
  };
  Answer<HandedOver> hand_over(PeerId peer);

 private:
  // What makes a record out of date when it changes.
  struct State {
    crypto::Hash head;
    std::uint32_t key_epoch;  // of the key that we hold
    friend bool operator==(const State&, const State&) = default;
  };
  State state() const;
  // The key that makes what we sign count; not_allowed, saying who may do `what`.
  Result<crypto::SigningKey> signer(std::string_view what) const;
  Result<crypto::SigningKey> root(std::string_view what) const;
  Result<void> may_remove(const PeerId& peer) const;
  Result<void> may_promote(const PeerId& peer) const;
  Result<void> may_demote(const PeerId& peer) const;
  Result<void> may_hand_over(const PeerId& peer) const;
  std::string name(const PeerId& peer) const;

  template <class T>
  Answer<T> until_current(std::function<Answer<T>()> attempt);
  // Asks the server for the newest log. False when that taught us nothing.
  boost::asio::awaitable<bool> catch_up(State before);
  Answer<Rotated> rotate_once(party::RotationOptions options, crypto::SigningKey signer);
  Answer<Rotated> with_receipts(Result<Rotated> done);
  Answer<party::NewInvite> invite_once(party::InviteOptions options);
  Answer<void> change_charter(party::CharterChange change, crypto::SigningKey root);

  // What rosters are built on.
  const party::Ledger& base() const { return base_ ? *base_ : party_->ledger(); }

  std::shared_ptr<GovernedParty> party_;
  // The server's log, where it lacks records that members told each other, so that no roster on
  // ours can follow it. One on this outranks them (trust/fork.hpp).
  std::optional<party::Ledger> base_;
};

}  // namespace lanrage::agent
