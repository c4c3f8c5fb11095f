// The state of a PeerPath. Private to this module: peer_path.cc takes the inputs in,
// path_decision.cc decides what follows, path_report.cc tells about it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "path/check_list.hpp"
#include "path/connector.hpp"
#include "path/handshake_index.hpp"
#include "path/peer_path.hpp"
#include "path/report.hpp"
#include "path/selector.hpp"
#include "path/switching.hpp"

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
  void on_tunnel_probe(Instant now, std::optional<Duration> rtt, Actions& out);
  void on_link_change(Instant now, Actions& out);
  void on_timeout(Instant now, Actions& out);
  std::optional<Instant> next_timeout() const;

  Signal signal() const;
  PathStatus status(Instant now) const;
  const PathCounters& counters() const { return counters_; }
  bool initiator() const { return initiator_; }

 private:
  enum class Where { none, relay, direct, unknown };
  struct CommonRelay {
    RelayBinding binding;
    std::optional<Duration> rtt;  // ours to it and the peer's
  };
  // What has happened on the direct path in use, and how long it hasn't.
  struct Quiet {
    Duration answers;   // since a check was answered
    Duration received;  // since WireGuard received anything
  };

  // Facts
  Where where() const;
  bool has_session(Instant now) const;
  PathState own_state(Instant now) const;
  bool both_ready() const { return local_ && local_->ready && remote_ && remote_->ready; }
  std::vector<CommonRelay> common_relays() const;
  std::optional<CommonRelay> best_relay() const;
  const RelayBinding* relay_at(const Endpoint& endpoint) const;
  // The best path that works and may be used now; `other_than` is left out.
  const DirectPath* best_direct(Instant now, std::optional<Endpoint> other_than) const;
  Quiet quiet_on_direct(Instant now, const DirectPath& path) const;
  PathFacts facts(Instant now) const;

  // Decisions: each may append to `out`.
  void decide(Instant now, Actions& out);
  void note_session(Instant now, Actions& out);
  void note_place(Instant now, Actions& out);
  void connect(Instant now, Actions& out);
  void improve_relayed(Instant now, Actions& out);
  void change_relay(Instant now, Actions& out);
  void guard_direct(Instant now, Actions& out);
  void leave_direct(Instant now, Endpoint from, Duration at_least, Actions& out);
  void question_endpoint(Instant now, Actions& out);
  void start_switch(Instant now, const DirectPath& to, Actions& out);
  // Lets the running switch take a step and draws the consequences of its end.
  void run_switch(Instant now, Actions& out, const std::function<Switch::Outcome(Actions&)>& step);
  void avoid(Instant now, const Endpoint& endpoint, Duration at_least);
  void distrust_session(Instant now, Actions& out);
  void replace(Instant now, const Endpoint& target, Actions& out);
  void watch(Instant now);
  void poll_rate(Instant now, Actions& out);
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

  WireguardView view_;
  Instant rx_moved_{};
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
  std::optional<Switch::Outcome> last_failure_;
  int roam_keepalives_ = 0;
  Instant next_roam_keepalive_{};
  PathQuality relay_quality_;
  PathQuality tunnel_quality_;  // on the present path
  int lost_probes_ = 0;

  bool signal_due_ = false;
  std::optional<Instant> last_signal_;
  std::optional<Signal> last_signalled_;
  Duration signal_repeat_{};
  bool fast_ = false;
  std::optional<Instant> wake_;
  std::string reported_;
};

}  // namespace lanrage::path
