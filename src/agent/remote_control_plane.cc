#include "agent/remote_control_plane.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/clock.hpp"
#include "agent/version.hpp"
#include "party/proofs.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
namespace ws = protocol::ws;
using namespace std::chrono_literals;

constexpr auto kRequestTime = 10s;
constexpr auto kFirstPause = 1s;  // reconnecting: doubled up to the longest, with jitter
constexpr auto kLongestPause = 60s;

std::string party_path(const PartyId& party, std::string_view rest = "") {
  return "/parties/" + party.to_string() + std::string(rest);
}

// Between half of `pause` and all of it: agents that lost the same server come back spread out.
std::chrono::milliseconds jittered(std::chrono::milliseconds pause) {
  crypto::SystemRandom random;
  const auto half = static_cast<std::uint64_t>(pause.count() / 2);
  return std::chrono::milliseconds(half + random.below(half + 1));
}

}  // namespace

RemoteControlPlane::RemoteControlPlane(asio::io_context& io, io::Origin origin,
                                       const DeviceKeys& keys, io::Log& log)
    : io_(io),
      origin_(std::move(origin)),
      keys_(keys),
      log_(log),
      http_(io::HttpClient::make(io, origin_)),
      pause_(io),
      renewal_(io) {}

// ---- single requests

// One request and its answer; whatever the server refuses is an error.
ControlPlane::Answer<std::string> RemoteControlPlane::exchange(io::Method method,
                                                               std::string target,
                                                               io::Headers headers,
                                                               std::string body) {
  auto response = co_await http_->request(method, std::move(target), std::move(headers),
                                          std::move(body), kRequestTime);
  if (!response) co_return std::unexpected(response.error());
  if (response->status < 400) co_return std::move(response->body);
  co_return std::unexpected(
      protocol::error_of(protocol::read_problem(response->status, response->body)));
}

ControlPlane::Answer<std::string> RemoteControlPlane::call(io::Method method, std::string target,
                                                           std::string body) {
  const auto self = shared_from_this();
  // A token that the server no longer knows is replaced once; what then fails is the answer.
  for (int attempt = 0;; ++attempt) {
    if (auto ready = co_await ensure_token(); !ready) co_return std::unexpected(ready.error());
    io::Headers headers;
    headers.add("Authorization", token_->header());
    auto answer = co_await exchange(method, target, headers, body);
    if (answer) co_return answer;
    const auto& error = answer.error();
    const bool token_is_stale =
        error.is(protocol::Errc::unknown_token) || error.is(protocol::Errc::expired_token);
    if (!token_is_stale || attempt > 0) co_return answer;
    token_.reset();
  }
}

template <class Out>
ControlPlane::Answer<Out> RemoteControlPlane::ask(io::Method method, std::string target,
                                                  std::string body) {
  auto text = co_await call(method, std::move(target), std::move(body));
  if (!text) co_return std::unexpected(text.error());
  co_return protocol::parse<Out>(*text);
}

asio::awaitable<Result<void>> RemoteControlPlane::ensure_token() {
  if (token_) co_return Result<void>{};
  co_return co_await register_device();
}

asio::awaitable<Result<void>> RemoteControlPlane::register_device() {
  const auto& identity = keys_.identity;
  const auto challenge_body = protocol::to_json(protocol::ChallengeRequest{identity.public_key()});
  auto challenge =
      co_await exchange(io::Method::post, "/auth/challenge", io::Headers(), challenge_body);
  if (!challenge) co_return std::unexpected(challenge.error());
  auto nonce = protocol::parse<protocol::ChallengeAnswer>(*challenge);
  if (!nonce) co_return std::unexpected(nonce.error());

  const auto peer_id = keys_.peer_id();
  // Signed for this server's key alone: a server in the middle can't use it at another.
  const auto proof = party::prove_identity(identity, *http_->server_binding(), nonce->nonce);
  const auto register_body =
      protocol::to_json(protocol::RegisterRequest{identity.public_key(), nonce->nonce, proof});
  const auto target = "/auth/register?peer_id=" + peer_id.to_string();
  auto answer = co_await exchange(io::Method::post, target, io::Headers(), register_body);
  if (!answer) co_return std::unexpected(answer.error());
  auto registered = protocol::parse<protocol::RegisterAnswer>(*answer);
  if (!registered) co_return std::unexpected(registered.error());
  token_ = registered->token;
  token_renewal_ = monotonic_now() + (registered->expires_at - unix_now()) / 2;
  co_return Result<void>{};
}

ControlPlane::Answer<protocol::InfoAnswer> RemoteControlPlane::info() {
  const auto self = shared_from_this();
  auto answer = co_await exchange(io::Method::get, "/info", io::Headers(), "");
  if (!answer) co_return std::unexpected(answer.error());
  co_return protocol::parse<protocol::InfoAnswer>(*answer);
}

ControlPlane::Answer<protocol::PartyAnswer> RemoteControlPlane::create_party(
    protocol::CreatePartyRequest request) {
  return ask<protocol::PartyAnswer>(io::Method::post, "/parties", protocol::to_json(request));
}

ControlPlane::Answer<protocol::OpenInviteAnswer> RemoteControlPlane::open_invite(
    PartyId party, crypto::SigningKey invite_key) {
  // The signature names the server's key, which is known only once connected.
  if (auto ready = co_await ensure_token(); !ready) co_return std::unexpected(ready.error());
  crypto::SystemRandom random;
  protocol::OpenInviteRequest request;
  request.nonce = protocol::open_nonce(random.array<16>(), unix_now());
  request.signature = party::prove_invite(
      invite_key, {party, *http_->server_binding(), keys_.peer_id(), request.nonce});
  const auto invite = crypto::id_of<InviteId>(invite_key.public_key().bytes);
  const auto target = party_path(party, "/invites/" + invite.to_string() + "/open");
  co_return co_await ask<protocol::OpenInviteAnswer>(io::Method::post, target,
                                                     protocol::to_json(request));
}

ControlPlane::Answer<protocol::PartyAnswer> RemoteControlPlane::join(
    PartyId party, protocol::JoinRequest request) {
  return ask<protocol::PartyAnswer>(io::Method::post, party_path(party, "/join"),
                                    protocol::to_json(request));
}

ControlPlane::Answer<protocol::SeqAnswer> RemoteControlPlane::leave(
    PartyId party, protocol::LeaveRequest request) {
  return ask<protocol::SeqAnswer>(io::Method::del,
                                  party_path(party, "/peers/" + keys_.peer_id().to_string()),
                                  protocol::to_json(request));
}

ControlPlane::Answer<protocol::SeqAnswer> RemoteControlPlane::update(
    PartyId party, protocol::UpdatePeerRequest request) {
  return ask<protocol::SeqAnswer>(io::Method::patch,
                                  party_path(party, "/peers/" + keys_.peer_id().to_string()),
                                  protocol::to_json(request));
}

ControlPlane::Answer<protocol::AddInviteAnswer> RemoteControlPlane::add_invite(
    PartyId party, protocol::AddInviteRequest request) {
  return ask<protocol::AddInviteAnswer>(io::Method::post, party_path(party, "/invites"),
                                        protocol::to_json(request));
}

ControlPlane::Answer<protocol::RelayGrant> RemoteControlPlane::relay_grant(
    PartyId party, protocol::RelayTokenRequest request) {
  return ask<protocol::RelayGrant>(io::Method::post, party_path(party, "/relay-token"),
                                   protocol::to_json(request));
}

// ---- the live link

void RemoteControlPlane::open_link(Listener listener) {
  listener_ = std::move(listener);
  const auto self = shared_from_this();
  asio::co_spawn(io_, [self] { return self->run_link(); }, asio::detached);
  asio::co_spawn(io_, [self] { return self->renew_tokens(); }, asio::detached);
}

void RemoteControlPlane::subscribe(PartyId party, std::string incarnation, std::uint64_t seq) {
  const bool first = !subscription_;
  subscription_ = ws::Resume{party, std::move(incarnation), seq};
  if (first && state_ == LinkState::connected) send_subscription();
}

void RemoteControlPlane::send_subscription() {
  send(ws::Subscribe{subscription_->party_id, std::nullopt});
}

bool RemoteControlPlane::send(const ws::ClientMessage& message) {
  return socket_ && socket_->is_open() && socket_->send(ws::to_json(message));
}

void RemoteControlPlane::close() {
  closed_ = true;
  listener_ = {};
  pause_.cancel();
  renewal_.cancel();
  if (socket_) socket_->close(1000, "leaving");
  http_->disconnect();
}

void RemoteControlPlane::set_state(LinkState state) {
  if (state == state_) return;
  state_ = state;
  log_.info("control_link",
            {{"server", origin_.to_string()}, {"state", std::string(name_of(state))}});
  if (listener_.on_link) listener_.on_link(state);
}

asio::awaitable<void> RemoteControlPlane::run_link() {
  std::chrono::milliseconds pause = kFirstPause;
  while (!closed_) {
    const auto ended = co_await run_session();
    if (closed_) break;
    if (state_ == LinkState::connected) pause = kFirstPause;
    set_state(LinkState::reconnecting);
    if (!ended)
      log_.warning("control_link_lost", {{"server", origin_.to_string()},
                                         {"reason", std::string(ended.error().code())},
                                         {"detail", ended.error().message()}});
    pause_.expires_after(jittered(pause));
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await pause_.async_wait(token);
  }
}

// One WebSocket from connecting to its end.
asio::awaitable<Result<void>> RemoteControlPlane::run_session() {
  if (auto ready = co_await ensure_token(); !ready) co_return std::unexpected(ready.error());
  io::Headers headers;
  headers.add("Authorization", token_->header());
  const auto socket = std::shared_ptr<io::WebSocketClient>(io::WebSocketClient::make(io_, origin_));
  socket_ = socket;
  auto connected = co_await socket->connect("/ws", headers, kRequestTime);
  if (!connected) {
    // Whatever the reason, a 401 means that this token is worth nothing any more.
    if (socket->refusal() && socket->refusal()->status == 401) token_.reset();
    co_return std::unexpected(connected.error());
  }
  if (closed_) co_return Result<void>{};
  ws::Hello hello;
  hello.client = "lanrage " + std::string(kVersion);
  // After our own restart there is no event to resume from: the whole party is asked for.
  const bool resumes = subscription_ && !subscription_->incarnation.empty();
  if (resumes) hello.resume.push_back(*subscription_);
  socket->send(ws::to_json(ws::ClientMessage(hello)));
  if (subscription_ && !resumes) send_subscription();
  set_state(LinkState::connected);
  for (;;) {
    auto text = co_await socket->receive();
    if (!text) co_return std::unexpected(text.error());
    if (closed_) co_return Result<void>{};
    auto message = ws::parse_server_message(*text);
    if (!message) {
      if (message.error().is(protocol::Errc::unknown_type)) continue;  // a newer server's
      co_return std::unexpected(message.error());
    }
    if (listener_.on_message) listener_.on_message(*message);
  }
}

asio::awaitable<void> RemoteControlPlane::renew_tokens() {
  while (!closed_) {
    const auto left = token_ ? token_renewal_ - monotonic_now() : Duration(kLongestPause);
    renewal_.expires_after(std::clamp<Duration>(left, 1s, 1h));
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await renewal_.async_wait(token);
    if (closed_ || !token_ || monotonic_now() < token_renewal_) continue;
    const auto renewed = co_await register_device();
    if (renewed && !closed_) {
      send(ws::Auth{*token_});
    } else {
      token_renewal_ = monotonic_now() + kLongestPause;  // the old one still works: try later
    }
  }
}

}  // namespace lanrage::agent
