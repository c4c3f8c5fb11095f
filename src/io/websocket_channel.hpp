// One open WebSocket, either end: queue, pings, dead-peer watch, closing. Private to io/; includes
// Beast.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <string>

#include "io/stream.hpp"
#include "io/websocket.hpp"

namespace lanrage::io {

// Found by Beast through argument-dependent lookup.
void beast_close_socket(Stream& stream);
template <class Handler>
void async_teardown(boost::beast::role_type, Stream& stream, Handler&& handler) {
  stream.shutdown();
  boost::asio::post(stream.get_executor(),
                    boost::beast::bind_front_handler(std::forward<Handler>(handler),
                                                     boost::system::error_code()));
}

struct ChannelLimits {
  std::size_t message_bytes;
  std::size_t queue_bytes;
  std::chrono::milliseconds ping_every;
  std::chrono::milliseconds dead_after;
  std::chrono::milliseconds close_time;
};

class WebSocketChannel : public std::enable_shared_from_this<WebSocketChannel> {
 public:
  using Socket = boost::beast::websocket::stream<Stream, false>;  // false: no compression, and
                                                                  // none of its buffers
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;

  WebSocketChannel(Stream stream, ChannelLimits limits);

  // Handshakes; neither has a deadline of its own: close the stream to give up.
  boost::asio::awaitable<boost::system::error_code> accept(const Request& request);
  boost::asio::awaitable<boost::system::error_code> connect(
      Response& response, std::string host, std::string target,
      std::function<void(boost::beast::websocket::request_type&)> decorate);

  // Begins to read. `on_end` comes last and once, after events.on_closed, unless abandon()ed.
  void start(WebSocketEvents events, std::function<void()> on_end);
  void send(std::shared_ptr<const std::string> text);
  void close(std::uint16_t code, std::string_view reason);
  // Cuts the connection; no callback follows.
  void abandon();
  // Cuts the connection; on_closed follows.
  void cut();

  bool is_open() const { return phase_ == Phase::open; }
  std::size_t queued_bytes() const { return queued_bytes_; }
  Stream& stream() { return socket_.next_layer(); }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { handshake, open, closing, ended };

  void read_next();
  void on_read(boost::system::error_code error);
  void write_next();
  void on_written(boost::system::error_code error);
  void begin_close();
  void watch();
  void on_watch();
  void end(std::uint16_t code, std::string reason);

  Socket socket_;
  ChannelLimits limits_;
  WebSocketEvents events_;
  std::function<void()> on_end_;
  boost::beast::flat_buffer inbound_;
  std::list<std::shared_ptr<const std::string>> queue_;  // the first is in flight if writing_
  std::size_t queued_bytes_ = 0;
  Phase phase_ = Phase::handshake;
  bool writing_ = false;
  bool pinging_ = false;
  bool overflowed_ = false;
  bool close_sent_ = false;
  std::uint16_t close_code_ = kCloseNormal;
  std::string close_reason_;
  boost::asio::steady_timer timer_;
  Clock::time_point received_at_;
  Clock::time_point write_began_;
  Clock::time_point ping_at_;
  Clock::time_point close_by_;
};

}  // namespace lanrage::io
