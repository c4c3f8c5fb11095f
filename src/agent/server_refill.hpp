// Hands a control server that went back to an old backup what it has forgotten of a party
// (trust/hand_back.hpp), and asks it again about a party that it doesn't know yet: once any member
// whom it still knows has handed back the rest, it knows all of them. Drives trust::RefillPlan with
// the clock and carries out what it decides.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "agent/control_plane.hpp"
#include "agent/trust_keeper.hpp"
#include "trust/refill_plan.hpp"

namespace lanrage::agent {

class ServerRefill : public std::enable_shared_from_this<ServerRefill> {
 public:
  using Control = std::function<std::shared_ptr<ControlPlane>()>;
  // `log` outlives it, or its close().
  ServerRefill(boost::asio::io_context& io, std::shared_ptr<TrustKeeper> trust, Control control,
               io::Log& log);

  // What the server has may have changed, or what we can hand it back.
  void look();
  // It says that it has no such party, or that we aren't in it.
  void on_unknown_party();
  // It does know it.
  void on_party_shown() { plan_.on_party_shown(); }
  void close();

 private:
  trust::RefillPlan::Server server() const;
  void carry_out(trust::RefillPlan::Step step);
  void arm();
  boost::asio::awaitable<void> hand_back();
  // How many records it took.
  boost::asio::awaitable<Result<std::size_t>> hand_back_all();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<TrustKeeper> trust_;
  Control control_;
  io::Log& log_;
  crypto::SystemRandom random_;
  trust::RefillPlan plan_{random_};
  bool closed_ = false;
};

}  // namespace lanrage::agent
