#include "games/round.hpp"

#include <algorithm>

namespace lanrage::games {

Round::Round(const Table& table, const std::vector<IpAddress>& peers) : table_(table) {
  const auto& games = table.games();
  std::size_t most = 0;
  for (const auto& game : games)
    if (!game.ask.empty()) most = std::max(most, game.ports.size());
  for (std::size_t port = 0; port < most; ++port)
    for (const auto& peer : peers)
      for (std::size_t game = 0; game < games.size(); ++game)
        if (!games[game].ask.empty() && port < games[game].ports.size() &&
            planned_.size() < kMostQuestions)
          planned_.push_back({{peer, games[game].ports[port]}, game});
}

std::optional<Question> Round::next(Instant now) {
  if (next_ == planned_.size()) return std::nullopt;
  const auto& [to, game] = planned_[next_++];
  asked_.try_emplace(to, Asked{now});
  return Question{to, table_.games()[game].ask};
}

Round::Heard Round::hear(Instant now, const Endpoint& from, ByteView payload) {
  const auto asked = asked_.find(from);
  if (asked == asked_.end()) return {};
  Heard out{.again = {}, .rtt = now - asked->second.at};
  if (asked->second.again) return out;
  for (const auto& game : table_.games()) {
    if (std::ranges::find(game.ports, from.port) == game.ports.end()) continue;
    auto again = answer_to_challenge(game, payload);
    if (!again) continue;
    asked->second = {now, true};
    out.again = Question{from, std::move(*again)};
    break;
  }
  return out;
}

}  // namespace lanrage::games
