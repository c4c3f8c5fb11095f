#include "io/websocket_channel.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/websocket/error.hpp>

#include "crypto/keys.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

// Up to a quarter earlier, so that clients which came together don't ping together.
std::chrono::milliseconds jittered(std::chrono::milliseconds interval) {
  crypto::SystemRandom random;
  auto quarter = static_cast<std::uint64_t>(interval.count() / 4 + 1);
  return interval - std::chrono::milliseconds(random.below(quarter));
}

}  // namespace

void beast_close_socket(Stream& stream) {
  stream.close();
}

WebSocketChannel::WebSocketChannel(Stream stream, ChannelLimits limits)
    : socket_(std::move(stream)), limits_(limits), timer_(socket_.get_executor()) {
  socket_.read_message_max(limits_.message_bytes);
  socket_.text(true);
}

asio::awaitable<error_code> WebSocketChannel::accept(const Request& request) {
  auto self = shared_from_this();
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await socket_.async_accept(request, token);
  co_return error;
}

asio::awaitable<error_code> WebSocketChannel::connect(
    Response& response, std::string host, std::string target,
    std::function<void(websocket::request_type&)> decorate) {
  auto self = shared_from_this();
  socket_.set_option(websocket::stream_base::decorator(std::move(decorate)));
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await socket_.async_handshake(response, host, target, token);
  co_return error;
}

void WebSocketChannel::start(WebSocketEvents events, std::function<void()> on_end) {
  events_ = std::move(events);
  on_end_ = std::move(on_end);
  phase_ = Phase::open;
  received_at_ = Clock::now();
  ping_at_ = received_at_ + jittered(limits_.ping_every);
  // Any control frame shows that the peer lives; a weak pointer, for the socket owns the callback.
  socket_.control_callback([weak = weak_from_this()](websocket::frame_type, beast::string_view) {
    if (auto self = weak.lock()) self->received_at_ = Clock::now();
  });
  read_next();
  watch();
}

void WebSocketChannel::read_next() {
  socket_.async_read(inbound_, [self = shared_from_this()](error_code error, std::size_t) {
    self->on_read(error);
  });
}

void WebSocketChannel::on_read(error_code error) {
  if (phase_ == Phase::ended) return;
  if (error) {
    const auto& reason = socket_.reason();
    bool closed = error == websocket::error::closed;
    bool too_big =
        error == websocket::error::message_too_big || error == websocket::error::buffer_overflow;
    std::uint16_t code = closed    ? static_cast<std::uint16_t>(reason.code)
                         : too_big ? kCloseTooBig
                                   : kCloseAbnormal;
    std::string text = closed ? std::string(reason.reason.data(), reason.reason.size())
                              : (too_big ? "message too big" : error.message());
    return end(code, std::move(text));
  }
  received_at_ = Clock::now();
  if (!socket_.got_text()) {
    inbound_.consume(inbound_.size());
    close(kCloseUnsupported, "text frames only");
  } else {
    std::string text = beast::buffers_to_string(inbound_.data());
    inbound_.consume(inbound_.size());
    inbound_.shrink_to_fit();  // most connections are idle most of the time
    if (phase_ == Phase::open && events_.on_text) {
      auto on_text = events_.on_text;  // may end us, and itself
      on_text(std::move(text));
    }
  }
  if (phase_ != Phase::ended) read_next();
}

void WebSocketChannel::send(std::shared_ptr<const std::string> text) {
  if (phase_ != Phase::open || overflowed_) return;
  if (queued_bytes_ + text->size() > limits_.queue_bytes && !queue_.empty()) {
    overflowed_ = true;  // on_written clears it: only then has the peer read anything
    queue_.resize(1);    // the frame in flight
    queued_bytes_ = queue_.front()->size();
    return;
  }
  queued_bytes_ += text->size();
  queue_.push_back(std::move(text));
  if (!writing_) write_next();
}

void WebSocketChannel::write_next() {
  writing_ = true;
  write_began_ = Clock::now();
  socket_.async_write(
      asio::buffer(*queue_.front()),
      [self = shared_from_this()](error_code error, std::size_t) { self->on_written(error); });
}

void WebSocketChannel::on_written(error_code error) {
  writing_ = false;
  if (phase_ == Phase::ended) return;
  if (error) return;  // the read fails too, and knows better why
  queued_bytes_ -= queue_.front()->size();
  queue_.pop_front();
  if (overflowed_) {
    overflowed_ = false;
    if (phase_ == Phase::open && events_.on_overflow) {
      auto on_overflow = events_.on_overflow;
      on_overflow();
    }
  }
  if (phase_ == Phase::ended || writing_) return;
  if (!queue_.empty()) return write_next();
  if (phase_ == Phase::closing) begin_close();
}

void WebSocketChannel::close(std::uint16_t code, std::string_view reason) {
  if (phase_ != Phase::open) return;
  phase_ = Phase::closing;
  close_code_ = code;
  close_reason_ = reason.substr(0, 120);  // a control frame holds 125 bytes, two are the code
  close_by_ = Clock::now() + limits_.close_time;
  watch();
  if (!writing_) begin_close();
}

void WebSocketChannel::begin_close() {
  if (close_sent_) return;
  close_sent_ = true;
  websocket::close_reason reason(static_cast<websocket::close_code>(close_code_),
                                 beast::string_view(close_reason_));
  socket_.async_close(reason, [self = shared_from_this()](error_code error) {
    // The read under way ends with `closed`; without one we end here.
    if (error) return self->end(kCloseAbnormal, error.message());
    self->end(self->close_code_, self->close_reason_);
  });
}

void WebSocketChannel::watch() {
  auto next =
      phase_ == Phase::closing ? close_by_ : std::min(ping_at_, received_at_ + limits_.dead_after);
  if (phase_ == Phase::open && writing_) next = std::min(next, write_began_ + limits_.dead_after);
  timer_.expires_at(std::max(next, Clock::now() + std::chrono::milliseconds(1)));
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    auto self = weak.lock();
    if (self && !error) self->on_watch();
  });
}

void WebSocketChannel::on_watch() {
  if (phase_ == Phase::ended) return;
  auto now = Clock::now();
  if (phase_ == Phase::closing) {
    if (now >= close_by_) return cut();
    return watch();
  }
  bool silent = now >= received_at_ + limits_.dead_after;
  bool stuck = writing_ && now >= write_began_ + limits_.dead_after;
  if (silent || stuck) return cut();
  if (now >= ping_at_) {
    ping_at_ = now + jittered(limits_.ping_every);
    if (!pinging_) {
      pinging_ = true;
      socket_.async_ping({}, [self = shared_from_this()](error_code) { self->pinging_ = false; });
    }
  }
  watch();
}

void WebSocketChannel::cut() {
  stream().close();
  end(kCloseAbnormal, "the peer doesn't answer");
}

void WebSocketChannel::end(std::uint16_t code, std::string reason) {
  if (phase_ == Phase::ended) return;
  phase_ = Phase::ended;
  timer_.cancel();
  stream().close();
  auto events = std::exchange(events_, {});
  auto on_end = std::exchange(on_end_, {});
  if (events.on_closed) events.on_closed(code, std::move(reason));
  if (on_end) on_end();
}

void WebSocketChannel::abandon() {
  events_ = {};
  on_end_ = {};
  end(kCloseAbnormal, {});
}

}  // namespace lanrage::io
