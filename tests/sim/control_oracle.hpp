// What must hold of a control server, whatever it goes through. The oracle reads what the store
// holds, works out every party from it by itself, and holds each word of the server against that.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "party/party_state.hpp"
#include "protocol/websocket_messages.hpp"
#include "support/memory_store.hpp"

namespace lanrage::control_sim {

// Keeps the first thing that went wrong.
class Complaints {
 public:
  void add(const std::string& what) {
    if (!first_) first_ = what;
  }
  const std::optional<std::string>& first() const { return first_; }

 private:
  std::optional<std::string> first_;
};

class Oracle {
 public:
  struct Entry {  // one event, and who was served after it
    party::Event event;
    std::set<PeerId> served;
    crypto::Hash digest{};
  };
  struct History {
    party::Party state;
    std::vector<Entry> entries;
    std::set<PeerId> members;
    bool closed = false;  // the store forgot it

    const Entry* entry(std::uint64_t seq) const {
      return seq == 0 || seq > entries.size() ? nullptr : &entries[seq - 1];
    }
    bool serves(const PeerId& peer) const { return !closed && state.serves(peer); }
  };

  Oracle(Complaints& complaints, const party::Limits& limits)
      : complaints_(&complaints), limits_(limits) {}

  // After anything that may have written.
  void observe(const store::MemoryTables& tables);
  // The projections, which servers never read back, say the same as the events.
  void check_tables(const store::MemoryTables& tables) const;
  // A store from the past took the present one's place.
  void go_back(const Oracle& past);

  // A frame that the server hands to a connection of `to`, now.
  void check_sent(const PeerId& to, const protocol::ws::ServerMessage& message,
                  const std::string& incarnation) const;
  // A whole party shown to `to`; it may have been on its way for a while.
  void check_shown(const PeerId& to, const protocol::Party& shown) const;
  struct Request {
    PartyId party;
    PeerId peer;
    bool may_change_nothing = false;  // needs no event where all is as it wishes already
  };
  // Ids are unique in a world.
  void expect(const std::string& request_id, const Request& request) {
    requests_.emplace(request_id, request);
  }
  // The server says, now, that it was done as event `seq`. Ids that weren't expected are no
  // commands.
  void acknowledged(const std::string& request_id, std::uint64_t seq, UnixTime now);

  const History* find(const PartyId& party) const;
  bool serves(const PartyId& party, const PeerId& peer) const;
  // Parties that were closed and created again: a replica may be of the life before.
  const std::set<PartyId>& reborn() const { return reborn_; }
  const std::map<PartyId, History>& histories() const { return histories_; }

 private:
  void begin(History& history);
  void take(History& history, const store::EventRow& row);
  void check_rules(const History& history) const;
  void check_event(const PeerId& to, const PartyId& party, std::uint64_t seq, party::EventType type,
                   const std::vector<Bytes>* records) const;
  void check_snapshot(const PeerId& to, const protocol::ws::PartyUpdate& update,
                      const std::string& incarnation) const;
  const History* served_now(const PeerId& to, const PartyId& party, const char* what) const;
  void complain(const PartyId& party, const std::string& what) const;

  struct Acknowledgement {
    std::uint64_t seq;
    UnixTime at;
  };
  Complaints* complaints_;
  party::Limits limits_;
  std::map<PartyId, History> histories_;
  std::set<PartyId> reborn_;
  std::size_t open_ = 0;  // histories that aren't closed
  std::map<std::string, Request> requests_;
  std::map<std::string, Acknowledgement> acknowledgements_;
};

}  // namespace lanrage::control_sim
