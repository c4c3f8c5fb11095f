// Every delay and count of a path, in one place.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace lanrage::path {

// One handshake's time, computed twice from calendar time, may differ by so much.
inline constexpr std::chrono::milliseconds kHandshakeWobble(10);

// Checks, their answers, echoes and keepalives to one peer in any second, whatever happens: 50 of
// check_pace, 55 answers at most, and a few of the rest.
inline constexpr int kMostPacketsPerSecond = 120;

struct Tuning {
  using ms = std::chrono::milliseconds;

  // Punching
  Duration check_pace = ms(20);         // between two checks of a round
  Duration hard_punching = ms(10'000);  // rounds with gaps from first_gap, doubling to longest_gap
  Duration first_gap = ms(100);
  Duration longest_gap = ms(1'000);
  Duration first_rest = ms(5'000);  // afterwards, for ever: gaps doubling up to longest_rest
  Duration longest_rest = ms(30'000);
  int opener_ttl = 3;    // leaves our NAT (two in a row at most), doesn't reach the other's
  int extra_checks = 3;  // after the first answer, so that the other side hears too
  Duration answer_pace = ms(25);    // one answer to the peer's checks in so long,
  int answers_at_once = 15;         // after a pause so many
  Duration check_lost = ms(1'000);  // unanswered for so long: lost
  Duration keepalive = ms(5'000);   // checks on the direct path in use while it is idle: at first,
  Duration keepalive_step = ms(5'000);      // and longer by this each time that mappings last,
  Duration longest_keepalive = ms(20'000);  // up to this: many NATs forget after 30 s,
  Duration shortest_keepalive = ms(4'000);  // few much sooner
  Duration first_belief = ms(60'000);       // a mapping that was lost is taken for the rule so
  Duration longest_belief = ms(1'800'000);  // long, doubling
  Duration keepalive_when_lost = ms(1'000);
  Duration validity = ms(12'000);  // an answer makes a direct path usable for so long

  // Handshakes
  Duration passive_wait = ms(2'000);         // the non-initiator waits so long, plus a random
  Duration passive_wait_random = ms(2'000);  // part of this, before it tries itself
  // No handshake: replace the peer, for WireGuard itself tries every 5 s only. After
  // quick_handshake_retries the wait doubles.
  Duration handshake_retry = ms(2'500);
  int quick_handshake_retries = 4;
  Duration longest_handshake_retry = ms(60'000);
  Duration passive_attempt = ms(10'000);  // then the non-initiator is passive again
  Duration relay_head_start = ms(1'000);  // a direct path found during a relayed handshake waits
  Duration session_life = ms(185'000);    // no newer handshake: the session is gone

  // Switching
  Duration switch_keepalive = ms(200);
  Duration switch_keepalives_for = ms(1'000);
  Duration switch_limit = ms(2'000);
  Duration switch_settles = ms(400);  // the peer says direct for so long: relayed packets are gone
  Duration first_backoff = ms(2'000);
  Duration longest_backoff = ms(60'000);
  int unfiltered_attempts = 2;  // then the peer is replaced, if that is allowed
  Duration replace_to_switch_every = ms(600'000);
  Duration index_settles = ms(500);       // no switch so soon after a handshake
  Duration revert_suspected = ms(5'000);  // back at the relay so soon after a switch
  Duration unknown_endpoint_grace = ms(3'000);

  // Traffic that nobody answers, from `silence` to longest_silence: probe the tunnel, look often
  Duration silence = ms(500);
  Duration longest_silence = ms(30'000);
  Duration probe_gap = ms(150);
  int most_probes = 60;                 // in one silence
  int most_quick_checks = 40;           // in one row of losses; then keepalive_when_lost again
  Duration echo_lost = ms(3'000);       // a lost echo is known to be lost by then
  Duration busy_keepalive = ms(500);    // checks on the direct path in use while it carries traffic
  Duration silent_keepalive = ms(200);  // and while one of them is lost
  Duration least_check_wait = ms(300);  // such a check is lost after 4 RTTs, at least this

  // Echoes through the tunnel, for its round trip. On an idle direct path checks tell it, too; an
  // idle relayed one needs packets of ours more often than NATs forget.
  Duration busy_direct_echo = ms(5'000);
  Duration busy_relay_echo = ms(2'000);  // the only ones to tell loss there
  Duration idle_direct_echo = ms(60'000);
  Duration idle_relay_echo = ms(10'000);

  // Falling back
  // Echoes or traffic unanswered, nothing received, and so many checks lost.
  Duration busy_direct_dead = ms(700);
  // The same for the side that isn't the switcher: later, for the switcher to act first.
  Duration follower_direct_dead = ms(1'300);
  int lost_checks = 3;                   // in a row; more on a lossy path
  Duration busy_relay_dead = ms(1'200);  // with traffic: nothing received, and so many echoes out
  int lost_echoes = 3;
  Duration reroute_limit = ms(1'500);  // to a relay, without a handshake: received nothing so long
  Duration route_grace = ms(2'000);    // a restarted relay has been told the routes by then
  Duration avoid_relay = ms(60'000);   // nothing came through it
  // No handshake came through it; by then its bind has shown whether it still answers.
  Duration avoid_silent_relay = ms(30'000);
  Duration direct_dead = ms(15'000);          // no answers and nothing received
  Duration direct_unverifiable = ms(45'000);  // no answers, whatever is received
  Duration wireguard_silent = ms(60'000);     // answers, but nothing received (keepalive is 25 s)
  Duration probes_silent = ms(10'000);        // tunnel probes lost and nothing received so long
  int lost_tunnel_probes = 5;                 // in a row, with nothing received: silent as well

  Duration avoid_bad = ms(30'000);            // silent or lossy: at first, instead of first_backoff
  Duration stays_direct = ms(60'000);         // so long without trouble: backoff starts anew
  Duration fresh_answer = ms(3'000);          // of a path that is to take over from a dead one
  Duration relays_measured = ms(5'000);       // since the session came to its first relay
  Duration relay_change_every = ms(600'000);  // to a merely better relay

  // Reporting
  Duration failed_after = ms(30'000);    // without a session
  Duration relays_found_by = ms(2'000);  // a side that names none by then reaches none
  Duration fast_poll_for = ms(30'000);
  double degraded_from = 0.15;           // loss there and back,
  double connected_below = 0.08;         // until it is less than this
  Duration lossy_keepalive = ms(1'000);  // checks, or echoes, meanwhile, to notice the end soon
  Duration lossy_recheck = ms(3'000);    // of a direct path that was left for its loss

  // Guessing the port of a symmetric NAT (two STUN questions each time)
  Duration prediction_every = ms(300'000);  // once in so long, and kMostPredictions after a pause
  Duration mapping_doubt = ms(25'000);      // nothing sent for so long: the NAT may have forgotten
  Duration guesses_told_for = ms(15'000);   // the peer punches hard for hard_punching

  // Signals
  Duration signal_gap = ms(250);
  Duration signal_again = ms(5'000);  // while not connected, doubling up to:
  Duration signal_again_longest = ms(60'000);
};

}  // namespace lanrage::path
