// Closes a party's invites that have ended, where this device is the host's or a deputy's: drives
// trust::InviteClosing with the clocks and carries out what it decides.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "agent/governance.hpp"
#include "io/log.hpp"
#include "trust/invite_closing.hpp"

namespace lanrage::agent {

class InviteKeeper : public std::enable_shared_from_this<InviteKeeper> {
 public:
  // Whether the server refuses the roster that closes what has ended, and with what.
  using Refused = std::function<void(const std::optional<Error>&)>;

  // `party` owns it; `log` outlives it, or its close(), after which nobody is told.
  InviteKeeper(boost::asio::io_context& io, std::weak_ptr<GovernedParty> party, io::Log& log,
               Refused refused)
      : io_(io),
        timer_(io),
        party_(std::move(party)),
        log_(log),
        refused_(std::move(refused)),
        closing_(random_) {}

  // The party, our part in it, or what the server has of it may have changed.
  void look();
  void close();

 private:
  boost::asio::awaitable<void> sign_roster(std::shared_ptr<GovernedParty> party);

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  std::weak_ptr<GovernedParty> party_;
  io::Log& log_;
  Refused refused_;
  crypto::SystemRandom random_;
  trust::InviteClosing closing_;
  bool signing_ = false;
  bool closed_ = false;
};

}  // namespace lanrage::agent
