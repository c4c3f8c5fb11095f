#include "agent/games_json.hpp"

#include <boost/json/array.hpp>

#include "agent/status_json.hpp"

namespace lanrage::agent {
namespace {

namespace json = boost::json;

json::value or_null(const std::optional<std::uint32_t>& count) {
  return count ? json::value(*count) : json::value(nullptr);
}

}  // namespace

json::object games_json(const std::vector<GameRow>& rows, Instant now) {
  json::array games;
  for (const auto& [hosted, player, path_rtt] : rows) {
    const auto rtt = path_rtt ? path_rtt : hosted.rtt;
    games.emplace_back(json::object{
        {"game", hosted.game},
        {"title", hosted.title.empty() ? json::value(nullptr) : json::value(hosted.title)},
        {"player", player},
        {"address", hosted.at.to_string()},
        {"players", or_null(hosted.players)},
        {"max_players", or_null(hosted.max_players)},
        {"rtt_ms", rtt ? json::value(to_ms(*rtt)) : json::value(nullptr)},
        {"seen_s", std::chrono::duration_cast<std::chrono::seconds>(now - hosted.seen).count()}});
  }
  return {{"schema", 1}, {"games", std::move(games)}};
}

}  // namespace lanrage::agent
