// Every number that protects a control server, in one place.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/bucket_table.hpp"
#include "io/server_limits.hpp"
#include "party/limits.hpp"
#include "protocol/types.hpp"

namespace lanrage::server {

struct Limits {
  // By address (IPv6: by /64). Friends behind one router share an address.
  Rate requests_an_address{50, 300};
  Rate registrations_an_address{2, 60};  // challenges and registrations
  Rate wrong_words_an_address{0.2, 10};
  Rate wrong_keys_an_address{0.2, 10};  // of relays that want to enrol
  // By peer, over both transports.
  Rate requests_a_peer{20, 120};
  Rate signals_a_peer{20, 60};
  Rate creations_a_peer{0.2, 10};
  Rate updates_a_peer{0.1, 20};  // nick, hints: each one is kept in the party's journal
  // Records that a restored server has forgotten: enough for weeks, too little to fill a log.
  Rate handed_back_a_peer{0.2, 1'000};
  Rate handed_back_of_a_peer{0.1, 200};  // that the peer signed, whoever brings them
  // Of everybody together: beyond it newcomers are asked to come back later, so that those who are
  // here don't suffer when thousands come back at once.
  Rate admissions{1'000, 4'000};  // challenges, registrations, WebSockets

  std::size_t parties = 10'000;
  std::size_t parties_a_host = 32;
  std::size_t commands_waiting = 256;  // of one party
  // For the thread that checks signatures, at 0.1 ms each; beyond, the control loop checks them.
  std::size_t proofs_waiting = 128;
  std::size_t sessions_a_peer = 8;  // beyond: its oldest WebSocket is closed
  std::size_t parties_a_session = 64;
  std::size_t events_a_snapshot = 256;  // of a party: then the store gets it in one piece
  std::size_t signals_waiting = 8;      // of one sender for one target
  std::size_t signals_waiting_in_all = 100'000;
  std::size_t relays = 32;          // elsewhere; an answer has room for 64
  std::size_t relays_a_grant = 16;  // that a member is told of

  std::chrono::seconds token_lifetime{24 * 3600};
  std::chrono::seconds token_afterlife{24 * 3600};  // while "expired" is told from "unknown"
  std::chrono::seconds challenge_lifetime{30};
  std::chrono::minutes open_nonce_window{10};  // either way: players' clocks differ
  std::chrono::seconds signal_lifetime{60};
  std::chrono::seconds hello_time{10};  // from the WebSocket's opening to its hello
  std::chrono::seconds heartbeat_interval{30};

  std::chrono::seconds offline_grace{10};        // a lost connection, before others are told
  std::chrono::seconds restart_grace{90};        // for everybody to come back after our restart
  std::chrono::milliseconds presence_wait{500};  // who comes and goes more often is told of once
  std::chrono::seconds last_seen_flush{10};
  std::chrono::seconds cleanup_interval{60};

  // Cleanup of what nobody uses.
  std::chrono::hours party_unused_for{30 * 24};  // since a member was seen; kept parties stay
  // And never sooner after the server's start, or after its calendar clock was set: its absence, or
  // a wrong clock, mustn't count as the members'.
  std::chrono::hours party_expiry_wait{24};
  std::chrono::seconds relay_silent{600};
  // Silent for so long (a heartbeat without a WebSocket counts): offline, never gone.
  std::chrono::minutes stale_after{5};

  party::Limits party;
  // A client's queue has room for the largest party whole, and for what comes behind it.
  io::ServerLimits http{.queue_bytes = protocol::kMaxAnswerSize + 256 * 1024};
};

}  // namespace lanrage::server
