#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/websocket/error.hpp>
#include <list>
#include <utility>

#include "io/address.hpp"
#include "io/connect.hpp"
#include "io/http_client.hpp"
#include "io/websocket_channel.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

// Outlives the WebSocketClient as long as a coroutine of its is under way.
class State : public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& io, Origin origin, ClientLimits limits)
      : io_(io),
        origin_(std::move(origin)),
        limits_(limits),
        arrival_(io, Clock::time_point::max()),
        deadline_(io) {}

  asio::awaitable<Result<void>> connect(std::string target, Headers headers,
                                        std::chrono::milliseconds timeout) {
    auto self = shared_from_this();
    auto until = Clock::now() + timeout;
    context_ = make_client_context(origin_);
    connector_ = std::make_shared<Connector>(io_, origin_, limits_, context_);
    auto stream = co_await connector_->run(until);
    if (!stream) co_return std::unexpected(std::move(stream.error()));
    error_code error;
    auto local = stream->socket().local_endpoint(error);
    if (!error) local_ = from_asio(local);
    ChannelLimits channel_limits{limits_.message_bytes, limits_.queue_bytes, limits_.ping_every,
                                 limits_.dead_after, limits_.close_time};
    auto channel =
        std::make_shared<WebSocketChannel>(std::move(*stream), FrameSender::server, channel_limits);
    channel_ = channel;
    if (gone_) co_return fail(ClientErrc::connection_lost, "given up");
    deadline_.expires_at(until);
    deadline_.async_wait([weak = weak_from_this()](error_code cancelled) {
      auto state = weak.lock();
      if (cancelled || !state || state->open_ || !state->channel_) return;
      state->timed_out_ = true;
      state->channel_->stream().close();
    });
    UpgradeResponse response;
    std::string url = origin_.to_string();
    UpgradeCall call = call_upgrade(url.substr(url.find("//") + 2), target);
    call.request.set(http::field::user_agent, "lanrage");
    for (const auto& [name, value] : headers)
      call.request.set(name, value);
    error = co_await channel->connect(response, call);
    deadline_.cancel();
    if (gone_) co_return fail(ClientErrc::connection_lost, "given up");
    if (error) {
      channel->stream().close();
      channel_.reset();
      co_return handshake_failure(error, response);
    }
    start();
    co_return Result<void>();
  }

  asio::awaitable<Result<std::string>> receive() {
    auto self = shared_from_this();
    while (inbox_.empty() && open_) {
      error_code cancelled;
      auto token = asio::redirect_error(asio::use_awaitable, cancelled);
      co_await arrival_.async_wait(token);
    }
    if (inbox_.empty())
      co_return fail(ClientErrc::closed,
                     closed_because_.empty() ? "the WebSocket isn't open" : closed_because_);
    std::string text = std::move(inbox_.front());
    inbox_.pop_front();
    inbox_bytes_ -= text.size();
    co_return text;
  }

  bool send(std::string text) {
    if (!is_open()) return false;
    channel_->send(std::make_shared<const std::string>(std::move(text)));
    return true;
  }

  void close(std::uint16_t code, std::string_view reason) {
    if (channel_) channel_->close(code, reason);
  }

  void check(std::chrono::milliseconds limit) {
    if (open_) return channel_->check(limit);
    if (connector_) connector_->cancel();
    if (channel_) channel_->stream().close();
  }

  void abandon() {
    gone_ = true;
    open_ = false;
    if (connector_) connector_->cancel();
    if (channel_) {
      channel_->stream().close();
      channel_->abandon();
    }
    arrival_.cancel();
  }

  bool is_open() const { return open_ && channel_->is_open(); }
  const std::optional<HttpResponse>& refusal() const { return refusal_; }
  const std::optional<Endpoint>& local() const { return local_; }

 private:
  void start() {
    open_ = true;
    std::weak_ptr<State> weak = weak_from_this();
    WebSocketEvents events;
    events.on_text = [weak](std::string text) {
      if (auto self = weak.lock()) self->on_text(std::move(text));
    };
    events.on_overflow = [weak] {
      if (auto self = weak.lock()) self->give_up("the server reads too slowly");
    };
    events.on_closed = [weak](std::uint16_t code, const std::string& reason) {
      auto self = weak.lock();
      if (!self) return;
      self->open_ = false;
      if (self->closed_because_.empty())
        self->closed_because_ = "the connection to " + self->origin_.to_string() + " was closed (" +
                                std::to_string(code) + (reason.empty() ? ")" : ": " + reason + ")");
      self->arrival_.cancel();
    };
    channel_->start(std::move(events), {});
  }

  void on_text(std::string text) {
    inbox_bytes_ += text.size();
    inbox_.push_back(std::move(text));
    arrival_.cancel();
    // Nobody receives: what piles up here would only be stale.
    if (inbox_bytes_ > 2 * limits_.message_bytes) give_up("messages arrive faster than we read");
  }

  void give_up(const char* why) {
    closed_because_ = why;
    channel_->close(kClosePolicy, why);
  }

  Result<void> handshake_failure(error_code error, const UpgradeResponse& response) {
    std::string server = origin_.to_string();
    if (error == websocket::error::upgrade_declined) {
      HttpResponse& refusal = refusal_.emplace();
      refusal.status = static_cast<int>(response.result_int());
      refusal.body = response.body();
      refusal.content_type = std::string(response[http::field::content_type]);
      for (const auto& field : response)
        refusal.headers.add(std::string(field.name_string()), std::string(field.value()));
      auto problem = protocol::read_problem(refusal.status, refusal.body);
      return fail(ClientErrc::upgrade_refused, problem.code + ": " + problem.detail);
    }
    if (timed_out_)
      return fail(ClientErrc::timeout, server + " didn't open the WebSocket in time; try again");
    bool foreign =
        error.category() == websocket::make_error_code(websocket::error::closed).category() ||
        error.category() == http::make_error_code(http::error::bad_version).category();
    if (foreign && error != http::error::end_of_stream && error != http::error::partial_message)
      return fail(ClientErrc::malformed_answer,
                  server + " doesn't open WebSockets as we do (" + error.message() + ")");
    return fail(
        ClientErrc::connection_lost,
        server + " closed the connection in the WebSocket handshake (" + error.message() + ")");
  }

  asio::io_context& io_;
  Origin origin_;
  ClientLimits limits_;
  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<Connector> connector_;
  std::shared_ptr<WebSocketChannel> channel_;
  std::optional<HttpResponse> refusal_;
  std::optional<Endpoint> local_;
  std::list<std::string> inbox_;
  std::size_t inbox_bytes_ = 0;
  asio::steady_timer arrival_;
  asio::steady_timer deadline_;
  std::string closed_because_;
  bool open_ = false;
  bool timed_out_ = false;
  bool gone_ = false;
};

class Client final : public WebSocketClient {
 public:
  Client(asio::io_context& io, Origin origin, ClientLimits limits)
      : state_(std::make_shared<State>(io, std::move(origin), limits)) {}
  ~Client() override { state_->abandon(); }

  asio::awaitable<Result<void>> connect(std::string target, Headers headers,
                                        std::chrono::milliseconds timeout) override {
    return state_->connect(std::move(target), std::move(headers), timeout);
  }
  const std::optional<HttpResponse>& refusal() const override { return state_->refusal(); }
  asio::awaitable<Result<std::string>> receive() override { return state_->receive(); }
  bool send(std::string text) override { return state_->send(std::move(text)); }
  void close(std::uint16_t code, std::string_view reason) override { state_->close(code, reason); }
  void check(std::chrono::milliseconds limit) override { state_->check(limit); }
  bool is_open() const override { return state_->is_open(); }
  std::optional<Endpoint> local_endpoint() const override { return state_->local(); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<WebSocketClient> WebSocketClient::make(asio::io_context& io, Origin origin,
                                                       ClientLimits limits) {
  return std::make_unique<Client>(io, std::move(origin), limits);
}

}  // namespace lanrage::io
