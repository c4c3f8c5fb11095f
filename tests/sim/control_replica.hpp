// A party as a device remembers it: what an agent makes of the server's messages. Records aren't
// verified, for devices aren't what is tested; that they are the right ones, the digest shows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "party/ledger.hpp"
#include "protocol/websocket_messages.hpp"

namespace lanrage::control_sim {

class Replica {
 public:
  explicit Replica(const PartyId& party) : ledger_(party) {}

  enum class Taken {
    applied,
    gap,       // an event is missing before it: ask for a snapshot
    repeated,  // it was applied before
    misfit,    // its records can't follow ours, or its digest isn't ours
  };
  Taken snapshot(const protocol::Party& party, const std::string& incarnation);
  Taken event(const protocol::ws::ServerMessage& message);
  Taken caught_up(std::uint64_t seq, const crypto::Hash& digest);
  void presence(const PeerId& peer, bool online);

  const party::Ledger& ledger() const { return ledger_; }
  std::uint64_t seq() const { return seq_; }
  const std::string& incarnation() const { return incarnation_; }
  crypto::Hash digest() const;
  const std::map<PeerId, protocol::Peer>& peers() const { return peers_; }

  bool asked = false;       // for a snapshot that hasn't come
  bool up_to_date = false;  // on the present connection

 private:
  Taken append(std::uint64_t seq, const std::vector<Bytes>& records);

  party::Ledger ledger_;
  std::vector<Bytes> log_;
  std::uint64_t seq_ = 0;
  std::string incarnation_;
  std::map<PeerId, protocol::Peer> peers_;
};

}  // namespace lanrage::control_sim
