#include "agent/trust_keeper.hpp"

#include <algorithm>

#include "agent/clock.hpp"
#include "agent/log_proofs.hpp"
#include "trust/tunnel_address.hpp"

namespace lanrage::agent {

TrustKeeper::TrustKeeper(boost::asio::io_context& io, trust::PartyTrust::Device device, Start start,
                         Callbacks callbacks, io::Log& log)
    : timer_(io),
      io_(io),
      log_(log),
      own_key_(device.wireguard),
      trust_(monotonic_now(), std::move(device), std::move(start.ledger), std::move(start.records),
             std::move(start.keys), start.fresh, random_, std::move(start.overruled),
             prove_on_threads),
      callbacks_(std::move(callbacks)) {
  learn_addresses();
}

void TrustKeeper::open(const std::string& interface) {
  auto channel = MemberChannel::open(
      io_, interface, trust::tunnel_address(trust_.ledger().party_id(), own_key_),
      [weak = weak_from_this()](const IpAddress& from, ByteView datagram) {
        if (const auto self = weak.lock()) self->on_datagram(from, datagram);
      });
  if (channel) {
    channel_ = std::move(*channel);
  } else {
    no_channel_ = channel.error().message();
    log_.warning("no_member_channel",
                 {{"party", trust_.ledger().party_id().to_string()}, {"detail", *no_channel_}});
  }
  arm();
}

void TrustKeeper::close() {
  closed_ = true;
  callbacks_ = {};
  timer_.cancel();
  if (channel_) channel_->close();
  channel_.reset();
}

void TrustKeeper::on_snapshot(std::span<const Bytes> log, std::uint64_t seq,
                              std::string incarnation, const std::optional<Bytes>& box) {
  run(trust_.on_snapshot(monotonic_now(), log, seq, std::move(incarnation), box));
}

void TrustKeeper::on_event(std::uint64_t seq, std::span<const Bytes> records,
                           const std::optional<Bytes>& box) {
  run(trust_.on_event(monotonic_now(), seq, records, box));
}

void TrustKeeper::on_caught_up(std::uint64_t seq) {
  run(trust_.on_caught_up(monotonic_now(), seq));
}

void TrustKeeper::on_handshake(const PeerId& peer) {
  run(trust_.on_handshake(monotonic_now(), peer));
}

void TrustKeeper::on_restart(const PeerId& peer) {
  run(trust_.on_restart(monotonic_now(), peer));
}

void TrustKeeper::on_stored() {
  run(trust_.on_stored(monotonic_now()));
}

void TrustKeeper::offer_root(const PeerId& to) {
  run(trust_.offer_root(monotonic_now(), to));
}

bool TrustKeeper::within_reach(const PeerId& peer) const {
  return trust_.within_reach(monotonic_now(), peer);
}

void TrustKeeper::on_datagram(const IpAddress& from, ByteView datagram) {
  const auto peer = peers_.find(from);
  if (peer != peers_.end()) run(trust_.on_datagram(monotonic_now(), peer->second, datagram));
}

void TrustKeeper::run(const trust::Effects& effects) {
  const auto keep_alive = shared_from_this();
  if (effects.access_changed) learn_addresses();
  for (const auto& send : effects.sends)
    if (const auto to = addresses_.find(send.to); to != addresses_.end() && channel_)
      channel_->send(to->second, send.datagram);
  arm();
  // A callback may close us: each is looked for anew.
  for (const auto& finding : effects.findings)
    if (callbacks_.on_finding) callbacks_.on_finding(finding);
  if (effects.removed && callbacks_.on_removed) return callbacks_.on_removed();
  if (effects.access_changed && callbacks_.on_access) callbacks_.on_access();
  if (effects.keep && callbacks_.on_keep) callbacks_.on_keep();
  if (effects.want_snapshot && callbacks_.want_snapshot) callbacks_.want_snapshot();
}

void TrustKeeper::learn_addresses() {
  peers_.clear();
  addresses_.clear();
  const auto& ledger = trust_.ledger();
  for (const auto& [id, member] : ledger.members()) {
    const auto address = trust::tunnel_address(ledger.party_id(), member.wireguard);
    peers_.emplace(address, id);
    addresses_.emplace(id, address);
  }
}

void TrustKeeper::arm() {
  const auto now = monotonic_now();
  const auto next = trust_.next_timeout(now);
  if (!next || closed_) return void(timer_.cancel());
  timer_.expires_after(std::max(*next - now, Duration(0)));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self) self->run(self->trust_.on_timeout(monotonic_now()));
  });
}

}  // namespace lanrage::agent
