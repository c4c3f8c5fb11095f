// Known games: how to ask whether somebody hosts one, and how to read what its servers say. Data,
// of which games.toml has what comes with lanrage (docs/games.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace lanrage::games {

enum class GamesErrc { bad_table };
constexpr std::string_view name_of(GamesErrc) {
  return "bad_games_table";
}

// What a part of a datagram tells. known_game: the game, but only if Game::names has it, and then
// before what `game` tells.
enum class Field { nothing, game, known_game, title, players, max_players, port };

// A pattern's steps, each from where the one before it ended.
struct Expect {
  Bytes bytes;
};
struct Skip {
  std::size_t count;
};
struct Keep {  // what to say when asking again
  std::size_t count;
};
struct Text {
  Field field;
  std::string end;  // which the datagram may lack
};
struct CountedText {  // its length in one byte before it
  Field field;
};
enum class NumberForm {
  u8,
  u16,
  u16le,
  u32,
  u32le,
  varint
};  // varint: Teeworlds', 5 bytes at most
struct Number {
  Field field;
  NumberForm form;
};
struct Pairs {  // \key\value\key\value, up to a newline
  std::map<std::string, Field, std::less<>> fields;
};
using Step = std::variant<Expect, Skip, Keep, Text, CountedText, Number, Pairs>;
using Pattern = std::vector<Step>;  // none: matches nothing

struct Game {
  std::string name;
  std::vector<std::uint16_t> ports;  // UDP, of its servers
  Bytes ask;
  Pattern answer;                           // from one of `ports`
  Pattern challenge;                        // instead of an answer; has one Keep
  Bytes again_before, again_after;          // what was kept goes in between
  std::vector<std::uint16_t> announced_to;  // UDP ports of those who look for it
  Pattern announcement;                     // to one of them
  std::uint16_t port = 0;                   // where it doesn't say; 0: where it sends from
  std::map<std::string, std::string, std::less<>> names;  // of what tells the game
  std::string colour;  // begins a colour code, which is one character more
};

// A datagram whose first two bytes are `value` in those bits that `mask` has.
struct Start {
  std::uint16_t value;
  std::uint16_t mask;
  friend auto operator<=>(const Start&, const Start&) = default;
};

// What may tell of a game, by UDP port: all else needs no look.
struct Traffic {
  std::map<std::uint16_t, std::set<Start>> from;
  std::map<std::uint16_t, std::set<Start>> to;
};

inline constexpr std::size_t kMostKnown = 128;  // games
inline constexpr std::size_t kMostPorts = 64;   // to ask at, and to be told at, of all games
inline constexpr std::size_t kMostStarts =
    32;  // of patterns, counted anew for ports that differ in them
inline constexpr std::size_t kLongestAsk = 1200;  // bytes
inline constexpr std::size_t kMostSteps = 64;     // of a pattern

class Table {
 public:
  // bad_table, naming the game and the key: more than the limits above, a game that can't be seen.
  static Result<Table> make(std::vector<Game> games);

  const std::vector<Game>& games() const { return games_; }
  const Traffic& traffic() const { return traffic_; }

 private:
  std::vector<Game> games_;
  Traffic traffic_;
};

// TOML, in ASCII; `source` is what an error calls it. bad_table.
Result<std::vector<Game>> read_games(std::string_view text, std::string_view source);
// What comes with lanrage, and `more`: a game of a known name stands in its place.
Result<Table> table_with(std::vector<Game> more = {});

}  // namespace lanrage::games
