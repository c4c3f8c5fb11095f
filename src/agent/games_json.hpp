// What `lanrage games --json` promises.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "games/catalogue.hpp"

namespace lanrage::agent {

struct GameRow {
  games::Hosted hosted;
  std::string player;           // nick of who hosts it
  std::optional<Duration> rtt;  // of the path to them, where it is known
};

// The path's round trip leads: a game may be slow to answer.
boost::json::object games_json(const std::vector<GameRow>& rows, Instant now);

}  // namespace lanrage::agent
