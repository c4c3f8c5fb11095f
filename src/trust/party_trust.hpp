// What this device believes of a party and on whose word: the verified log, the party keys, what
// other members have, and so whom its WireGuard may know and with which preshared key. The control
// server and the members are heard alike; only signatures convince.
//
// A pure machine: each call returns what is to be done.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "trust/gossip.hpp"
#include "trust/pair_key.hpp"
#include "trust/root_handover.hpp"

namespace lanrage::trust {

// What a player should know; raised and, when it no longer holds, healed.
enum class Topic {
  server_behind,          // the server lacks records that we have
  server_split,           // the server shows another history
  server_record_refused,  // the server sent a record that breaks the rules
  key_missing,            // the server has no box with the newest party key for us
  key_refused,            // or one that doesn't hold that key
  member_split,           // a member has another history than we, and both are valid
  member_record_refused,  // a member sent a record that breaks the rules
};
struct Finding {
  Topic topic;
  bool raised = true;  // else healed
  PeerId member{};     // of member_*: which
  std::string detail{};
};

struct Effects {
  Gossip::Sends sends;
  bool access_changed = false;  // ask access() again
  bool keep = false;            // records or keys have changed: to be kept, then on_stored()
  bool want_snapshot = false;
  bool removed = false;  // those who govern the party left us out
  std::vector<Finding> findings;
};

// A peer as WireGuard is to know it.
struct Access {
  PeerId peer;
  Secret<32> preshared_key;
  // Else only the tunnel's own address: until somebody else has told us the present roster, whom we
  // remember may have been removed.
  bool may_talk = false;
};

class PartyTrust {
 public:
  // What may be on its way still is asked for after this time, and reported as missing when the
  // answer lacks it, or after as long again without one.
  static constexpr Duration kDoubt = std::chrono::seconds(5);

  struct Device {
    PeerId self;
    crypto::ExchangeSecret box;
    crypto::ExchangeKey wireguard;
    // The party's root key, if it is here: root() has it then.
    std::optional<crypto::SigningKey> root{};
  };
  // `fresh`: log and keys come from the server just now, else from disk. `random` outlives it.
  // `overruled`, `prover`: VerifiedLog's.
  PartyTrust(Instant now, Device device, party::Ledger ledger, std::vector<Bytes> records,
             KeyRing keys, bool fresh, Random& random, Overruled overruled = {},
             party::LogProver prover = {});
  PartyTrust(const PartyTrust&) = delete;
  PartyTrust& operator=(const PartyTrust&) = delete;

  // ---- the control server's word. `box`: with the newest party key, sealed to us.
  Effects on_snapshot(Instant now, std::span<const Bytes> log, std::uint64_t seq,
                      std::string incarnation, const std::optional<Bytes>& box);
  Effects on_event(Instant now, std::uint64_t seq, std::span<const Bytes> records,
                   const std::optional<Bytes>& box = std::nullopt);
  // It has told everything that it has.
  Effects on_caught_up(Instant now, std::uint64_t seq);
  void on_new_link() {
    log_.on_new_link();
    server_told_all_ = false;
  }
  void on_link_lost() { server_told_all_ = false; }

  // ---- the members', inside the tunnel
  Effects on_datagram(Instant now, const PeerId& from, ByteView datagram);
  Effects on_handshake(Instant now, const PeerId& peer);
  // By its sealed and signed signal, which the server only carries.
  Effects on_restart(Instant now, const PeerId& peer);
  Effects on_timeout(Instant now);
  std::optional<Instant> next_timeout(Instant now) const;

  // ---- our own disk's and player's
  // All that Effects::keep has told of is on disk. Until then no member hears that we have it.
  Effects on_stored(Instant now);
  // RootHandover::offer(), withdraw().
  Effects offer_root(Instant now, const PeerId& to);
  void withdraw_root() { root_.withdraw(); }

  // ---- what follows
  const RootHandover& root() const { return root_; }
  bool has_open(Topic topic) const;  // a finding about it, raised and not healed
  const VerifiedLog& log() const { return log_; }
  const party::Ledger& ledger() const { return log_.ledger(); }
  const KeyRing& keys() const { return keys_; }
  bool key_is_current() const { return keys_.is_current(ledger()); }
  // Everybody else in the party, sorted by id.
  std::vector<Access> access() const;
  // The server, or some member, has told us the present roster.
  bool confirmed() const { return confirmed_ || !vouchers_.empty(); }
  // The member has our first `length` records: it knows whom they removed.
  bool has_applied(const PeerId& peer, std::uint64_t length) const {
    return gossip_.has_applied(peer, length);
  }
  bool within_reach(Instant now, const PeerId& peer) const {
    return gossip_.within_reach(now, peer);
  }

 private:
  // Derived anew when one of the two has changed.
  struct Preshared {
    KeyId from;
    crypto::ExchangeKey with;
    Secret<32> key;
  };
  struct Pair {
    explicit Pair(Instant now) : choice(now) {}
    PairKey choice;
    std::optional<Preshared> preshared{};
  };

  void after_merge(Instant now, const VerifiedLog::Merge& merge, Effects& out);
  void server_findings(const VerifiedLog::Merge& merge, Effects& out);
  KeyRing::Followed follow_key(const std::optional<Bytes>& box, Effects& out);
  void refresh(Instant now, Effects& out);
  void derive(const PeerId& peer, Pair& pair);
  void confirm(Effects& out);
  void vouch(const PeerId& member, Effects& out);
  bool may_talk(const PeerId& peer) const;
  void adopt_branch(Instant now, const PeerId& from, Gossip::Branch branch, Effects& out);
  void send_box(const PeerId& to, Effects& out);
  void judge_server(Instant now, Effects& out);
  void report(Topic topic, bool raised, Effects& out, const PeerId& member = {},
              std::string detail = {});

  Device device_;
  Random& random_;
  VerifiedLog log_;
  KeyRing keys_;
  Gossip gossip_;
  RootHandover root_;
  std::map<PeerId, Pair> pairs_;
  std::set<std::pair<Topic, PeerId>> open_findings_;
  bool key_changed_ = false;  // and nobody has been told
  bool stored_ = true;        // all of log, keys and root key
  // The server hasn't shown all that we have.
  struct Doubt {
    Instant since;
    std::optional<Instant> asked{};  // for a snapshot
    bool answered = false;
  };
  std::optional<Doubt> doubt_;
  bool server_told_all_ = false;
  bool confirmed_;             // by the server
  std::set<PeerId> vouchers_;  // members who have said that our log is theirs
};

}  // namespace lanrage::trust
