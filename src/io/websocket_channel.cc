#include "io/websocket_channel.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/error.hpp>

#include "crypto/keys.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kRecord = 16 * 1024;  // the most that one TLS record holds
constexpr int kReadsAtOnce = 16;            // of one connection, before others have their turn

// Up to a quarter earlier, so that clients which came together don't ping together.
std::chrono::milliseconds jittered(std::chrono::milliseconds interval) {
  crypto::SystemRandom random;
  auto quarter = static_cast<std::uint64_t>(interval.count() / 4 + 1);
  return interval - std::chrono::milliseconds(random.below(quarter));
}

// One for all connections of a thread: only one of them reads, or gathers, at a time.
std::span<unsigned char> shared_space() {
  thread_local std::array<unsigned char, kRecord> space;
  return space;
}

}  // namespace

WebSocketChannel::WebSocketChannel(Stream stream, FrameSender peer, ChannelLimits limits)
    : stream_(std::move(stream)),
      limits_(limits),
      reader_(peer, limits.message_bytes),
      peer_(peer),
      timer_(stream_.get_executor()) {}

asio::awaitable<error_code> WebSocketChannel::accept(const UpgradeRequest& request,
                                                     std::string behind) {
  auto self = shared_from_this();
  behind_ = std::move(behind);
  auto response = answer_upgrade(request);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await http::async_write(stream_, response, token);
  if (!error && response.result() != http::status::switching_protocols)
    error = beast::websocket::error::upgrade_declined;
  co_return error;
}

asio::awaitable<error_code> WebSocketChannel::connect(UpgradeResponse& response,
                                                      const UpgradeCall& call) {
  auto self = shared_from_this();
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await http::async_write(stream_, call.request, token);
  if (error) co_return error;
  beast::flat_buffer buffer;
  co_await http::async_read(stream_, buffer, response, token);
  if (error) co_return error;
  if (response.result() != http::status::switching_protocols)
    co_return beast::websocket::error::upgrade_declined;
  if (!accepts_upgrade(response, call.key)) co_return beast::websocket::error::bad_sec_accept;
  const auto rest = buffer.data();
  behind_.assign(static_cast<const char*>(rest.data()), rest.size());
  co_return error;
}

void WebSocketChannel::start(WebSocketEvents events, std::function<void()> on_end) {
  events_ = std::move(events);
  on_end_ = std::move(on_end);
  phase_ = Phase::open;
  received_at_ = Clock::now();
  ping_at_ = received_at_ + jittered(limits_.ping_every);
  watch();
  // TLS may hold bytes already that will make no socket readable.
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    std::string behind = std::exchange(self->behind_, {});
    self->take({reinterpret_cast<unsigned char*>(behind.data()), behind.size()});
    self->on_readable();
  });
}

// ---- reading ----

void WebSocketChannel::wait_to_read() {
  stream_.socket().async_wait(tcp::socket::wait_read,
                              [self = shared_from_this()](error_code error) {
                                if (error && self->phase_ != Phase::ended)
                                  return self->end(kCloseAbnormal, error.message());
                                self->on_readable();
                              });
}

void WebSocketChannel::on_readable() {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    if (phase_ == Phase::ended) return;
    const auto space = shared_space();
    const auto got = stream_.try_read(asio::buffer(space.data(), space.size()));
    if (got.wait == Stream::Wait::writable) {  // TLS has something of its own to send first
      stream_.socket().async_wait(tcp::socket::wait_write,
                                  [self = shared_from_this()](error_code) { self->on_readable(); });
      return;
    }
    if (got.error) {
      if (discarding_) return end(close_code_, close_reason_);
      return end(kCloseAbnormal, got.error.message());
    }
    // Half a record that TLS has read ahead is none yet: its rest comes through the socket.
    if (got.wait == Stream::Wait::readable) return wait_to_read();
    received_at_ = Clock::now();
    alive_by_.reset();
    if (!discarding_) take(space.first(got.bytes));
    if (phase_ == Phase::ended) return;
    if (!stream_.has_read_ahead()) return wait_to_read();
  }
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->on_readable(); });
}

void WebSocketChannel::take(std::span<unsigned char> bytes) {
  while (!bytes.empty() && phase_ != Phase::ended && !discarding_) {
    auto message = reader_.next(bytes);
    if (!message) return fail(message.error());
    if (*message) on_message(**message);
  }
}

void WebSocketChannel::on_message(FrameReader::Message& message) {
  switch (message.type) {
    case FrameType::text:
      if (phase_ == Phase::open && events_.on_text) {
        auto on_text = events_.on_text;  // may end us, and itself
        on_text(std::move(message.payload));
      }
      return;
    case FrameType::ping:
      if (!close_sent_) queue_pong(std::move(message.payload));
      return;
    case FrameType::close:
      return on_peer_close(read_close_payload(message.payload));
    case FrameType::pong:
      return;
    case FrameType::binary:
    case FrameType::continuation:
      return close(kCloseUnsupported, "text frames only");
  }
}

void WebSocketChannel::on_peer_close(const CloseReason& reason) {
  if (!close_sent_) {
    close_sent_ = true;
    phase_ = Phase::closing;
    queue_control(FrameType::close,
                  reason.code == kCloseNoStatus ? std::string() : close_payload({reason.code, {}}));
    flush();
  }
  stream_.shutdown();
  end(reason.code, std::string(reason.text));
}

// Says why, and goes. A peer in the middle of a message that is too big gets to read it first: our
// end of the connection must not meet what it still sends with a reset.
void WebSocketChannel::fail(const FrameReader::Failure& failure) {
  if (faults_) ++(failure.code == kCloseTooBig ? faults_->too_big : faults_->protocol);
  const bool says_why = !close_sent_;
  close_sent_ = true;
  phase_ = Phase::closing;
  close_code_ = failure.code == kCloseTooBig ? kCloseTooBig : kCloseAbnormal;
  close_reason_ = failure.what;
  close_by_ = Clock::now() + limits_.close_time;
  if (says_why) queue_control(FrameType::close, close_payload({failure.code, failure.what}));
  flush();
  stream_.shutdown();
  if (failure.code != kCloseTooBig) return end(close_code_, close_reason_);
  discarding_ = true;
  watch();
}

// ---- writing ----

WebSocketChannel::Outgoing WebSocketChannel::make_frame(
    FrameType type, std::shared_ptr<const std::string> payload) const {
  std::optional<std::array<unsigned char, 4>> mask;
  if (peer_ == FrameSender::server) {
    crypto::SystemRandom random;
    mask = random.array<4>();
    auto masked = std::make_shared<std::string>(*payload);
    for (std::size_t i = 0; i < masked->size(); ++i)
      (*masked)[i] = static_cast<char>(static_cast<unsigned char>((*masked)[i]) ^ (*mask)[i % 4]);
    payload = std::move(masked);
  }
  return {frame_header(type, payload->size(), mask), std::move(payload), type == FrameType::text};
}

void WebSocketChannel::send(std::shared_ptr<const std::string> text) {
  if (phase_ != Phase::open || overflowed_) return;
  const std::size_t size = text->size();
  if (queued_bytes_ + size > limits_.queue_bytes && !queue_.empty()) {
    overflowed_ = true;  // on_flushed clears it: only then has the peer read anything
    queue_.resize(1);
    queued_bytes_ = queue_.front().is_text ? queue_.front().payload->size() : 0;
    return;
  }
  queued_bytes_ += size;
  queue_.push_back(make_frame(FrameType::text, std::move(text)));
  flush_soon();
}

// Before all that hasn't been begun, for pings measure life and a close comes when texts are gone.
void WebSocketChannel::queue_control(FrameType type, std::string payload) {
  auto place = queue_.begin();
  if (begun_ > 0) ++place;
  queue_.insert(place, make_frame(type, std::make_shared<const std::string>(std::move(payload))));
  flush_soon();
}

// For the latest ping only (RFC 6455 section 5.5.3): whoever pings without reading fills no memory.
void WebSocketChannel::queue_pong(std::string payload) {
  auto place = queue_.begin();
  if (begun_ > 0) ++place;
  for (; place != queue_.end() && !place->is_text; ++place) {
    if (!place->is_pong()) continue;
    queue_.erase(place);
    break;
  }
  queue_control(FrameType::pong, std::move(payload));
}

// After whatever else this turn of the loop queues. Also, nothing is called from inside send().
void WebSocketChannel::flush_soon() {
  if (blocked_ || flush_posted_) return;
  flush_posted_ = true;
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

std::size_t WebSocketChannel::gather(std::span<unsigned char> space) {
  std::size_t used = 0;
  while (!queue_.empty() && used < space.size()) {
    const Outgoing& next = queue_.front();
    const auto append = [&](const unsigned char* bytes, std::size_t size) {
      const std::size_t part = std::min(size, space.size() - used);
      std::copy_n(bytes, part, space.begin() + static_cast<std::ptrdiff_t>(used));
      used += part;
      begun_ += part;
    };
    if (begun_ < next.header.size)
      append(next.header.bytes.data() + begun_, next.header.size - begun_);
    if (begun_ >= next.header.size) {
      const std::size_t at = begun_ - next.header.size;
      append(reinterpret_cast<const unsigned char*>(next.payload->data()) + at,
             next.payload->size() - at);
    }
    if (begun_ < next.size()) break;
    if (next.is_text) queued_bytes_ -= next.payload->size();
    queue_.pop_front();
    begun_ = 0;
  }
  return used;
}

void WebSocketChannel::flush() {
  if (blocked_ || broken_) return;
  for (;;) {
    if (phase_ == Phase::ended) return;
    const auto space = shared_space();
    std::span<const unsigned char> bytes(reinterpret_cast<const unsigned char*>(stuck_.data()),
                                         stuck_.size());
    if (stuck_.empty()) bytes = space.first(gather(space));
    if (bytes.empty()) return on_flushed();
    const auto sent = stream_.try_write(asio::buffer(bytes.data(), bytes.size()));
    if (sent.error) {
      broken_ = true;  // reading fails too, and knows better why
      return;
    }
    if (sent.bytes < bytes.size()) {
      const auto rest = bytes.subspan(sent.bytes);
      stuck_ = std::string(reinterpret_cast<const char*>(rest.data()), rest.size());
    } else {
      stuck_ = std::string();
    }
    if (sent.wait == Stream::Wait::none) continue;
    blocked_ = true;
    blocked_at_ = Clock::now();
    stream_.socket().async_wait(
        sent.wait == Stream::Wait::writable ? tcp::socket::wait_write : tcp::socket::wait_read,
        [self = shared_from_this()](error_code error) {
          self->blocked_ = false;
          if (!error) self->flush();
        });
    return;
  }
}

void WebSocketChannel::on_flushed() {
  if (overflowed_) {
    overflowed_ = false;
    if (phase_ == Phase::open && events_.on_overflow) {
      auto on_overflow = events_.on_overflow;
      on_overflow();
    }
  }
  if (phase_ != Phase::closing || close_sent_ || !queue_.empty()) return;
  close_sent_ = true;
  queue_control(FrameType::close, close_payload({close_code_, close_reason_}));
}

// ---- ending ----

void WebSocketChannel::close(std::uint16_t code, std::string_view reason) {
  if (phase_ != Phase::open) return;
  phase_ = Phase::closing;
  close_code_ = code;
  close_reason_ = reason.substr(0, 120);  // a control frame holds 125 bytes, two are the code
  close_by_ = Clock::now() + limits_.close_time;
  watch();
  flush_soon();
}

void WebSocketChannel::check(std::chrono::milliseconds limit) {
  if (phase_ != Phase::open) return;
  if (limit.count() == 0) return cut();
  alive_by_ = Clock::now() + limit;
  if (!blocked_) queue_control(FrameType::ping, {});
  watch();
}

void WebSocketChannel::watch() {
  auto next =
      phase_ == Phase::closing ? close_by_ : std::min(ping_at_, received_at_ + limits_.dead_after);
  if (phase_ == Phase::open && blocked_) next = std::min(next, blocked_at_ + limits_.dead_after);
  if (phase_ == Phase::open && alive_by_) next = std::min(next, *alive_by_);
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
    if (now < close_by_) return watch();
    if (discarding_) return end(close_code_, close_reason_);
    if (faults_) ++faults_->slow_close;
    return cut();
  }
  bool silent = now >= received_at_ + limits_.dead_after;
  bool stuck = blocked_ && now >= blocked_at_ + limits_.dead_after;
  const bool unanswered = alive_by_ && now >= *alive_by_;
  if (silent || stuck || unanswered) {
    if (faults_) ++faults_->dead;
    return cut();
  }
  if (now >= ping_at_) {
    ping_at_ = now + jittered(limits_.ping_every);
    if (!blocked_) queue_control(FrameType::ping, {});
  }
  watch();
}

void WebSocketChannel::cut() {
  stream_.close();
  end(kCloseAbnormal, "the peer doesn't answer");
}

void WebSocketChannel::end(std::uint16_t code, std::string reason) {
  if (phase_ == Phase::ended) return;
  phase_ = Phase::ended;
  timer_.cancel();
  stream_.close();
  queue_.clear();
  queued_bytes_ = 0;
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
