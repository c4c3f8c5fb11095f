// One PeerPath, with the peer and WireGuard played by the test.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>

#include "path/peer_path.hpp"
#include "unit/path/path_fixture.hpp"

namespace lanrage::path {

inline const Endpoint kRelay = at("198.51.100.1:51820");
inline const Endpoint kOtherRelay = at("198.51.100.2:51820");
inline const Endpoint kPeer = at("203.0.113.9:5000");
inline const crypto::ExchangeKey kLow{{1}};
inline const crypto::ExchangeKey kHigh{{2}};

struct Path : testing::Test {
  SeededRandom random{1};
  PeerId self{random.array<16>()};
  PeerId peer{random.array<16>()};
  CheckPassword peer_password = random.array<16>();
  Instant now = kStart;
  Actions out;  // of the last step
  WireguardView view;
  bool answering = false;                 // the peer answers checks, and checks back
  Endpoint mapped = at("203.0.113.1:1");  // where it sees our checks come from
  int answer_every = 1;
  int checks_seen = 0;
  PathState peer_state = PathState::relay;
  LocalView local{{{CandidateKind::host, at("192.168.1.2:50000")}},
                  {{"one", kRelay, ms(20), 1}},
                  stun::NatType::port_restricted_cone,
                  true};
  Signal signal{1,
                1,
                {{CandidateKind::server_reflexive, kPeer}},
                peer_password,
                stun::NatType::unknown,
                {{"one", ms(20)}},
                true};
  std::unique_ptr<PeerPath> path = make(true);

  std::unique_ptr<PeerPath> make(bool initiator, bool filter = true) {
    PeerPathConfig config;
    config.self = self;
    config.peer = peer;
    config.own_wg = initiator ? kLow : kHigh;
    config.peer_wg = initiator ? kHigh : kLow;
    config.packet_filter = filter;
    return std::make_unique<PeerPath>(config, random);
  }

  void obey(Actions& all) {
    for (const Action& action : out) {
      all.push_back(action);
      if (auto* set = std::get_if<SetEndpoint>(&action)) view.endpoint = set->endpoint;
      if (auto* replaced = std::get_if<ReplacePeer>(&action)) {
        view = {};
        view.endpoint = replaced->endpoint;
      }
    }
    std::vector<SendDatagram> checks;
    for (auto& sent : all_of<SendDatagram>(out))
      if (sent.to == kPeer && !sent.ttl) checks.push_back(sent);
    out.clear();
    for (auto& check : checks) {
      auto message = stun::MessageView::parse(check.bytes);
      if (!answering || !message || !check_source(*message)) continue;
      if (++checks_seen % answer_every != 0) continue;
      check_from_peer();
      obey(all);
      Bytes bytes = make_check_response(*message, mapped, peer_state, peer_password);
      path->on_check_response(now, kPeer, *stun::MessageView::parse(bytes), out);
      obey(all);
    }
  }
  void check_from_peer(const Endpoint& from = kPeer) {
    Bytes bytes = make_check(stun::TransactionId::generate(random), self, peer, peer_state,
                             path->signal().check_password);
    path->on_check(now, from, *stun::MessageView::parse(bytes), out);
  }
  // Lets time pass; WireGuard's status is told every 100 ms.
  Actions run(ms duration) {
    Actions all;
    obey(all);
    Instant next_poll = now;
    for (Instant end = now + duration; now < end;) {
      auto next = path->next_timeout();
      Instant until = std::min(next_poll, next ? std::max(*next, now) : next_poll);
      now = std::max(now, std::min(until, end));
      if (next && *next <= now) path->on_timeout(now, out);
      obey(all);
      if (now >= next_poll) {
        path->on_wireguard(now, view, out);
        obey(all);
        next_poll = now + ms(100);
      }
    }
    return all;
  }
  // The same while something comes through the tunnel every 100 ms.
  Actions run_alive(ms duration) {
    Actions all;
    for (Instant end = now + duration; now < end;) {
      view.rx_bytes += 32;
      Actions step = run(ms(100));
      all.insert(all.end(), step.begin(), step.end());
    }
    return all;
  }
  // The same while nobody plays: WireGuard's own keepalives alone.
  void run_idle(ms duration) {
    constexpr ms kKeepalive(25'000);
    for (const Instant end = now + duration; now < end;) {
      run(kKeepalive);
      view.rx_bytes += 32;
      view.tx_bytes += 32;
      handshaken_again();
    }
  }
  void handshaken_again() {
    if (now - *view.latest_handshake >= ms(120'000)) view.latest_handshake = now;
  }
  // The same under 500 packets a second both ways, or with none that arrives.
  Actions run_busy(ms duration, bool answered) {
    Actions all;
    for (Instant end = now + duration; now < end;) {
      view.tx_bytes += 5'000;
      if (answered) view.rx_bytes += 5'000;
      Actions step = run(ms(100));
      all.insert(all.end(), step.begin(), step.end());
    }
    return all;
  }
  Actions meet() {
    path->on_local(now, local, out);
    Actions all;
    obey(all);
    path->on_signal(now, signal, out);
    obey(all);
    return all;
  }
  // A handshake by the relay: our index is 7, the peer's 9.
  void handshake(const Endpoint& from = kRelay, bool with_packet = true) {
    view.endpoint = from;
    view.latest_handshake = now;
    view.rx_bytes += 92;
    const auto& own = path->initiator() ? kLow : kHigh;
    const auto& other = path->initiator() ? kHigh : kLow;
    if (!with_packet) return;
    path->on_handshake_sent(now, initiation(7, other), out);
    path->on_handshake_packet(now, from, response(9, 7, own), out);
  }
  // Both sides as they are now.
  void tell() {
    path->on_local(now, local, out);
    path->on_signal(now, signal, out);
  }
  void relayed() {
    meet();
    handshake();
    run(ms(50));
  }
  void direct() {
    relayed();
    answering = true;
    run(ms(800));
    peer_state = PathState::direct;
    run_alive(ms(2'000));
    ASSERT_EQ(path->status(now).path, PathKind::direct);
  }
};

}  // namespace lanrage::path
