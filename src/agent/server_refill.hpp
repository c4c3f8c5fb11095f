// Hands a control server that went back to an old backup what it has forgotten of a party
// (trust/hand_back.hpp), and asks it again about a party that it doesn't know yet: once any member
// whom it still knows has handed back the rest, it knows all of them.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "agent/control_plane.hpp"
#include "agent/trust_keeper.hpp"
#include "base/backoff.hpp"

namespace lanrage::agent {

class ServerRefill : public std::enable_shared_from_this<ServerRefill> {
 public:
  // After it was seen to lack records, by lot within so long: mostly another member is faster.
  static constexpr Duration kLots = std::chrono::seconds(2);
  static constexpr Backoff::Range kRetry{std::chrono::seconds(30), std::chrono::minutes(10)};
  static constexpr Backoff::Range kAskAgain{std::chrono::seconds(4), std::chrono::minutes(5)};

  using Control = std::function<std::shared_ptr<ControlPlane>()>;
  // `log` outlives it, or its close().
  ServerRefill(boost::asio::io_context& io, std::shared_ptr<TrustKeeper> trust, Control control,
               io::Log& log);

  // What the server has may have changed.
  void look();
  // It says that it has no such party, or that we aren't in it.
  void on_unknown_party();
  void close();

 private:
  bool server_is_behind() const;
  void again_after(Duration time, void (ServerRefill::*then)());
  void start();
  void ask_again();
  boost::asio::awaitable<void> hand_back();
  boost::asio::awaitable<Result<void>> hand_back_all();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<TrustKeeper> trust_;
  Control control_;
  io::Log& log_;
  crypto::SystemRandom random_;
  Backoff retry_{kRetry, random_};
  Backoff ask_again_{kAskAgain, random_};  // about a party that it doesn't know
  bool waiting_ = false;                   // for the timer
  bool handing_back_ = false;
  bool closed_ = false;
};

}  // namespace lanrage::agent
