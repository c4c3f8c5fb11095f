// A file of games: an error names it; what is accepted reads any datagram.
#include <cstdlib>
#include <string>

#include "games/pattern.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  using namespace lanrage::games;
  auto games = read_games(as_text({data, size}), "file");
  if (!games) {
    if (!games.error().message().starts_with("file line ")) std::abort();
    return 0;
  }
  const auto table = Table::make(std::move(*games));
  if (!table) return 0;
  for (const auto& game : table->games()) {
    for (const auto* pattern : {&game.answer, &game.announcement})
      read(game, *pattern, {data, size});
    answer_to_challenge(game, {data, size});
  }
  return 0;
}
