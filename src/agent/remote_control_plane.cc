#include "agent/remote_control_plane.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/clock.hpp"
#include "agent/local_addresses.hpp"
#include "agent/version.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
namespace ws = protocol::ws;

constexpr std::chrono::milliseconds kHurriedPause{250};

bool is_own_address(const IpAddress& address) {
  if (address.is_loopback() || address.is_link_local()) return true;
  const auto own = local_addresses({});
  return std::ranges::find(own, address) != own.end();
}

}  // namespace

RemoteControlPlane::RemoteControlPlane(std::shared_ptr<ServerSession> shared, Options options)
    : ServerControlPlane(std::move(shared), "websocket"),
      options_(options),
      backoff_(options.pause, session().random()),
      pauses_(session().make_pauses()),
      welcome_timer_(session().io()) {}

void RemoteControlPlane::start_link() {
  const auto self = shared_from_this();
  session().on_renewed = [weak = weak_from_this(), this](const protocol::BearerToken& token) {
    if (const auto alive = weak.lock()) send(ws::Auth{token});
  };
  asio::co_spawn(session().io(), [self, this] { return run_link(); }, asio::detached);
  asio::co_spawn(
      session().io(), [session = shared_session()] { return session->keep_token_fresh(); },
      asio::detached);
}

void RemoteControlPlane::stop_link() {
  on_obstructed = {};
  pauses_->end();
  welcome_timer_.cancel();
  if (socket_) socket_->close(1000, "leaving");
}

// A connection from an address that is gone can't be answered; any other might.
void RemoteControlPlane::check_link() {
  hurry_until_ = monotonic_now() + options_.hurry_time;
  backoff_.reset();
  if (socket_) {
    const auto from = socket_->local_endpoint();
    const bool lost = from && !is_own_address(from->address);
    socket_->check(lost ? std::chrono::milliseconds(0) : options_.alive_time);
  }
  pauses_->skip();
}

void RemoteControlPlane::on_subscription() {
  send_subscription();
}

// Once a WebSocket: what we know changes with each event, what we want doesn't.
void RemoteControlPlane::send_subscription() {
  if (subscribed_ || !said_hello_ || !subscription()) return;
  subscribed_ = request_snapshot(subscription()->party_id);
}

bool RemoteControlPlane::request_snapshot(PartyId party) {
  return send(ws::Subscribe{party, std::nullopt});
}

bool RemoteControlPlane::send(const ws::ClientMessage& message) {
  return socket_ && socket_->is_open() && socket_->send(ws::to_json(message));
}

asio::awaitable<void> RemoteControlPlane::run_link() {
  while (!ended()) {
    welcomed_ = said_hello_ = subscribed_ = false;
    const auto end = co_await run_session();
    welcome_timer_.cancel();
    if (ended()) break;
    if (welcomed_) backoff_.reset();
    // While the network changes, a connection that breaks says nothing about who is in between.
    const bool hurry = monotonic_now() < hurry_until_;
    obstructed_ = welcomed_ ? 0 : obstructed_ + (end.obstructed && !hurry ? 1 : 0);
    set_state(LinkState::reconnecting);
    if (end.error) {
      session().log().warning("control_link_lost", {{"server", session().origin().to_string()},
                                                    {"reason", std::string(end.error->code())},
                                                    {"detail", end.error->message()}});
      report_trouble(*end.error);
    }
    if (obstructed_ >= options_.obstructed_after && on_obstructed) on_obstructed();
    auto pause = backoff_.next();
    if (hurry) pause = std::min(pause, kHurriedPause);
    if (end.retry_after) pause += *end.retry_after;
    co_await pauses_->pause(pause);
  }
}

// What the handshake's failure means.
RemoteControlPlane::End RemoteControlPlane::refused(
    const Error& error, const std::optional<io::HttpResponse>& refusal) {
  if (!refusal) {
    const bool unreachable =
        error.is(io::ClientErrc::server_unreachable) || error.is(io::ClientErrc::cannot_resolve) ||
        error.is(io::ClientErrc::pin_mismatch) || error.is(io::ClientErrc::certificate_untrusted);
    return {error, !unreachable};
  }
  // Whatever the reason, a 401 means that this token is worth nothing any more.
  if (refusal->status == 401) {
    session().drop_token();
    return {error};
  }
  const auto problem = protocol::read_problem(refusal->status, refusal->body);
  const bool asks_to_wait = problem.status == 429 || problem.status == 503;
  if (!asks_to_wait || problem.code == protocol::name_of(protocol::Errc::unexpected_answer))
    return {error, true};
  End end{error};
  if (problem.retry_after_s) end.retry_after = std::chrono::seconds(*problem.retry_after_s);
  return end;
}

// One WebSocket from connecting to its end.
asio::awaitable<RemoteControlPlane::End> RemoteControlPlane::run_session() {
  auto token = co_await session().token();
  if (!token) co_return End{token.error()};
  io::Headers headers;
  headers.add("Authorization", token->header());
  const auto socket = std::shared_ptr<io::WebSocketClient>(
      io::WebSocketClient::make(session().io(), session().origin()));
  socket_ = socket;
  auto connected = co_await socket->connect("/ws", headers, options_.connect_time);
  if (!connected) co_return refused(connected.error(), socket->refusal());
  if (ended()) co_return End{};
  expect_welcome();
  ws::Hello hello;
  hello.client = "lanrage " + std::string(kVersion);
  // After our own restart there is no event to resume from: the whole party is asked for.
  const bool resumes = subscription() && !subscription()->incarnation.empty();
  if (resumes) hello.resume.push_back(*subscription());
  said_hello_ = socket->send(ws::to_json(ws::ClientMessage(hello)));
  subscribed_ = resumes;
  send_subscription();
  for (;;) {
    auto text = co_await socket->receive();
    if (ended()) co_return End{};
    if (!text) co_return End{text.error(), !welcomed_};
    auto message = ws::parse_server_message(*text);
    if (!message) {
      if (message.error().is(protocol::Errc::unknown_type)) continue;  // a newer server's
      co_return End{message.error(), !welcomed_};
    }
    on_message(*message);
    if (ended()) co_return End{};
  }
}

// Frames that a proxy swallows, both ways, look like silence.
void RemoteControlPlane::expect_welcome() {
  welcome_timer_.expires_after(options_.welcome_time);
  welcome_timer_.async_wait(
      [weak = weak_from_this(), this](const boost::system::error_code& cancelled) {
        const auto self = weak.lock();
        if (!cancelled && self && !welcomed_ && socket_) socket_->close(1000, "no welcome");
      });
}

void RemoteControlPlane::on_message(const ws::ServerMessage& message) {
  deliver(message);
  if (welcomed_ || !std::holds_alternative<ws::Welcome>(message)) return;
  welcomed_ = true;
  welcome_timer_.cancel();
  set_state(LinkState::connected);
}

}  // namespace lanrage::agent
