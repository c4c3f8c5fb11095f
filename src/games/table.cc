#include "games/table.hpp"

#include <algorithm>
#include <utility>

namespace lanrage::games {
namespace {

std::unexpected<Error> bad(const Game& game, const std::string& what) {
  return fail(GamesErrc::bad_table, "game \"" + game.name + "\": " + what);
}

// Patterns begin with what tells them from a game's own traffic.
Result<void> add_start(const Game& game, const Pattern& pattern, std::string_view key,
                       const std::vector<std::uint16_t>& ports,
                       std::map<std::uint16_t, std::set<Start>>& traffic) {
  if (pattern.empty()) return {};
  const auto* first = std::get_if<Expect>(&pattern.front());
  if (first == nullptr)
    return bad(game,
               std::string(key) +
                   " must begin with hex or text, so that the game's own traffic isn't looked at");
  const auto& bytes = first->bytes;
  const bool one = bytes.size() == 1;
  const Start start{static_cast<std::uint16_t>(bytes[0] << 8 | (one ? 0 : bytes[1])),
                    static_cast<std::uint16_t>(one ? 0xff00 : 0xffff)};
  for (const auto port : ports)
    traffic[port].insert(start);
  return {};
}

std::size_t count_starts(const Traffic& traffic) {
  std::set<std::set<Start>> different;
  for (const auto* ports : {&traffic.from, &traffic.to})
    for (const auto& [port, starts] : *ports)
      different.insert(starts);
  std::size_t out = 0;
  for (const auto& starts : different)
    out += starts.size();
  return out;
}

Result<void> check(const Game& game) {
  if (game.name.empty()) return fail(GamesErrc::bad_table, "a game has no name");
  if (game.answer.empty() && game.announcement.empty())
    return bad(game, "has neither an answer nor an announcement");
  if (!game.answer.empty() && (game.ports.empty() || game.ask.empty()))
    return bad(game, "its answer needs ask and ports");
  if (!game.ask.empty() && game.ports.empty()) return bad(game, "ask needs ports");
  if (game.announcement.empty() != game.announced_to.empty())
    return bad(game, "announcement and announced_to need each other");
  const bool again = !game.again_before.empty() || !game.again_after.empty();
  if (game.challenge.empty() == again) return bad(game, "challenge and ask_again need each other");
  if (std::max(game.ask.size(), game.again_before.size() + game.again_after.size()) > kLongestAsk)
    return bad(game, "asks with more than " + std::to_string(kLongestAsk) + " bytes");
  for (const auto* pattern : {&game.answer, &game.challenge, &game.announcement})
    if (pattern->size() > kMostSteps)
      return bad(game, "a pattern has more than " + std::to_string(kMostSteps) + " steps");
  return {};
}

}  // namespace

Result<Table> Table::make(std::vector<Game> games) {
  if (games.size() > kMostKnown)
    return fail(GamesErrc::bad_table, "more than " + std::to_string(kMostKnown) + " games");
  Table out;
  auto& [from, to] = out.traffic_;
  for (const auto& game : games) {
    if (auto checked = check(game); !checked) return std::unexpected(checked.error());
    if (auto added = add_start(game, game.answer, "answer", game.ports, from); !added)
      return std::unexpected(added.error());
    if (auto added = add_start(game, game.announcement, "announcement", game.announced_to, to);
        !added)
      return std::unexpected(added.error());
    if (from.size() + to.size() > kMostPorts)
      return bad(game, "with it there are more than " + std::to_string(kMostPorts) + " ports");
    if (count_starts(out.traffic_) > kMostStarts)
      return bad(game,
                 "with it patterns begin in more than " + std::to_string(kMostStarts) + " ways");
  }
  out.games_ = std::move(games);
  return out;
}

}  // namespace lanrage::games
