// One open WebSocket, either end: queue, pings, dead-peer watch, closing. Works on the stream
// itself: a wake-up reads what is there, all frames queued in one turn of the loop leave in as few
// TLS records as hold them, and an idle connection keeps no buffer. Private to io/; includes Beast.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "io/stream.hpp"
#include "io/websocket.hpp"
#include "io/websocket_frames.hpp"
#include "io/websocket_handshake.hpp"

namespace lanrage::io {

struct ChannelLimits {
  std::size_t message_bytes;
  std::size_t queue_bytes;
  std::chrono::milliseconds ping_every;
  std::chrono::milliseconds dead_after;
  std::chrono::milliseconds close_time;
};

class WebSocketChannel : public std::enable_shared_from_this<WebSocketChannel> {
 public:
  // `peer`: whose frames it reads.
  WebSocketChannel(Stream stream, FrameSender peer, ChannelLimits limits);

  // Handshakes; neither has a deadline of its own: close the stream to give up. What the peer sent
  // behind its request goes to accept().
  boost::asio::awaitable<boost::system::error_code> accept(const UpgradeRequest& request,
                                                           std::string behind);
  // websocket::error::upgrade_declined: see `response`.
  boost::asio::awaitable<boost::system::error_code> connect(UpgradeResponse& response,
                                                            const UpgradeCall& call);

  // Begins to read. `on_end` comes last and once, after events.on_closed, unless abandon()ed.
  void start(WebSocketEvents events, std::function<void()> on_end);
  // Where to count what ends it.
  void count_faults(std::shared_ptr<WebSocketFaults> faults) { faults_ = std::move(faults); }
  void send(std::shared_ptr<const std::string> text);
  void close(std::uint16_t code, std::string_view reason);
  // Pings, and cuts the connection unless something comes within `limit`; without one, at once.
  void check(std::chrono::milliseconds limit);
  // Cuts the connection; no callback follows.
  void abandon();
  // Cuts the connection; on_closed follows.
  void cut();

  bool is_open() const { return phase_ == Phase::open; }
  // Of texts that haven't been begun to send.
  std::size_t queued_bytes() const { return queued_bytes_; }
  Stream& stream() { return stream_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { handshake, open, closing, ended };
  struct Outgoing {
    FrameHeader header;
    std::shared_ptr<const std::string> payload;
    bool is_text = false;
    bool is_pong() const { return (header.bytes[0] & 0x0F) == static_cast<int>(FrameType::pong); }
    std::size_t size() const { return header.size + payload->size(); }
  };

  void wait_to_read();
  void on_readable();
  void take(std::span<unsigned char> bytes);
  void on_message(FrameReader::Message& message);
  void on_peer_close(const CloseReason& reason);
  void fail(const FrameReader::Failure& failure);

  Outgoing make_frame(FrameType type, std::shared_ptr<const std::string> payload) const;
  void queue_control(FrameType type, std::string payload);
  void queue_pong(std::string payload);
  void flush_soon();
  void flush();
  std::size_t gather(std::span<unsigned char> space);
  void on_flushed();

  void watch();
  void on_watch();
  void end(std::uint16_t code, std::string reason);

  Stream stream_;
  ChannelLimits limits_;
  FrameReader reader_;
  WebSocketEvents events_;
  std::function<void()> on_end_;
  std::shared_ptr<WebSocketFaults> faults_;  // may be null
  std::string behind_;                       // received with the handshake
  std::list<Outgoing> queue_;                // of the first, `begun_` bytes have left
  std::size_t begun_ = 0;
  std::size_t queued_bytes_ = 0;
  std::string stuck_;  // gathered, and not taken by the socket yet
  Phase phase_ = Phase::handshake;
  FrameSender peer_;
  bool flush_posted_ = false;
  bool blocked_ = false;  // waiting for the socket to take more
  bool broken_ = false;   // for writing
  bool overflowed_ = false;
  bool close_sent_ = false;
  bool discarding_ = false;  // what the peer still sends
  std::uint16_t close_code_ = kCloseNormal;
  std::string close_reason_;
  boost::asio::steady_timer timer_;
  Clock::time_point received_at_;
  Clock::time_point blocked_at_;
  Clock::time_point ping_at_;
  std::optional<Clock::time_point> alive_by_;  // while check() waits
  Clock::time_point close_by_;
};

}  // namespace lanrage::io
