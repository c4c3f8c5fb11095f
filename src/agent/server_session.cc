#include "agent/server_session.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "agent/clock.hpp"
#include "agent/http_date.hpp"
#include "party/proofs.hpp"
#include "protocol/messages.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kRenewalRetry = 60s;  // the old token still works meanwhile

bool is_passing(const Error& error) {
  return error.is(io::ClientErrc::server_unreachable) || error.is(io::ClientErrc::timeout) ||
         error.is(io::ClientErrc::connection_lost);
}

bool is_passing(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

// RFC 9110 section 10.2.3; the form with a date isn't used by our servers.
std::optional<std::chrono::seconds> retry_after(const io::HttpResponse& response) {
  const auto text = response.headers.find("retry-after");
  if (!text) return std::nullopt;
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

ServerSession::ServerSession(asio::io_context& io, io::Origin origin, const DeviceKeys& keys,
                             io::Log& log, Options options)
    : io_(io),
      origin_(std::move(origin)),
      keys_(keys),
      log_(log),
      options_(std::move(options)),
      http_(io::HttpClient::make(io, origin_)),
      registered_(io, asio::steady_timer::time_point::max()) {
  if (!options_.make_pauses) options_.make_pauses = [&io] { return Pauses::make(io); };
  pauses_ = options_.make_pauses();
}

void ServerSession::close() {
  closed_ = true;
  on_renewed = {};
  pauses_->end();
  http_->disconnect();
}

void ServerSession::on_network_change() {
  if (closed_) return;
  http_->disconnect();
  pauses_->skip();
}

// ---- single requests

// One request and its answer; whatever the server refuses is an error.
asio::awaitable<ServerSession::Reply> ServerSession::exchange(io::Method method, std::string target,
                                                              io::Headers headers,
                                                              std::string body) {
  const auto sent = monotonic_now();
  auto response = co_await http_->request(method, std::move(target), std::move(headers),
                                          std::move(body), options_.rules.request_time);
  if (!response) {
    const bool passing = is_passing(response.error());
    co_return Reply{std::unexpected(response.error()), passing};
  }
  if (const auto date = response->headers.find("Date"))
    if (const auto shown = clock_by_date(*date))
      server_clock_ = {*shown, sent + (monotonic_now() - sent) / 2};
  if (response->status < 400) co_return Reply{std::move(response->body)};
  const auto problem = protocol::read_problem(response->status, response->body);
  co_return Reply{std::unexpected(protocol::error_of(problem)), is_passing(response->status),
                  retry_after(*response)};
}

std::optional<std::chrono::milliseconds> ServerSession::pause_after(const Reply& reply, int attempt,
                                                                    Duration spent,
                                                                    Backoff& backoff) {
  const auto& rules = options_.rules;
  if (reply.body || !reply.passing || attempt >= rules.attempts || closed_) return std::nullopt;
  auto pause = backoff.next();
  if (reply.retry_after) {
    if (*reply.retry_after > rules.longest_retry_after) return std::nullopt;
    // Never before the time that the server named, and not all at that same moment.
    pause += *reply.retry_after;
  }
  if (spent + pause > rules.budget) return std::nullopt;
  return pause;
}

ServerSession::Answer<std::string> ServerSession::repeat(
    std::function<asio::awaitable<Reply>()> attempt) {
  const auto self = shared_from_this();
  Backoff backoff(options_.rules.pause, random_);
  const auto started = monotonic_now();
  for (int n = 1;; ++n) {
    auto reply = co_await attempt();
    const auto pause = pause_after(reply, n, monotonic_now() - started, backoff);
    if (!pause) co_return std::move(reply.body);
    log_.debug("request_repeated", {{"server", origin_.to_string()},
                                    {"attempt", std::to_string(n + 1)},
                                    {"reason", std::string(reply.body.error().code())}});
    co_await pauses_->pause(*pause);
    if (closed_) co_return std::move(reply.body);
  }
}

ServerSession::Answer<std::string> ServerSession::call_openly(io::Method method,
                                                              std::string target) {
  return repeat([this, method, target = std::move(target)] {
    return exchange(method, target, io::Headers(), std::string());
  });
}

ServerSession::Answer<std::string> ServerSession::call(io::Method method, std::string target,
                                                       std::string body) {
  const auto self = shared_from_this();
  // A token that the server no longer knows is replaced once; what then fails is the answer.
  for (int round = 0;; ++round) {
    if (auto ready = co_await ensure_token(); !ready) co_return std::unexpected(ready.error());
    io::Headers headers;
    headers.add("Authorization", token_->header());
    std::function<asio::awaitable<Reply>()> attempt = [&] {
      return exchange(method, target, headers, body);
    };
    auto answer = co_await repeat(std::move(attempt));
    if (answer) co_return answer;
    const auto& error = answer.error();
    const bool token_is_stale =
        error.is(protocol::Errc::unknown_token) || error.is(protocol::Errc::expired_token);
    if (!token_is_stale || round > 0) co_return answer;
    drop_token();
  }
}

// ---- the token

ServerSession::Answer<protocol::BearerToken> ServerSession::token() {
  const auto self = shared_from_this();
  if (auto ready = co_await ensure_token(); !ready) co_return std::unexpected(ready.error());
  co_return *token_;
}

crypto::Hash ServerSession::binding() const {
  return http_->server_binding().value_or(crypto::Hash{});
}

UnixTime ServerSession::server_time() const {
  if (!server_clock_) return unix_now();
  return server_clock_->shown +
         std::chrono::floor<std::chrono::milliseconds>(monotonic_now() - server_clock_->at);
}

// Several requests at once wait for one registration, and share what comes of it: each on its own
// would wait for a silent server anew, one after the other.
asio::awaitable<Result<void>> ServerSession::ensure_token() {
  const bool waits = registering_;
  while (registering_) {
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await registered_.async_wait(token);
  }
  if (token_) co_return Result<void>{};
  if (waits && not_registered_) co_return std::unexpected(*not_registered_);
  co_return co_await register_device();
}

asio::awaitable<Result<void>> ServerSession::register_device() {
  registering_ = true;
  std::function<asio::awaitable<Reply>()> attempt = [this] { return register_once(); };
  auto answer = co_await repeat(std::move(attempt));
  registering_ = false;
  not_registered_ = answer ? std::nullopt : std::optional(answer.error());
  registered_.cancel();
  if (!answer) co_return std::unexpected(answer.error());
  auto registered = protocol::parse<protocol::RegisterAnswer>(*answer);
  if (!registered) co_return std::unexpected(registered.error());
  token_ = registered->token;
  token_renewal_ = monotonic_now() + (registered->expires_at - server_time()) / 2;
  co_return Result<void>{};
}

asio::awaitable<ServerSession::Reply> ServerSession::register_once() {
  const auto& identity = keys_.identity;
  const auto challenge_body = protocol::to_json(protocol::ChallengeRequest{identity.public_key()});
  auto challenge =
      co_await exchange(io::Method::post, "/auth/challenge", io::Headers(), challenge_body);
  if (!challenge.body) co_return challenge;
  auto nonce = protocol::parse<protocol::ChallengeAnswer>(*challenge.body);
  if (!nonce) co_return Reply{std::unexpected(nonce.error())};

  const auto peer_id = keys_.peer_id();
  // Signed for this server's key alone: a server in the middle can't use it at another.
  const auto proof = party::prove_identity(identity, binding(), nonce->nonce);
  const auto register_body =
      protocol::to_json(protocol::RegisterRequest{identity.public_key(), nonce->nonce, proof});
  const auto target = "/auth/register?peer_id=" + peer_id.to_string();
  auto answer = co_await exchange(io::Method::post, target, io::Headers(), register_body);
  // A nonce is good once and for a moment: behind a slow or cut connection, a new one does it.
  if (!answer.body && (answer.body.error().is(protocol::Errc::used_nonce) ||
                       answer.body.error().is(protocol::Errc::expired_nonce)))
    answer.passing = true;
  co_return answer;
}

asio::awaitable<void> ServerSession::keep_token_fresh() {
  const auto self = shared_from_this();
  while (!closed_) {
    const auto left = token_ ? token_renewal_ - monotonic_now() : Duration(kRenewalRetry);
    co_await pauses_->pause(
        std::chrono::ceil<std::chrono::milliseconds>(std::clamp<Duration>(left, 1s, 1h)));
    if (closed_ || !token_ || registering_ || monotonic_now() < token_renewal_) continue;
    const auto renewed = co_await register_device();
    if (closed_) co_return;
    if (renewed && on_renewed) on_renewed(*token_);
    if (!renewed) token_renewal_ = monotonic_now() + kRenewalRetry;
  }
}

}  // namespace lanrage::agent
