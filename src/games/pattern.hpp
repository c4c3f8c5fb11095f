// Reads datagrams of strangers by the table's patterns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/endpoint.hpp"
#include "games/table.hpp"

namespace lanrage::games {

// As told, but for its text: that is clean, and no longer than kLongestText.
struct Told {
  std::string game;   // its name
  std::string title;  // empty: not told
  std::optional<std::uint32_t> players;
  std::optional<std::uint32_t> max_players;
  std::uint16_t port = 0;  // 0: not told

  friend bool operator==(const Told&, const Told&) = default;
};

// What `payload` tells by one of the game's patterns; nothing where it doesn't match. A pattern may
// end before the datagram does.
std::optional<Told> read(const Game& game, const Pattern& pattern, ByteView payload);

// What to ask again with, when `payload` is the game's challenge.
std::optional<Bytes> answer_to_challenge(const Game& game, ByteView payload);

struct Datagram {
  Endpoint from;
  Endpoint to;
  ByteView payload;
};
// The first of the table's games that it tells of. `port` is where that game is.
std::optional<Told> recognise(const Table& table, const Datagram& datagram);

}  // namespace lanrage::games
