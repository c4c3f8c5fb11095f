// The state of a PeerPath. Private to this module: peer_path.cc takes the inputs in,
// path_decision.cc decides what follows (path_direct.cc on a direct path, path_relay.cc on a
// relayed one, path_prediction.cc about guessed ports), path_report.cc tells about it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "path/check_list.hpp"
#include "path/connector.hpp"
#include "path/handshake_index.hpp"
#include "path/keepalive_pace.hpp"
#include "path/peer_path.hpp"
#include "path/port_prediction.hpp"
#include "path/report.hpp"
#include "path/selector.hpp"
#include "path/switching.hpp"
#include "path/traffic_watch.hpp"

namespace lanrage::path {

class PeerPath::Impl {
 public:
  Impl(PeerPathConfig config, Random& random);

  void on_local(Instant now, const LocalView& local, Actions& out);
  void on_signal(Instant now, const Signal& signal, Actions& out);
  void on_check(Instant now, const Endpoint& from, const stun::MessageView& request, Actions& out);
  bool on_check_response(Instant now, const Endpoint& from, const stun::MessageView& response,
                         Actions& out);
  void on_wireguard(Instant now, const WireguardView& view, Actions& out);
  void on_handshake_packet(Instant now, ByteView packet, Actions& out);
  void on_handshake_sent(Instant now, ByteView packet, Actions& out);
  void on_tunnel_probe(Instant now, std::optional<Duration> rtt, Actions& out);
  void on_mapping_seen(Instant now, std::uint32_t number, const Endpoint& seen, Actions& out);
  void on_link_change(Instant now, Actions& out);
  void on_timeout(Instant now, Actions& out);
  std::optional<Instant> next_timeout() const;

  Signal signal() const;
  PathStatus status(Instant now) const;
  RelayNeeds relay_needs() const;
  const PathCounters& counters() const { return counters_; }
  Duration echo_interval(Instant now) const;
  bool initiator() const { return initiator_; }

 private:
  enum class Where { none, relay, direct, unknown };
  struct CommonRelay {
    RelayBinding binding;
    std::optional<Duration> rtt;  // ours to it and the peer's
  };
  // What has happened on the direct path in use, and how long it hasn't.
  struct Quiet {
    Duration answers;   // since a check left that wasn't answered, nor any after it
    Duration received;  // since WireGuard received anything
  };

  static constexpr int kRoamKeepalives = 5;  // one is enough; the network may lose some

  // Facts
  Where where() const;
  bool has_session(Instant now) const;
  PathState own_state(Instant now) const;
  bool both_ready() const { return local_ && local_->ready && remote_ && remote_->ready; }
  std::vector<CommonRelay> common_relays() const;
  // Preferably none that lately let nothing through.
  std::optional<CommonRelay> best_relay(Instant now) const;
  const RelayBinding* relay_at(const Endpoint& endpoint) const;
  // The best path that works and may be used now; `other_than` is left out.
  const DirectPath* best_direct(Instant now, std::optional<Endpoint> other_than) const;
  // Though checks are as rare as they get.
  bool works_at_rest(Instant now, const DirectPath& path) const;
  // One that works, but loses too much to be used.
  const DirectPath* lossy_direct(Instant now) const;
  Quiet quiet_on_direct(Instant now, const DirectPath& path) const;
  // Something sent is unanswered, or traffic was coming in a moment ago.
  bool expects_more() const;
  // And nothing comes, or checks are lost: worth a closer look.
  bool suspicious(Instant now) const;
  bool must_look(Instant now) const;
  bool echoes_are_lost() const;                // more in a row than the path usually loses
  bool echoes_are_overdue(Instant now) const;  // the same, of those that silence gave cause to
  // The path in use, with its checks, when it is a direct one.
  const DirectPath* direct_in_use(Instant now) const;
  bool direct_is_dead(Instant now, const DirectPath& path) const;
  bool relay_is_dead(Instant now) const;
  bool prediction_may_help() const;
  bool heard_since(Instant at) const;  // the peer
  PathFacts facts(Instant now) const;

  // Decisions: each may append to `out`.
  void decide(Instant now, Actions& out);
  void note_session(Instant now, Actions& out);
  void note_place(Instant now, Actions& out);
  void connect(Instant now, Actions& out);
  void improve_relayed(Instant now, Actions& out);
  void change_relay(Instant now, Actions& out);
  void avoid_relay(Instant now, const Endpoint& relay, Duration span);
  // What signals tell of our RTTs to relays.
  void note_rtts();
  // To `relay` without a handshake where the session's index is known, else by a new one.
  void move_to_relay(Instant now, const Endpoint& relay, Actions& out);
  void note_reroute(Instant now, const Switch::Plan& plan, Switch::Outcome outcome, Actions& out);
  // The relay in use has restarted. It hears the routes from both sides with their binds.
  void note_forgetful_relay(Instant now, Actions& out);
  void wait_for_routes(Instant now, Actions& out);
  void probe_silence(Instant now, Actions& out);
  void ask_other_paths(Instant now);
  void tell_routes(Instant now, Actions& out);
  void guard_direct(Instant now, Actions& out);
  void leave_direct(Instant now, Endpoint from, bool dead, Duration at_least, Actions& out);
  void call_by_relay(Instant now, const DirectPath& path, Actions& out);
  void question_endpoint(Instant now, Actions& out);
  void start_switch(Instant now, const DirectPath& to, Actions& out);
  // Lets the running switch take a step and draws the consequences of its end.
  void run_switch(Instant now, Actions& out, const std::function<Switch::Outcome(Actions&)>& step);
  void avoid(Instant now, const Endpoint& endpoint, Duration at_least);
  void distrust_session(Instant now, Actions& out);
  void replace(Instant now, const Endpoint& target, Actions& out);
  void watch(Instant now);
  // What the latest round of checks tells of the NATs' mappings.
  void note_checks(Instant now, std::optional<Instant> sent_before, int losses_before);
  void note_loss(Instant now);
  void poll_rate(Instant now, Actions& out);
  // Among `out` from `first` on, where a check may make a mapping whose port is worth guessing.
  void ask_around_checks(Instant now, std::size_t first, Actions& out);
  void tell_guesses(Instant now);
  Signal news() const;  // signal(), as far as it is worth one
  void schedule_signal(Instant now, Actions& out);
  void report(Instant now, Actions& out);
  void wake(Instant at) {
    if (!wake_ || at < *wake_) wake_ = at;
  }
  // Actions from `first` on change what WireGuard will say: expect it.
  void absorb(const Actions& out, std::size_t first);

  PeerPathConfig config_;
  bool initiator_;
  Random* random_;
  CheckPassword password_;
  CheckList checks_;
  Connector connector_;
  HandshakeIndex index_;
  Switch switch_;
  PathCounters counters_;

  std::optional<LocalView> local_;
  std::optional<Signal> remote_;
  std::vector<Endpoint> known_relays_;  // ever bound at: late packets may still come from there
  std::optional<Instant> last_check_heard_;
  Instant answers_paid_{};  // the time that the answers so far take at their pace

  WireguardView view_;
  TrafficWatch traffic_;
  KeepalivePace pace_;
  PortPrediction prediction_;
  Instant path_used_{};     // the last packet on the direct path, either way
  Duration idle_before_{};  // how long the path had been quiet when the latest check on it left
  Instant rx_moved_{};
  Instant next_echo_{};
  double usual_probe_loss_ = 0;        // of echoes, before the present silence
  std::optional<Instant> distrusted_;  // sessions made before are gone, whatever WireGuard says
  std::optional<Instant> began_;       // trying to connect, or hearing news of the peer
  bool had_session_ = false;
  Where last_where_ = Where::none;
  std::optional<Endpoint> last_place_;
  Instant place_since_{};
  std::optional<Endpoint> good_endpoint_;
  std::optional<Instant> unknown_since_;
  bool punched_in_quiet_ = false;

  int unfiltered_failures_ = 0;
  std::optional<Instant> replaced_to_switch_;
  std::optional<Instant> relay_changed_;
  bool relay_corrected_ = false;               // since the session began; or there was no need
  std::map<std::string, Duration> told_rtts_;  // by relay id
  struct AvoidedRelay {
    Endpoint endpoint;
    Instant until;
  };
  std::vector<AvoidedRelay> avoided_relays_;
  std::optional<Instant> forgotten_by_relay_;       // waiting for the routes to work since
  std::optional<std::uint64_t> rx_when_forgotten_;  // at the first poll afterwards
  bool left_on_purpose_ = false;                    // the direct path, by our own decision
  bool reroute_or_replace_ = false;                 // what the present reroute leaves is dead
  std::vector<std::uint32_t> routes_told_;
  std::optional<Switch::Outcome> last_failure_;
  int roam_keepalives_ = 0;
  Instant next_roam_keepalive_{};
  PathQuality relay_quality_;
  PathQuality tunnel_quality_;  // on the present path
  int lost_probes_ = 0;
  bool lossy_ = false;  // degraded by what the present path loses

  bool signal_due_ = false;
  std::optional<Instant> last_signal_;
  std::optional<Signal> told_;  // news() of the latest signal
  Duration signal_repeat_{};
  bool fast_ = false;
  std::optional<Instant> wake_;
  std::string reported_;
};

}  // namespace lanrage::path
