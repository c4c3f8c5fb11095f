// Keeps members' logs and keys alike without the control server: each tells the others what it has
// when a tunnel comes up and whenever that changes, until they have said that they heard; whoever
// lacks records asks for them. Says also who has applied what.
//
// Knows no keys but their names; what it is given to adopt is its owner's to verify (PartyTrust).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "trust/gossip_messages.hpp"
#include "trust/record_fetch.hpp"

namespace lanrage::trust {

class Gossip {
 public:
  // A state that wasn't heard is repeated after this time, then after twice as long, up to
  // kSlowest.
  static constexpr Duration kRepeat = std::chrono::milliseconds(500);
  static constexpr Duration kSlowest = std::chrono::seconds(16);
  // Whoever lacks the party key says so again after this time.
  static constexpr Duration kHungry = std::chrono::seconds(4);
  // A member is asked again after a fetch from it led to nothing.
  static constexpr Duration kRetry = std::chrono::seconds(20);
  // Fetches under way in all, one a member at most: each may hold RecordFetch::kMaxBytes.
  static constexpr std::size_t kMaxFetches = 4;
  // While others wait, a fetch ends after this time, the next one from that member after twice as
  // long, up to kLongestTurn: nobody keeps the others out, and whoever is slow gets done as well.
  static constexpr Duration kTurn = std::chrono::seconds(10);
  static constexpr Duration kLongestTurn = std::chrono::seconds(640);
  // A member is within reach for so long after a handshake or a message (WireGuard's session).
  static constexpr Duration kReach = std::chrono::seconds(180);
  static constexpr Duration kBoxSpacing = std::chrono::seconds(1);
  static constexpr Duration kWantSpacing = std::chrono::milliseconds(5);  // answered a member

  struct Send {
    PeerId to;
    Bytes datagram;
  };
  using Sends = std::vector<Send>;
  // Records that a member has after our first `after` ones.
  struct Branch {
    std::uint64_t after = 0;  // in our log of now
    std::vector<Bytes> records;
    HeadAt head;  // what it has then
  };
  struct News {
    bool stated = false;                    // said what it has
    std::optional<Branch> branch;           // the whole of what it has more than we
    std::optional<Bytes> box;               // the party key, sealed to us
    bool lacks_key = false;                 // has our roster, but not its key, which we have
    std::optional<Bytes> root;              // the root key, sealed to us
    std::optional<crypto::Hash> root_kept;  // it has that one kept, by this charter
  };

  // `log` and `keys` outlive it.
  Gossip(const VerifiedLog& log, const KeyRing& keys) : log_(log), keys_(keys) {}

  void set_peers(Instant now, const std::set<PeerId>& peers);
  // WireGuard shook hands with it.
  void on_handshake(Instant now, const PeerId& id);
  // Our log or key has changed.
  void on_change(Instant now);
  // Nothing is said of what we have until the release: it isn't on disk yet, and others rely on it.
  void hold() { held_ = true; }
  void release(Instant now) {
    held_ = false;
    on_change(now);
  }
  // Nothing at all when it is malformed, or of nobody we know.
  News on_datagram(Instant now, const PeerId& from, ByteView datagram, Sends& out);
  // What it has as far as `head` is a history of its own, or against the rules: not to be fetched
  // again, and for a while nothing from it. To judge one costs as much as our whole log.
  void on_parted(Instant now, const PeerId& id, const HeadAt& head);
  void on_timeout(Instant now, Sends& out);
  std::optional<Instant> next_timeout(Instant now) const;

  // What it said last; null: nothing yet.
  const StateMessage* stated(const PeerId& peer) const;
  // It has our first `length` records, as far as it said.
  bool has_applied(const PeerId& peer, std::uint64_t length) const;
  bool within_reach(Instant now, const PeerId& peer) const;

 private:
  struct Peer {
    std::optional<StateMessage> stated;
    std::optional<Instant> last_contact;
    Instant next_state{};
    Duration repeat = kRepeat;
    std::optional<RecordFetch> fetch;
    std::optional<HeadAt> refused_head;  // of a history that we have judged
    std::optional<HeadAt> missed_goal;   // of a fetch whose parts didn't lead there
    Instant next_fetch{};                // not before; whoever waits longest is asked first
    Duration turn = kTurn;
    Instant next_box{};
    Instant next_answer{};
  };

  HeadAt agreed(const StateMessage& state) const;
  bool wants(const Peer& peer) const;
  bool settled(const Peer& peer) const;
  // `asked`: by how many records it asked for more, in a history that isn't ours.
  void tell(Instant now, const PeerId& id, Peer& peer, Sends& out, std::uint64_t asked = 0);
  StateMessage state_for(const Peer& peer, std::uint64_t asked) const;
  void on_state(Instant now, const PeerId& id, Peer& peer, StateMessage state, News& news,
                Sends& out);
  void fetch_timeout(Instant now, const PeerId& id, Peer& peer, Sends& out);
  // As many as there is room for.
  void start_fetches(Instant now, Sends& out);
  bool make_room(Instant now);
  std::optional<Instant> room_from() const;
  void answer(Instant now, const PeerId& id, Peer& peer, const WantMessage& want, Sends& out);
  bool in_reach(Instant now, const Peer& peer) const;

  const VerifiedLog& log_;
  const KeyRing& keys_;
  std::map<PeerId, Peer> peers_;
  bool held_ = false;
};

}  // namespace lanrage::trust
