#include "agent/http_control_plane.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "agent/clock.hpp"
#include "base/overloaded.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
namespace ws = protocol::ws;

// The server was there and said no.
bool is_refusal(const Error& error) {
  return error.is(protocol::Errc::unknown_party) || error.is(protocol::Errc::forbidden);
}

}  // namespace

HttpControlPlane::HttpControlPlane(std::shared_ptr<ServerSession> shared, Options options)
    : ServerControlPlane(std::move(shared), "http"),
      options_(options),
      backoff_(options.pause, session().random()),
      pauses_(session().make_pauses()) {}

void HttpControlPlane::start_link() {
  const auto self = shared_from_this();
  asio::co_spawn(session().io(), [self, this] { return run_link(); }, asio::detached);
}

void HttpControlPlane::check_link() {
  backoff_.reset();
  pauses_->skip();
}

void HttpControlPlane::stop_link() {
  pauses_->end();
  outbox_.clear();
}

// ---- what the server has for us

asio::awaitable<void> HttpControlPlane::run_link() {
  while (!ended()) {
    const auto polled = co_await poll();
    if (ended()) break;
    if (polled) {
      backoff_.reset();
      set_state(LinkState::connected);
      co_await pauses_->pause(options_.poll_every);
      continue;
    }
    set_state(LinkState::reconnecting);
    snapshot_wanted_ = true;
    session().log().warning("control_poll_failed", {{"server", session().origin().to_string()},
                                                    {"reason", std::string(polled.error().code())},
                                                    {"detail", polled.error().message()}});
    report_trouble(polled.error());
    co_await pauses_->pause(backoff_.next());
  }
}

asio::awaitable<Result<void>> HttpControlPlane::poll() {
  if (!subscription()) co_return Result<void>{};
  const auto party = subscription()->party_id;
  if ((snapshot_wanted_ && !refusal_told_) || until_party_ <= 0) {
    if (auto polled = co_await poll_party(party); !polled) {
      if (!is_refusal(polled.error())) co_return polled;
      on_refusal(polled.error(), party);
      co_return Result<void>{};
    }
    until_party_ = options_.polls_a_party;
  }
  --until_party_;
  if (ended()) co_return Result<void>{};
  co_return co_await poll_signals(party);
}

asio::awaitable<Result<void>> HttpControlPlane::poll_party(PartyId party) {
  // Records never change: only those that we haven't seen are asked for.
  const auto target = party_path(party, "?log_from=" + std::to_string(log_.size()));
  auto text = co_await session().call(io::Method::get, target);
  if (!text) co_return std::unexpected(text.error());
  auto answer = protocol::parse<protocol::GetPartyAnswer>(*text);
  if (!answer) co_return std::unexpected(answer.error());
  if (!ended()) on_party(std::move(*answer));
  co_return Result<void>{};
}

void HttpControlPlane::on_party(protocol::GetPartyAnswer answer) {
  refusal_told_ = false;
  if (!assemble_log(answer)) return;
  const bool known = subscription()->incarnation == answer.incarnation &&
                     subscription()->seq == answer.seq && !snapshot_wanted_;
  snapshot_wanted_ = false;
  if (known) return tell_presence(answer.party);
  online_.clear();
  for (const auto& peer : answer.party.peers)
    online_[peer.peer_id] = peer.online;
  deliver(ws::PartyUpdate{std::move(answer.party), std::move(answer.incarnation),
                          std::move(answer.box)});
}

// Puts the records that we have before those of the answer. False when they don't fit together: the
// next poll asks for all of them.
bool HttpControlPlane::assemble_log(protocol::GetPartyAnswer& answer) {
  auto& party = answer.party;
  const bool whole = party.log_from == 0;
  const bool fits = party.log_from == log_.size() && answer.incarnation == incarnation_;
  if (!whole && !fits) {
    log_.clear();
    snapshot_wanted_ = true;
    return false;
  }
  if (whole) log_.clear();
  log_.insert(log_.end(), party.log.begin(), party.log.end());
  incarnation_ = answer.incarnation;
  party.log = log_;
  party.log_from = 0;
  return true;
}

// Presence has no seq: it changes while the party stays as it was.
void HttpControlPlane::tell_presence(const protocol::Party& party) {
  for (const auto& peer : party.peers) {
    const auto [entry, added] = online_.try_emplace(peer.peer_id, peer.online);
    if (!added && entry->second == peer.online) continue;
    entry->second = peer.online;
    deliver(ws::Presence{party.id, peer.peer_id, peer.online, peer.last_seen.value_or(unix_now())});
    if (ended()) return;
  }
}

void HttpControlPlane::on_refusal(const Error& error, PartyId party) {
  until_party_ = options_.polls_a_party;
  if (std::exchange(refusal_told_, true)) return;
  ws::ErrorMessage message;
  message.code = std::string(error.code());
  message.message = error.message();
  message.party_id = party;
  deliver(message);
}

asio::awaitable<Result<void>> HttpControlPlane::poll_signals(PartyId party) {
  const auto target = party_path(party, "/signals?after=" + std::to_string(last_signal_));
  auto text = co_await session().call(io::Method::get, target);
  if (!text) co_return std::unexpected(text.error());
  const auto answer = protocol::parse<protocol::SignalsAnswer>(*text);
  if (!answer) co_return std::unexpected(answer.error());
  for (const auto& signal : answer->signals) {
    if (ended()) break;
    last_signal_ = std::max(last_signal_, signal.n);
    deliver(ws::Signal{party, signal.from_peer_id, signal.signal_data});
  }
  co_return Result<void>{};
}

// ---- what we have for the server

bool HttpControlPlane::request_snapshot(PartyId) {
  snapshot_wanted_ = true;
  return link_state() == LinkState::connected;
}

bool HttpControlPlane::send(const ws::ClientMessage& message) {
  return std::visit(
      Overloaded{
          [&](const ws::Heartbeat& beat) {
            return post(
                party_path(beat.party_id, "/peers/" + beat.peer_id.to_string() + "/heartbeat"),
                protocol::to_json(protocol::HeartbeatRequest{beat.seq, beat.digest}));
          },
          [&](const ws::SendSignal& signal) {
            return post(party_path(signal.party_id, "/signals"),
                        protocol::to_json(
                            protocol::PostSignalRequest{signal.to_peer_id, signal.signal_data}));
          },
          [](const auto&) { return false; },
      },
      message);
}

bool HttpControlPlane::post(std::string target, std::string body) {
  if (ended() || link_state() != LinkState::connected || outbox_.size() >= kMaxOutbox) return false;
  outbox_.push_back({std::move(target), std::move(body)});
  if (posting_) return true;
  posting_ = true;
  const auto self = shared_from_this();
  asio::co_spawn(session().io(), [self, this] { return empty_outbox(); }, asio::detached);
  return true;
}

// One after the other: signals must arrive in their order.
asio::awaitable<void> HttpControlPlane::empty_outbox() {
  while (!outbox_.empty()) {
    const auto next = std::move(outbox_.front());
    outbox_.pop_front();
    const auto sent = co_await session().call(io::Method::post, next.target, next.body);
    if (!sent)
      session().log().debug("control_post_failed", {{"target", next.target},
                                                    {"reason", std::string(sent.error().code())}});
  }
  posting_ = false;
}

}  // namespace lanrage::agent
