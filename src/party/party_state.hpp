// A party as the server holds it: what its events add up to. Presence isn't here: it is soft state.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "party/event.hpp"
#include "party/ledger.hpp"
#include "party/limits.hpp"

namespace lanrage::party {

// What the server adds to a member of the ledger.
struct PeerInfo {
  std::uint64_t joined_seq = 0;
  UnixTime joined_at{};
  Hints hints;
  friend bool operator==(const PeerInfo&, const PeerInfo&) = default;
};

// Answers of the last 24 hours, for callers that repeat themselves.
class RequestLog {
 public:
  struct Answer {
    crypto::Hash fingerprint{};
    std::uint64_t seq = 0;
    UnixTime at{};
  };
  const Answer* find(const PeerId& peer, const std::string& id) const;
  void add(const Request& request, std::uint64_t seq, UnixTime at);
  void prune(UnixTime now, const Limits& limits);
  std::size_t size() const { return answers_.size(); }
  // visit(request, seq, at) for each answer that is remembered, oldest first.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [key, seq] : oldest_first_)
      if (const auto answer = answers_.find(key);
          answer != answers_.end() && answer->second.seq == seq)
        visit(Request{key.first, key.second, answer->second.fingerprint}, seq, answer->second.at);
  }

 private:
  using Key = std::pair<PeerId, std::string>;
  std::map<Key, Answer> answers_;
  std::deque<std::pair<Key, std::uint64_t>> oldest_first_;  // with the seq of each
};

// An event as members that come back are told of it: what it changed, without boxes and request.
struct JournalEntry {
  std::uint64_t seq = 0;
  EventType type{};
  PeerId subject;
  UnixTime at{};
  std::uint64_t first_record = 0;  // its records: log[first_record], ...
  std::uint16_t records = 0;
  Hints hints;
  std::vector<PeerId> removed;
  std::optional<CloseReason> close_reason;
  crypto::Hash digest{};  // the party's after this event
  friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};

struct Party {
  explicit Party(const PartyId& party) : ledger(party) {}

  Ledger ledger;
  std::uint64_t seq = 0;  // of the last event; 0: not created yet
  UnixTime created_at{};
  std::optional<CloseReason> closed;           // set: nothing can be done any more, remove it
  std::vector<Bytes> log;                      // every record, as clients get it
  std::map<PeerId, PeerInfo> peers;            // the keys of ledger.members()
  std::size_t log_bytes = 0;                   // of all records of `log`
  std::map<crypto::ExchangeKey, Bytes> boxes;  // by recipient: open invites and members
  std::set<PeerId> barred;                     // for good, members or not
  RequestLog requests;
  std::deque<JournalEntry> journal;  // the last Limits::journal_events, up to `seq`

  const PartyId& id() const { return ledger.party_id(); }
  bool exists() const { return seq > 0 && !closed; }
  // A member to whom this server gives service.
  bool serves(const PeerId& peer) const;
  const Bytes* box_for(const crypto::ExchangeKey& recipient) const;
  // The event of this number; null when it isn't kept any more, or isn't there yet.
  const JournalEntry* entry(std::uint64_t event) const;
  std::span<const Bytes> records_of(const JournalEntry& entry) const;
  // digest(ledger, seq), worked out once an event; zero before the first.
  const crypto::Hash& digest() const { return digest_; }
  void renew_digest();  // for whoever changes the ledger: evolve(), decode_party()

 private:
  crypto::Hash digest_{};
};

// Carries an event into the state. Events come from apply() or from our own store, so their
// signatures aren't checked again; one that doesn't fit (a gap in seq, a record that the ledger
// refuses) is an error and leaves the party unusable: stop, the store is damaged.
[[nodiscard]] Result<void> evolve(Party& party, const Event& event, const Limits& limits = {});

}  // namespace lanrage::party
