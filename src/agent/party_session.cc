#include "agent/party_session.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "agent/clock.hpp"
#include "agent/lan_names.hpp"
#include "agent/log_proofs.hpp"
#include "agent/server_claims.hpp"
#include "base/overloaded.hpp"
#include "io/http_client.hpp"
#include "trust/tunnel_address.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
namespace ws = protocol::ws;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kGrantRetry = 5s;
constexpr std::chrono::seconds kGrantSpacing =
    60s;                            // between two tokens, whatever our clock says of their expiry
constexpr auto kGrantAhead = 2min;  // a fresh relay token before the old one expires

}  // namespace

PartySession::PartySession(AgentContext& context, SavedParty saved, party::Membership membership,
                           bool fresh, std::shared_ptr<ControlPlane> control,
                           crypto::SigningKey bind_key, Callbacks callbacks)
    : context_(context),
      saved_(std::move(saved)),
      alerts_(context.log, saved_.id.to_string()),
      control_(std::move(control)),
      bind_key_(std::move(bind_key)),
      callbacks_(std::move(callbacks)),
      heartbeat_timer_(context.io),
      grant_timer_(context.io) {
  const auto keys = member_keys(context_, saved_);
  std::optional<crypto::SigningKey> root;
  if (saved_.root_seed) root = crypto::SigningKey::from_seed(*saved_.root_seed);
  trust::KeyRing ring(saved_.id, std::move(membership.key), saved_.older_keys);
  trust_ = std::make_shared<TrustKeeper>(
      context_.io,
      trust::PartyTrust::Device{keys.peer_id(), keys.box, keys.wireguard.public_key(), root},
      TrustKeeper::Start{std::move(membership.ledger), saved_.log, std::move(ring), fresh,
                         saved_.overruled},
      trust_callbacks(), context_.log);
}

PartySession::~PartySession() {
  stop();
}

Result<std::shared_ptr<PartySession>> PartySession::start(AgentContext& context, Joined joined,
                                                          Callbacks callbacks) {
  std::shared_ptr<PartySession> self(new PartySession(
      context, std::move(joined.saved), std::move(joined.membership), true,
      std::move(joined.control), std::move(joined.bind_key), std::move(callbacks)));
  const auto& answer = joined.answer;
  if (auto opened = self->open(answer); !opened) return std::unexpected(opened.error());
  return self;
}

Result<std::shared_ptr<PartySession>> PartySession::resume(AgentContext& context, SavedParty saved,
                                                           std::shared_ptr<ControlPlane> control,
                                                           Callbacks callbacks) {
  // The key may be another than the log's roster wants: it follows.
  auto ledger = party::restore_ledger(saved.id, saved.log, prove_on_threads);
  if (!ledger) return std::unexpected(ledger.error());
  party::Membership membership{std::move(*ledger),
                               party::PartyKey(saved.party_key, saved.key_epoch)};
  crypto::SystemRandom random;
  std::shared_ptr<PartySession> self(
      new PartySession(context, std::move(saved), std::move(membership), false, std::move(control),
                       crypto::SigningKey::generate(random), std::move(callbacks)));
  if (auto opened = self->open(std::nullopt); !opened) return std::unexpected(opened.error());
  return self;
}

Result<void> PartySession::open(const std::optional<protocol::PartyAnswer>& answer) {
  const auto keys = member_keys(context_, saved_);
  if (auto opened = open_device(keys); !opened) return opened;
  if (auto opened = open_lan(keys); !opened) return opened;
  if (auto opened = open_connectivity(keys); !opened) return opened;
  open_games();
  sync_peers();
  trust_->open(saved_.interface);
  invites_ = std::make_shared<InviteKeeper>(context_.io, weak_from_this(), context_.log,
                                            [this](const auto& error) { on_ended_invites(error); });
  refill_ = std::make_shared<ServerRefill>(
      context_.io, trust_, [this] { return control_; }, context_.log);
  if (answer) {
    on_snapshot(answer->party, answer->incarnation, std::nullopt);
    if (answer->relay) {
      connectivity_->set_relays(*answer->relay);
      grant_expiry_ = answer->relay->expires_at;
    }
  }
  open_link();
  spawn([this] { return keep_relay_grant(); });
  return {};
}

IpAddress PartySession::underlay_of(const crypto::ExchangeKey& wireguard) const {
  return trust::tunnel_address(saved_.id, wireguard);
}

Result<void> PartySession::open_device(const party::DeviceKeys& keys) {
  TunnelOptions options{context_.backend,          saved_.interface, {},
                        ledger().charter().prefix, keys.wireguard,   saved_.listen_port};
  // A name that the player didn't choose is only a wish: another agent may have it by now.
  options.or_numbered = context_.interface_name.empty();
  options.agent_address = underlay_of(keys.wireguard.public_key());
  options.agent_prefix_length = trust::kTunnelPrefixLength;
  auto tunnel = open_tunnel(options);
  // The port we had may be somebody else's by now: another one is better than none.
  if (!tunnel && tunnel.error().is(TunnelErrc::port_taken) && options.listen_port != 0) {
    options.listen_port = 0;
    tunnel = open_tunnel(options);
  }
  if (!tunnel) return std::unexpected(tunnel.error());
  tunnel_ = std::move(*tunnel);
  saved_.interface = tunnel_->interface_name();
  saved_.listen_port = tunnel_->listen_port();
  const auto clock = static_cast<std::uint64_t>(unix_now().time_since_epoch().count());
  saved_.boot = std::max(saved_.boot + 1, clock);
  context_.log.info("tunnel_open", {{"party", saved_.id.to_string()},
                                    {"interface", saved_.interface},
                                    {"port", std::to_string(saved_.listen_port)},
                                    {"wireguard", tunnel_->is_kernel() ? "kernel" : "userspace"},
                                    {"vip", vip().to_string()}});
  return {};
}

Result<void> PartySession::open_lan(const party::DeviceKeys& keys) {
  const auto wireguard = keys.wireguard.public_key();
  PartyLan::Options options{saved_.id,
                            ledger().charter().prefix,
                            {wireguard, vip(), underlay_of(wireguard)},
                            saved_.interface,
                            saved_.listen_port,
                            context_.lan_segment,
                            saved_.lan_interface,
                            context_.lan_name.empty(),
                            saved_.access};
  options.copy_discovery = context_.copy_discovery;
  auto lan = PartyLan::open(
      context_.io, std::move(options),
      [this](const Error& error) { end(Ended::device_lost, error.message()); }, context_.log);
  if (!lan) return std::unexpected(lan.error());
  lan_ = std::move(*lan);
  if (lan_->has_segment()) saved_.lan_interface = lan_->interface_name();
  return {};
}

Result<void> PartySession::open_connectivity(const party::DeviceKeys& keys) {
  Connectivity::Callbacks callbacks;
  callbacks.send_signal = [this](PeerId to, Bytes sealed) {
    control_->send(ws::SendSignal{saved_.id, to, std::move(sealed), std::nullopt});
  };
  callbacks.want_relay_token = [this] { spawn([this] { return fetch_relay_grant(); }); };
  callbacks.on_nat = [this](const stun::NatReport& report) {
    spawn([this, report] { return publish_hints(report); });
  };
  callbacks.on_moved = [this] { control_->on_network_change(); };
  callbacks.on_handshake = [this](const PeerId& peer) { trust_->on_handshake(peer); };
  callbacks.on_restart = [this](const PeerId& peer) { trust_->on_restart(peer); };
  callbacks.on_place = [this](const PeerId& peer, bool beside) { on_place(peer, beside); };
  callbacks.on_tunnel_lost = [this](const Error& error) {
    end(Ended::device_lost, error.message());
  };
  auto connectivity = Connectivity::open(
      context_.io, *tunnel_,
      {saved_.id, context_.keys.peer_id(), ledger().charter().prefix, keys.identity, keys.box,
       keys.wireguard.public_key(), bind_key_, saved_.boot, lan_->interface_name(), context_.ports,
       context_.network, context_.predict_ports},
      std::move(callbacks), context_.log);
  if (!connectivity) return std::unexpected(connectivity.error());
  connectivity_ = std::move(*connectivity);
  return {};
}

void PartySession::open_games() {
  if (context_.games == nullptr) return;
  auto games = GamesWatch::open(context_.io, *context_.games, lan_->interface_name(), vip());
  if (games)
    games_ = std::move(*games);
  else
    context_.log.warning("no_games_watch", {{"detail", games.error().message()}});
}

void PartySession::open_link() {
  subscribe();
  ControlPlane::Listener listener;
  listener.on_message = [this](const ws::ServerMessage& message) { hear(message); };
  listener.on_link = [this](LinkState state) { on_link(state); };
  listener.on_trouble = [this](const Error& error) { on_trouble(error); };
  control_->open_link(std::move(listener));
}

void PartySession::move_to(std::string url, std::shared_ptr<ControlPlane> control) {
  if (stopped_) return control->close();
  control_->close();
  heartbeat_timer_.cancel();
  control_ = std::move(control);
  saved_.server_url = url;
  open_link();
  set_public_url(std::move(url));
}

void PartySession::set_public_url(std::string url) {
  saved_.public_url = std::move(url);
  if (callbacks_.on_saved_changed) callbacks_.on_saved_changed();
}

void PartySession::stop() {
  if (stopped_) return;
  stopped_ = true;
  callbacks_ = {};
  heartbeat_timer_.cancel();
  grant_timer_.cancel();
  control_->close();
  trust_->close();
  if (invites_) invites_->close();
  if (refill_) refill_->close();
  if (games_) games_->close();
  if (connectivity_) connectivity_->close();
  if (context_.names != nullptr) context_.names->remove(saved_.id);
  if (lan_) lan_->close();
  tunnel_.reset();
}

// Later, since it may be a callback of what the session owns that brought us here.
void PartySession::end(Ended how, std::string why) {
  asio::post(context_.io, [self = shared_from_this(), how, why = std::move(why)] {
    if (!self->stopped_ && self->callbacks_.on_ended) self->callbacks_.on_ended(how, why);
  });
}

void PartySession::spawn(std::function<asio::awaitable<void>()> work) {
  auto run = [self = shared_from_this(), work = std::move(work)]() -> asio::awaitable<void> {
    co_await work();
  };
  asio::co_spawn(context_.io, std::move(run), asio::detached);
}

IpAddress PartySession::vip() const {
  const auto* self = ledger().member(context_.keys.peer_id());
  return self != nullptr ? self->vip : IpAddress();
}

// ---- what the control server says

void PartySession::on_link(LinkState state) {
  if (stopped_) return;
  if (state != LinkState::connected) {
    heartbeat_timer_.cancel();
    trust_->on_link_lost();
    connectivity_->on_link_lost();
    return;
  }
  trust_->on_new_link();
  alerts_.clear(AlertCode::wrong_certificate);
  // The box comes with it; and perhaps all is well again.
  if (!trust_->trust().key_is_current() || alerts_.any_standing())
    control_->request_snapshot(saved_.id);
  connectivity_->on_link_back();
  heartbeat();
}

void PartySession::on_trouble(const Error& error) {
  if (stopped_) return;
  if (error.is(io::ClientErrc::pin_mismatch) || error.is(io::ClientErrc::certificate_untrusted))
    alerts_.raise(AlertCode::wrong_certificate,
                  "what answers at " + saved_.server_url +
                      " shows another certificate than the party's server: nothing was sent to it, "
                      "and tunnels stay");
}

void PartySession::hear(const ws::ServerMessage& message) {
  if (stopped_) return;
  const auto keep_alive = shared_from_this();
  std::visit(
      Overloaded{
          [&](const ws::Welcome& welcome) {
            heartbeat_every_ = std::chrono::seconds(
                std::clamp<std::uint64_t>(welcome.heartbeat_interval_s, 5, 300));
          },
          [&](const ws::PartyUpdate& update) {
            if (update.party.id != saved_.id) return;
            on_snapshot(update.party, update.incarnation, update.box);
          },
          [&](const ws::PeerJoined& joined) {
            if (on_event(joined.seq, joined.records))
              on_claim(AlertCode::false_peer, false_peer(ledger(), joined.peer));
            on_presence(joined.peer.peer_id, joined.peer.online);
          },
          [&](const ws::PeerUpdated& updated) { on_event(updated.seq, updated.records); },
          [&](const ws::PeerLeft& left) {
            if (on_event(left.seq, left.records))
              on_claim(AlertCode::unsigned_removal, unsigned_removal(ledger(), left.peer_id));
          },
          [&](const ws::InviteAdded& added) { on_event(added.seq, added.records); },
          [&](const ws::KeyRotated& rotated) {
            if (on_event(rotated.seq, rotated.records, rotated.box))
              for (const auto& peer : rotated.removed)
                on_claim(AlertCode::unsigned_removal, unsigned_removal(ledger(), peer));
          },
          [&](const ws::Kicked& kicked) { on_kicked(kicked); },
          [&](const ws::HostChanged& changed) {
            if (on_event(changed.seq, changed.records))
              on_claim(AlertCode::false_charter, false_host(ledger(), changed.host_id));
          },
          [&](const ws::CharterChanged& changed) { on_event(changed.seq, changed.records); },
          [&](const ws::Presence& presence) { on_presence(presence.peer_id, presence.online); },
          [&](const ws::Signal& signal) {
            connectivity_->on_signal(signal.from_peer_id, signal.signal_data);
          },
          [&](const ws::PartyClosed& closed) { on_closed(closed); },
          [&](const ws::CaughtUp& caught_up) {
            trust_->on_caught_up(caught_up.seq);
            on_server_word();
          },
          [&](const ws::Ack&) {},
          [&](const ws::ErrorMessage& refusal) { on_refusal(refusal); },
          [&](const ws::RelayToken& token) { connectivity_->set_relays(token.grant); },
      },
      message);
}

void PartySession::heartbeat() {
  const auto seq = trust_->trust().log().seq();
  control_->send(ws::Heartbeat{saved_.id, context_.keys.peer_id(), seq, std::nullopt});
  heartbeat_timer_.expires_after(heartbeat_every_);
  heartbeat_timer_.async_wait(
      [weak = weak_from_this()](const boost::system::error_code& cancelled) {
        const auto self = weak.lock();
        if (!cancelled && self && !self->stopped_) self->heartbeat();
      });
}

// ---- what we ask of it

asio::awaitable<void> PartySession::fetch_relay_grant() {
  if (stopped_) co_return;
  auto grant = co_await control_->relay_grant(saved_.id, {bind_key_.public_key()});
  if (stopped_) co_return;
  if (grant) {
    connectivity_->set_relays(*grant);
    grant_expiry_ = grant->expires_at;
  } else {
    context_.log.warning("no_relay_token",
                         {{"party", saved_.id.to_string()}, {"detail", grant.error().message()}});
  }
}

// Keeps the token fresh; relays honour an old one for existing binds, so an outage is no hurry.
asio::awaitable<void> PartySession::keep_relay_grant() {
  while (!stopped_) {
    const auto left = [&] { return grant_expiry_ - control_->server_time() - kGrantAhead; };
    const auto expiry = grant_expiry_;
    if (left() <= 0s) co_await fetch_relay_grant();
    if (stopped_) co_return;
    const bool failed = left() <= 0s && grant_expiry_ == expiry;
    grant_timer_.expires_after(
        std::max<std::chrono::milliseconds>(left(), failed ? kGrantRetry : kGrantSpacing));
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await grant_timer_.async_wait(token);
  }
}

asio::awaitable<void> PartySession::publish_hints(stun::NatReport report) {
  if (stopped_) co_return;
  protocol::UpdatePeerRequest request;
  request.request_id = new_request_id();
  request.nat_type = protocol::nat_type_from(stun::name_of(report.type));
  request.public_endpoint = report.public_endpoint;
  // Display only: when it fails, the next report brings it.
  const auto updated = co_await control_->update(saved_.id, std::move(request));
  if (!updated && !stopped_)
    context_.log.debug("hints_not_published", {{"detail", updated.error().message()}});
}

asio::awaitable<Result<void>> PartySession::rename(std::string nick) {
  const auto self = shared_from_this();
  auto statement = party::build_statement(ledger(), context_.keys.identity, nick, vip());
  if (!statement) co_return std::unexpected(statement.error());
  protocol::UpdatePeerRequest request;
  request.request_id = new_request_id();
  request.statement = *statement;
  auto updated = co_await control_->update(saved_.id, std::move(request));
  if (!updated) co_return std::unexpected(updated.error());
  co_return Result<void>{};
}

asio::awaitable<Result<void>> PartySession::leave() {
  const auto self = shared_from_this();
  protocol::LeaveRequest request{new_request_id(),
                                 party::build_leave(ledger(), context_.keys.identity)};
  auto left = co_await control_->leave(saved_.id, std::move(request));
  if (!left) co_return std::unexpected(left.error());
  co_return Result<void>{};
}

}  // namespace lanrage::agent
