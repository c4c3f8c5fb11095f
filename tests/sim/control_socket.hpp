// A WebSocket between a simulated device and the server: queues as io::WebSocketChannel does, and
// moves a frame only when the simulation says so.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "io/websocket.hpp"
#include "server/clock.hpp"
#include "sim/control_oracle.hpp"

namespace lanrage::control_sim {

// What one world's sockets have in common.
struct SocketContext {
  Complaints& complaints;
  Oracle& oracle;
  const store::MemoryStorage& storage;
  const server::Clock& clock;
  std::string incarnation;  // of the server
  std::size_t queue_bytes;
};

class Socket final : public io::WebSocket {
 public:
  Socket(const SocketContext& context, const PeerId& owner, const Endpoint& remote)
      : context_(context), owner_(owner), remote_(remote) {}

  void send(std::shared_ptr<const std::string> text) override;
  void close(std::uint16_t code, std::string_view reason) override;
  std::size_t queued_bytes() const override { return queued_bytes_; }
  const Endpoint& remote() const override { return remote_; }

  bool can_take() const { return !queue_.empty(); }
  protocol::ws::ServerMessage take();  // the frame that reaches the device next
  // True once after the queue has emptied behind an overflow.
  bool take_overflow() { return queue_.empty() && std::exchange(overflowed_, false); }
  bool closed() const { return close_code_ != 0 && queue_.empty(); }
  bool closing() const { return close_code_ != 0; }
  std::uint16_t close_code() const { return close_code_; }
  std::size_t overflows() const { return overflows_; }
  // The server has a reason to send the party whole, once.
  void expect_snapshot(const PartyId& party) { ++snapshots_due_[party]; }
  void expect_snapshots_of_all() { ++snapshots_due_of_all_; }

 private:
  struct Frame {
    protocol::ws::ServerMessage message;
    std::size_t size;
  };
  void count_snapshot(const PartyId& party);

  SocketContext context_;
  PeerId owner_;
  Endpoint remote_;
  std::deque<Frame> queue_;  // the first one is in flight
  std::size_t queued_bytes_ = 0;
  bool overflowed_ = false;
  std::size_t overflows_ = 0;
  std::uint16_t close_code_ = 0;
  std::map<PartyId, std::size_t> snapshots_due_;
  std::map<PartyId, std::size_t> snapshots_sent_;
  std::size_t snapshots_due_of_all_ = 0;
};

}  // namespace lanrage::control_sim
