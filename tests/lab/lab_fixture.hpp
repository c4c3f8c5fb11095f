// What lab tests of the programs share: a network, servers and players that go in the right order,
// and their logs when a test failed.
#pragma once

#include <boost/json/object.hpp>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "support/network.hpp"
#include "support/pinger.hpp"
#include "support/player.hpp"
#include "support/server.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

// Generous: two slow cores run several of these at once.
inline constexpr Millis kReachable{40'000};
inline constexpr Millis kDirect{60'000};
inline constexpr Millis kSeen{30'000};

class LabTest : public ::testing::Test {
 protected:
  // After each test: no log may hold a secret.
  void TearDown() override;

  Server& add_server();  // on a public host of its own
  Server& add_server(const Host& host, const IpAddress& public_address, const Argv& arguments = {},
                     std::chrono::seconds clock_ahead = {});
  Player& add_player(const std::string& nick, NatKind kind);
  Player& add_player(const std::string& nick, const Host& host, Argv daemon_arguments = {});

  Network network_;

 private:
  void search_logs() const;

  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<std::unique_ptr<Player>> players_;
};

// `words` by `player` end well; what it was told.
boost::json::object done(const Player& player, const Argv& words);

// An answer from `vip` within kReachable, and then most of five pings: a change of path may cost
// one or two.
::testing::AssertionResult pings(const Player& from, const IpAddress& vip);

// `lanrage ping` says the same, with the exit status to match.
::testing::AssertionResult cli_pings(const Player& from, const std::string& nick);

// The path from `from` to `nick` becomes `path` within `limit`.
::testing::AssertionResult path_becomes(const Player& from, const std::string& nick,
                                        const std::string& path, Millis limit = kDirect);

}  // namespace lanrage::lab
