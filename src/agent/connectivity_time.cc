// What falls due in Connectivity, by the clock or because something else has changed.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "agent/clock.hpp"
#include "agent/connectivity.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// How often WireGuard's counters are read: while a path asks for it, while one might get better,
// and when all are as good as they get.
constexpr Duration kFastPoll = 100ms;
constexpr Duration kRelayedPoll = 300ms;
constexpr Duration kSlowPoll = 1s;
constexpr Duration kNatProbeEvery = 25s;   // while some peer isn't reached directly
constexpr Duration kRefreshEvery = 10s;    // own addresses, should nobody tell that they changed
constexpr Duration kBindCheckEvery = 2s;   // while a tunnel is silent
constexpr Duration kSuspicionEvery = 10s;  // at most, of relays that stay silent
constexpr Duration kEchoTimeout = 2s;

}  // namespace

Instant Connectivity::next_timeout() const {
  Instant next = std::min({next_poll_, next_nat_probe_, next_refresh_});
  if (bind_check_due_) next = std::min(next, *bind_check_due_);
  if (const auto due = relays_.next_timeout()) next = std::min(next, *due);
  if (const auto due = discovery_.next_timeout()) next = std::min(next, *due);
  for (const auto& [id, link] : links_)
    if (const auto due = link->next_timeout()) next = std::min(next, *due);
  return next;
}

bool Connectivity::fast_poll() const {
  return std::ranges::any_of(links_,
                             [](const auto& entry) { return entry.second->wants_fast_poll(); });
}

bool Connectivity::all_direct(Instant now) const {
  return std::ranges::all_of(links_, [&](const auto& entry) {
    return entry.second->report(now).path.path == path::PathKind::direct;
  });
}

void Connectivity::schedule() {
  if (closed_) return;
  const auto now = monotonic_now();
  if (fast_poll()) next_poll_ = std::min(next_poll_, now + kFastPoll);
  timer_.expires_after(std::max<Duration>(next_timeout() - now, Duration(0)));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && !self->closed_) self->on_timer();
  });
}

void Connectivity::on_timer() {
  const auto now = monotonic_now();
  stun::Datagrams datagrams;
  relays_.on_timeout(now, datagrams);
  discovery_.on_timeout(now, datagrams);
  send_all(datagrams);
  if (relays_.needs_token() && !token_wanted_) {
    token_wanted_ = true;
    callbacks_.want_relay_token();
  }
  if (now >= next_refresh_) {
    next_refresh_ = now + kRefreshEvery;
    bind_where_needed(now);
    refresh_local(now);
  }
  if (now >= next_nat_probe_) probe_nat(now);
  if (relays_.silent(now)) suspect_udp(now);
  if (discovery_.silence() != local_.silence) refresh_local(now);
  if (bind_check_due_ && now >= *bind_check_due_) check_binds(now);
  if (now >= next_poll_) poll_wireguard(now);
  for (const auto& [id, link] : links_)
    link->on_timeout(now);
  probe_tunnels(now);
  schedule();
}

void Connectivity::poll_wireguard(Instant now) {
  next_poll_ = now + (fast_poll() ? kFastPoll : all_direct(now) ? kSlowPoll : kRelayedPoll);
  const auto status = tunnel_.status();
  if (!status) return failed(status.error(), "read the device");
  const auto calendar = unix_now();
  std::vector<PeerId> shook_hands;
  for (const auto& [id, link] : links_)
    if (link->on_wireguard(now, calendar, *status)) shook_hands.push_back(id);
  // Whoever hears of it may change the links.
  for (const auto& id : shook_hands)
    if (callbacks_.on_handshake) callbacks_.on_handshake(id);
  if (std::ranges::any_of(links_, [&](const auto& entry) { return entry.second->is_silent(now); }))
    check_binds(now);
}

// Echoes through the tunnel: the round trip that a game has, whatever the path.
void Connectivity::probe_tunnels(Instant now) {
  for (const auto& [id, link] : links_) {
    if (!link->take_probe(now)) continue;
    auto probe = [self = shared_from_this(), peer = id]() -> asio::awaitable<void> {
      const auto rtt = co_await self->echo(peer, kEchoTimeout);
      const auto found = self->links_.find(peer);
      if (self->closed_ || found == self->links_.end()) co_return;
      found->second->on_tunnel_probe(monotonic_now(), rtt);
      self->schedule();
    };
    asio::co_spawn(io_, std::move(probe), asio::detached);
  }
}

asio::awaitable<std::optional<Duration>> Connectivity::echo(const PeerId& peer, Duration timeout,
                                                            std::size_t size) {
  const auto self = shared_from_this();  // the sockets must outlive it
  const auto found = links_.find(peer);
  if (found == links_.end()) co_return std::nullopt;
  const bool by_lan = lan_echo_ && !found->second->peer().beside_segment;
  auto& socket = by_lan ? *lan_echo_ : *tunnel_echo_;
  const auto vip = found->second->peer().vip;
  co_return co_await socket.echo(vip, timeout, size);
}

void Connectivity::probe_nat(Instant now) {
  next_nat_probe_ = now + (all_direct(now) ? kNatProbeIdle : kNatProbeEvery);
  stun::Datagrams datagrams;
  discovery_.probe(now, datagrams);
  send_all(datagrams);
}

void Connectivity::suspect_udp(Instant now) {
  if (discovery_.asking() || now < next_suspicion_) return;
  next_suspicion_ = now + kSuspicionEvery;
  probe_nat(now);
}

void Connectivity::bind_where_needed(Instant now) {
  std::vector<std::string> needed;
  for (const auto part : {&path::RelayNeeds::in_use, &path::RelayNeeds::nearest_to_peer})
    for (const auto& [id, link] : links_)
      if (auto relay = link->relay_needs().*part) needed.push_back(std::move(*relay));
  stun::Datagrams datagrams;
  relays_.set_needed(now, std::move(needed), datagrams);
  send_all(datagrams);
}

void Connectivity::refresh_local(Instant now) {
  if (discovery_.settled() && stun::is_news(published_, discovery_.nat()) && callbacks_.on_nat) {
    const auto before = std::exchange(published_, discovery_.nat()).public_endpoint;
    const auto& seen = published_.public_endpoint;
    // A router that has another address now may have forgotten what it forwards.
    if (ports_ != nullptr && before && seen && before->address != seen->address) ports_->ask_anew();
    callbacks_.on_nat(published_);
  }
  auto view = discovery_.view(relays_);
  if (view == local_) return;
  const bool moved_outside = is_seen_elsewhere(local_, view);
  local_ = std::move(view);
  for (const auto& [id, link] : links_)
    link->on_local(now, local_);
  // A router that restarted: it has forgotten our connections, too.
  if (moved_outside && callbacks_.on_moved) callbacks_.on_moved();
}

void Connectivity::on_link_change(Instant now) {
  log_.info("link_change", {{"interface", tunnel_.interface_name()}});
  poll_wireguard(now);
  stun::Datagrams datagrams;
  relays_.on_link_change(now, datagrams);
  discovery_.on_link_change();
  next_bind_check_ = now + kBindCheckEvery;
  send_all(datagrams);
  probe_nat(now);
  if (ports_ != nullptr) ports_->ask_anew();
  for (const auto& [id, link] : links_)
    link->on_link_change(now);
  if (callbacks_.on_moved) callbacks_.on_moved();
}

void Connectivity::check_binds(Instant now) {
  bind_check_due_.reset();
  if (now < next_bind_check_) return;
  next_bind_check_ = now + kBindCheckEvery;
  stun::Datagrams datagrams;
  relays_.restart(now, datagrams);
  send_all(datagrams);
}

}  // namespace lanrage::agent
