#include "io/server_connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <ctime>
#include <iterator>
#include <utility>

#include "io/address.hpp"
#include "io/request_rules.hpp"
#include "io/stream.hpp"
#include "io/websocket_channel.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using protocol::Errc;
using Parser = RequestParser;
using Message = Parser::value_type;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

std::string http_date() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  auto size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text, size);
}

// The program's end of a WebSocket: may outlive the channel, and the server.
class WebSocketHandle final : public WebSocket {
 public:
  WebSocketHandle(std::weak_ptr<WebSocketChannel> channel, const Endpoint& remote)
      : channel_(std::move(channel)), remote_(remote) {}

  void send(std::shared_ptr<const std::string> text) override {
    if (auto channel = channel_.lock()) channel->send(std::move(text));
  }
  void close(std::uint16_t code, std::string_view reason) override {
    if (auto channel = channel_.lock()) channel->close(code, reason);
  }
  std::size_t queued_bytes() const override {
    auto channel = channel_.lock();
    return channel ? channel->queued_bytes() : 0;
  }
  const Endpoint& remote() const override { return remote_; }

 private:
  std::weak_ptr<WebSocketChannel> channel_;
  Endpoint remote_;
};

class Connection final : public ServerConnection, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerState> state, asio::ip::tcp::socket socket,
             std::unique_ptr<ConnectionSlot> slot)
      : state_(std::move(state)),
        slot_(std::move(slot)),
        remote_(endpoint_of(socket, true)),
        local_(endpoint_of(socket, false)),
        deadline_(socket.get_executor()),
        answer_timer_(socket.get_executor()),
        buffer_(limits().header_bytes + kSlack),
        stream_(std::move(socket), tls() ? tls()->native() : nullptr, Stream::Role::server) {}

  void begin() {
    slot_->register_connection(shared_from_this());
    asio::co_spawn(stream_.get_executor(), run(shared_from_this()), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);  // our own bug: out of io_context::run
    });
  }

  void finish() override {
    if (channel_ && channel_->is_open()) return channel_->close(kCloseGoingAway, "server stopping");
    if (idle_) abort(true);
  }

  void abort(bool silent) override {
    deadline_.cancel();
    answer_timer_.cancel();
    if (!channel_) return stream_.close();
    if (silent)
      channel_->abandon();
    else
      channel_->cut();
  }

  void on_answer(std::uint64_t number, HttpResponse response) {
    if (number != request_number_ || answer_) return;
    answer_ = std::move(response);
    answer_timer_.cancel();
  }

 private:
  static constexpr std::size_t kSlack = 4096;  // body bytes read along with a header
  static constexpr std::size_t kLingerBytes = 1024 * 1024;
  static constexpr auto kLingerTime = std::chrono::seconds(2);

  class Sink final : public Responder::Sink {
   public:
    Sink(std::weak_ptr<Connection> connection, std::uint64_t number)
        : connection_(std::move(connection)), number_(number) {}
    void answer(HttpResponse response) override {
      if (auto connection = connection_.lock()) connection->on_answer(number_, std::move(response));
    }

   private:
    std::weak_ptr<Connection> connection_;
    std::uint64_t number_;
  };

  static Endpoint endpoint_of(const asio::ip::tcp::socket& socket, bool remote) {
    error_code error;
    auto endpoint = remote ? socket.remote_endpoint(error) : socket.local_endpoint(error);
    return error ? Endpoint{} : from_asio(endpoint);
  }

  const ServerLimits& limits() const { return state_->options.limits; }
  const std::shared_ptr<TlsContext>& tls() const { return state_->options.tls; }

  // Whatever waits on the connection fails when the time is over.
  void arm(std::chrono::milliseconds time, TimedOut counted) {
    deadline_for_ = counted;
    deadline_.expires_after(time);
    deadline_.async_wait([weak = weak_from_this()](error_code error) {
      auto self = weak.lock();
      if (error || !self || self->deadline_.expiry() > asio::steady_timer::clock_type::now())
        return;
      ++self->state_->counters.of(self->deadline_for_);
      if (self->channel_)
        self->channel_->stream().close();
      else
        self->stream_.close();
    });
  }

  static asio::awaitable<void> run(std::shared_ptr<Connection> self) {
    self->arm(self->limits().handshake_time, TimedOut::handshake);
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await self->stream_.async_handshake(token);
    if (error) {
      ++self->state_->counters.failed_handshakes;
    } else {
      bool more = true;
      while (more)
        more = co_await self->serve_one();
    }
    if (self->channel_) co_return;  // goes on as a WebSocket
    self->stream_.close();
    self->deadline_.cancel();
  }

  // One request and its answer. False when the connection shall end.
  asio::awaitable<bool> serve_one() {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    if (buffer_.size() == 0) {
      if (state_->stopping) co_return false;
      buffer_.shrink_to_fit();
      idle_ = true;
      arm(request_number_ == 0 ? limits().header_time : limits().idle_time, TimedOut::idle);
      auto space = buffer_.prepare(512);
      std::size_t got = co_await stream_.async_read_some(space, token);
      idle_ = false;
      if (error) {
        stream_.shutdown();
        co_return false;
      }
      buffer_.commit(got);
    }
    ++request_number_;
    arm(limits().header_time, TimedOut::header);
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits().header_bytes));
    parser.body_limit(limits().body_bytes);
    co_await http::async_read_header(stream_, buffer_, parser, token);
    std::ptrdiff_t fields = 0;
    if (!error) {
      if (auto doubt = doubt_about_length(parser)) {
        co_await reject(Rejected::malformed, *doubt);
        co_return false;
      }
      fields = std::distance(parser.get().begin(), parser.get().end());
      arm(limits().body_time, TimedOut::body);
      if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        auto bytes = asio::buffer(kContinue);
        co_await asio::async_write(stream_, bytes, token);
      }
      if (!error) co_await http::async_read(stream_, buffer_, parser, token);
    }
    if (error) {
      co_await refuse(error);
      co_return false;
    }
    // They would stand among the header's fields, where a proxy that judged those hasn't looked.
    if (std::distance(parser.get().begin(), parser.get().end()) != fields) {
      co_await reject(
          Rejected::malformed,
          protocol::problem_of(Errc::malformed_request, "expected no fields behind the body"));
      co_return false;
    }
    ++state_->counters.requests;
    bool keep = parser.keep_alive() && request_number_ < limits().requests_per_connection;
    bool head = parser.get().method() == http::verb::head;
    bool upgrade = beast::websocket::is_upgrade(parser.get()) && state_->events.on_upgrade;
    answer_.reset();
    if (auto objection = objection_to(parser.get())) {
      ++state_->counters.of(objection->status == 415 ? Rejected::media_type : Rejected::malformed);
      answer_ = HttpResponse::problem(*objection);
    } else if (state_->gone) {
      co_return false;
    } else if (upgrade) {
      HttpRequest request = request_of(parser.get());
      auto decision = state_->events.on_upgrade(request);
      if (auto* opened = std::get_if<WebSocketOpened>(&decision)) {
        Message message = parser.release();
        auto callback = std::move(*opened);
        co_await open_websocket(message, callback);
        co_return false;
      }
      answer_ = std::move(std::get<HttpResponse>(decision));
    } else {
      deadline_.cancel();
      answer_timer_.expires_after(limits().answer_time);
      auto sink = std::make_shared<Sink>(weak_from_this(), request_number_);
      state_->events.on_request(request_of(parser.release()), Responder(std::move(sink)));
      if (!answer_) co_await answer_timer_.async_wait(token);
    }
    if (!stream_.socket().is_open()) co_return false;
    if (!answer_) {
      ++state_->counters.of(Rejected::unanswered);
      answer_ = HttpResponse::problem(
          protocol::problem_of(Errc::unavailable, "the server didn't answer in time; try again"));
    }
    keep = keep && !state_->stopping;
    HttpResponse response = std::move(*answer_);
    bool written = co_await write(response, keep, head);
    if (written && !keep) co_await linger();
    co_return written&& keep;
  }

  HttpRequest request_of(Message message) {
    HttpRequest request;
    request.method = method_of(message.method());
    request.target = view(message.target());
    for (const auto& field : message)
      request.headers.add(std::string(view(field.name_string())), std::string(view(field.value())));
    request.body = std::move(message.body());
    request.remote = remote_;
    request.local = local_;
    request.tls = stream_.is_tls();
    return request;
  }

  // For what isn't HTTP or exceeds a limit; nothing for a connection that merely ended.
  asio::awaitable<void> refuse(error_code error) {
    if (error == http::error::end_of_stream || error == http::error::partial_message) co_return;
    if (error == http::error::body_limit)
      co_return co_await reject(
          Rejected::body_size,
          protocol::problem_of(
              Errc::body_too_large,
              "expected a body of at most " + std::to_string(limits().body_bytes) + " bytes"));
    // A chunk's extensions and what stands behind the last chunk need the buffer too.
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
      co_return co_await reject(
          Rejected::header_size,
          protocol::problem_of(
              Errc::headers_too_large,
              "expected a header of at most " + std::to_string(limits().header_bytes) + " bytes"));
    if (error.category() == http::make_error_code(http::error::end_of_stream).category())
      co_await reject(Rejected::malformed,
                      protocol::problem_of(Errc::malformed_request,
                                           "the request isn't valid HTTP/1.1: " + error.message()));
  }

  asio::awaitable<void> reject(Rejected counted, protocol::Problem problem) {
    ++state_->counters.of(counted);
    HttpResponse response = HttpResponse::problem(problem);
    bool written = co_await write(response, false, false);
    if (written) co_await linger();
  }

  asio::awaitable<bool> write(HttpResponse& response, bool keep, bool head) {
    arm(limits().answer_time, TimedOut::answer);
    http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
    message.set(http::field::date, http_date());
    message.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers)
      message.insert(name, value);
    bool bodiless = response.status == 204 || response.status == 304;
    if (!bodiless) {
      message.body() = std::move(response.body);
      if (!message.body().empty()) message.set(http::field::content_type, response.content_type);
    }
    message.keep_alive(keep);
    if (!bodiless) message.prepare_payload();  // else no Content-Length (RFC 9110 section 8.6)
    if (head) message.body().clear();          // Content-Length stays (RFC 9110 section 9.3.2)
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_write(stream_, message, token);
    co_return !error;
  }

  // Closing with unread input would send a reset, which may overtake the answer.
  asio::awaitable<void> linger() {
    arm(kLingerTime, TimedOut::idle);
    stream_.shutdown();
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    std::array<char, 1024> discarded;
    auto space = asio::buffer(discarded);
    for (std::size_t total = 0; !error && total < kLingerBytes;)
      total += co_await stream_.socket().async_read_some(space, token);
  }

  asio::awaitable<void> open_websocket(Message& message, WebSocketOpened& opened) {
    const auto rest = buffer_.data();
    std::string behind(static_cast<const char*>(rest.data()), rest.size());
    buffer_ = beast::flat_buffer();
    arm(limits().answer_time, TimedOut::answer);
    ChannelLimits channel_limits{limits().message_bytes, limits().queue_bytes, limits().ping_every,
                                 limits().dead_after, limits().close_time};
    channel_ =
        std::make_shared<WebSocketChannel>(std::move(stream_), FrameSender::client, channel_limits);
    auto error = co_await channel_->accept(message, std::move(behind));
    deadline_.cancel();
    if (error || state_->gone) {
      channel_->abandon();
      co_return;
    }
    ++state_->counters.websockets;
    channel_->count_faults({state_, &state_->counters.websocket_faults});
    WebSocketEvents events = opened(std::make_shared<WebSocketHandle>(channel_, remote_));
    channel_->start(std::move(events),
                    [self = shared_from_this()] { --self->state_->counters.websockets; });
    if (state_->stopping) finish();
  }

  std::shared_ptr<ServerState> state_;
  std::unique_ptr<ConnectionSlot> slot_;
  Endpoint remote_;
  Endpoint local_;
  asio::steady_timer deadline_;
  asio::steady_timer answer_timer_;
  beast::flat_buffer buffer_;
  Stream stream_;  // moved into channel_ by an upgrade
  std::shared_ptr<WebSocketChannel> channel_;
  std::uint64_t request_number_ = 0;
  std::optional<HttpResponse> answer_;
  bool idle_ = true;  // no request has begun
  TimedOut deadline_for_ = TimedOut::handshake;
};

}  // namespace

void serve_connection(std::shared_ptr<ServerState> state, asio::ip::tcp::socket socket,
                      std::unique_ptr<ConnectionSlot> slot) {
  std::make_shared<Connection>(std::move(state), std::move(socket), std::move(slot))->begin();
}

}  // namespace lanrage::io
