#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <optional>
#include <toml++/toml.h>

#include "base/encoding.hpp"
#include "games/built_in.hpp"
#include "games/table.hpp"

namespace lanrage::games {
namespace {

constexpr std::size_t kLongestSkip = 1500;  // a datagram

constexpr std::pair<std::string_view, NumberForm> kForms[] = {
    {"u8", NumberForm::u8},   {"u16", NumberForm::u16},     {"u16le", NumberForm::u16le},
    {"u32", NumberForm::u32}, {"u32le", NumberForm::u32le}, {"varint", NumberForm::varint}};

constexpr std::pair<std::string_view, Field> kFields[] = {
    {"-", Field::nothing},   {"game", Field::game},       {"known_game", Field::known_game},
    {"title", Field::title}, {"players", Field::players}, {"max_players", Field::max_players},
    {"port", Field::port}};

// "ff 0a", with or without spaces.
std::optional<Bytes> hex_in(std::string text) {
  std::erase(text, ' ');
  auto out = from_hex(text);
  if (out && out->empty()) return std::nullopt;
  return out;
}

// One table of [[game]]; the first thing wrong stays.
class GameReader {
 public:
  GameReader(const toml::table& table, std::string_view source) : table_(table), source_(source) {}

  Result<Game> read() {
    game_.name = text_of("name", table_.get("name"));
    for (const auto& [key, node] : table_)
      if (!error_) read_key(key.str(), node);
    if (error_) return std::unexpected(*error_);
    return std::move(game_);
  }

 private:
  void wrong(const toml::node& node, std::string_view key, const std::string& what) {
    if (error_) return;
    const auto name = game_.name.empty() ? "" : ", game \"" + game_.name + '"';
    error_ = Error(GamesErrc::bad_table,
                   std::string(source_) + " line " + std::to_string(node.source().begin.line) +
                       name + ": " + std::string(key) + ' ' + what,
                   std::string(key));
  }

  void read_key(std::string_view key, const toml::node& node) {
    if (key == "name") return;
    if (key == "groups") return check_groups(key, node);  // for those who read the file
    if (key == "ports") return ports(key, node, game_.ports);
    if (key == "announced_to") return ports(key, node, game_.announced_to);
    if (key == "port") {
      game_.port = static_cast<std::uint16_t>(number(key, node, 1, 65'535));
      return;
    }
    if (key == "colour") {
      game_.colour = text_of(key, &node);
      return;
    }
    if (key == "ask") return ask(key, node, game_.ask, nullptr);
    if (key == "ask_again") return ask(key, node, game_.again_before, &game_.again_after);
    if (key == "answer") return pattern(key, node, game_.answer, 0);
    if (key == "challenge") return pattern(key, node, game_.challenge, 1);
    if (key == "announcement") return pattern(key, node, game_.announcement, 0);
    if (key == "names") return names(key, node);
    wrong(node, key, "is no key of a game; docs/games.md lists them");
  }

  std::string text_of(std::string_view key, const toml::node* node) {
    const auto text = node != nullptr ? node->value_exact<std::string>() : std::nullopt;
    if (!text || text->empty())
      wrong(node != nullptr ? *node : static_cast<const toml::node&>(table_), key,
            node != nullptr ? "must be text in quotes" : "is missing");
    return text.value_or("");
  }
  std::int64_t number(std::string_view key, const toml::node& node, std::int64_t least,
                      std::int64_t most) {
    const auto out = node.value_exact<std::int64_t>();
    if (out && *out >= least && *out <= most) return *out;
    wrong(node, key,
          "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return least;
  }
  const toml::array* array(std::string_view key, const toml::node& node) {
    const auto* out = node.as_array();
    if (out == nullptr || out->empty()) wrong(node, key, "must be a list in [ ]");
    return out;
  }

  void check_groups(std::string_view key, const toml::node& node) {
    if (const auto* list = array(key, node))
      for (const auto& group : *list)
        text_of(key, &group);
  }

  // Numbers, and ranges such as "8303-8310".
  void ports(std::string_view key, const toml::node& node, std::vector<std::uint16_t>& out) {
    const auto* list = array(key, node);
    if (list == nullptr) return;
    for (const auto& each : *list) {
      std::int64_t first = 0, last = 0;
      if (const auto range = each.value_exact<std::string>()) {
        const auto* end = range->data() + range->size();
        const auto [dash, bad] = std::from_chars(range->data(), end, first);
        if (bad == std::errc() && dash != end && *dash == '-') {
          const auto [stop, bad_last] = std::from_chars(dash + 1, end, last);
          if (bad_last != std::errc() || stop != end) last = 0;
        }
      } else {
        first = last = each.value_exact<std::int64_t>().value_or(0);
      }
      if (first < 1 || last < first || last > 65'535 ||
          static_cast<std::size_t>(last - first) >= kMostPorts)
        return wrong(each, key, "must have ports, or ranges of few as \"8303-8310\"");
      for (auto port = first; port <= last; ++port)
        out.push_back(static_cast<std::uint16_t>(port));
    }
  }

  void names(std::string_view key, const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr) return wrong(node, key, "must be { said = \"shown\" }");
    for (const auto& [said, shown] : *table)
      game_.names.emplace(said.str(), text_of(key, &shown));
  }

  // The bytes of { hex = "ff" } and { text = "x" }; nothing for another step.
  std::optional<Bytes> literal(std::string_view key, const toml::table& step) {
    if (const auto* hex = step.get("hex")) {
      auto out = hex_in(text_of(key, hex));
      if (!out) wrong(*hex, key, "has hex that is none: two digits a byte");
      return out;
    }
    const auto* text = step.get("text");
    if (text == nullptr) return std::nullopt;
    const auto bytes = text_of(key, text);
    return Bytes(bytes.begin(), bytes.end());
  }

  const toml::table* step(std::string_view key, const toml::node& node) {
    const auto* out = node.as_table();
    if (out != nullptr && (out->size() == 1 || (out->size() == 2 && out->contains("until"))))
      return out;
    wrong(node, key, "must have steps, each one { ... } with one key (docs/games.md)");
    return nullptr;
  }

  // With `after`, of a question that has what was kept in it.
  void ask(std::string_view key, const toml::node& node, Bytes& before, Bytes* after) {
    const auto* list = array(key, node);
    if (list == nullptr) return;
    Bytes* out = &before;
    for (const auto& each : *list) {
      const auto* part = step(key, each);
      if (part == nullptr) return;
      if (const auto bytes = literal(key, *part)) {
        out->insert(out->end(), bytes->begin(), bytes->end());
      } else if (const auto* zeros = part->get("zeros")) {
        const auto count = number(key, *zeros, 1, kLongestAsk);
        out->insert(out->end(), static_cast<std::size_t>(count), std::uint8_t{0});
      } else if (after != nullptr && out != after && part->contains("kept")) {
        out = after;
      } else {
        return wrong(each, key, "may say hex, text or zeros, and ask_again kept, once");
      }
    }
    if (after != nullptr && out != after) wrong(node, key, "must say { kept = true } somewhere");
  }

  Field field(std::string_view key, const toml::node& node) {
    const auto name = text_of(key, &node);
    const auto* row = std::ranges::find(kFields, name, &std::pair<std::string_view, Field>::first);
    if (row != std::end(kFields)) return row->second;
    wrong(node, key,
          "tells \"" + name +
              "\"; it may be game, known_game, title, players, max_players, port, or \"-\" for "
              "nothing");
    return Field::nothing;
  }

  void pattern(std::string_view key, const toml::node& node, Pattern& out, int keeps) {
    const auto* list = array(key, node);
    if (list == nullptr) return;
    for (const auto& each : *list) {
      const auto* part = step(key, each);
      if (part == nullptr) return;
      const auto read = pattern_step(key, *part);
      if (!read) return wrong(each, key, "has a step of no known kind (docs/games.md)");
      keeps -= std::holds_alternative<Keep>(*read) ? 1 : 0;
      out.push_back(*read);
    }
    if (keeps != 0)
      wrong(node, key, "must keep one piece if it is a challenge, and none otherwise");
  }

  std::optional<Step> pattern_step(std::string_view key, const toml::table& part) {
    if (auto bytes = literal(key, part)) return Expect{std::move(*bytes)};
    const auto count = [&](const toml::node& node) {
      return static_cast<std::size_t>(number(key, node, 1, kLongestSkip));
    };
    if (const auto* skip = part.get("skip")) return Skip{count(*skip)};
    if (const auto* keep = part.get("keep")) return Keep{count(*keep)};
    if (const auto* text = part.get("string")) return Text{field(key, *text), std::string(1, '\0')};
    if (const auto* text = part.get("counted")) return CountedText{field(key, *text)};
    if (const auto* until = part.get("until")) {
      const auto* is = part.get("is");
      if (is == nullptr) return std::nullopt;
      return Text{field(key, *is), text_of(key, until)};
    }
    for (const auto& [name, form] : kForms)
      if (const auto* node = part.get(name)) return Number{field(key, *node), form};
    const auto* pairs = part.get_as<toml::table>("pairs");
    if (pairs == nullptr) return std::nullopt;
    Pairs out;
    for (const auto& [said, told] : *pairs)
      out.fields.emplace(said.str(), field(key, told));
    return out;
  }

  const toml::table& table_;
  std::string_view source_;
  Game game_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::vector<Game>> read_games(std::string_view text, std::string_view source) {
  const auto fail_in = [&](std::size_t line, const std::string& what) {
    return fail(GamesErrc::bad_table,
                std::string(source) + " line " + std::to_string(line) + ": " + what);
  };
  // toml++ 3.3 has undefined behaviour with some of what is beyond.
  const auto beyond = std::ranges::find_if(text, [](char c) { return (c & 0x80) != 0; });
  if (beyond != text.end())
    return fail_in(static_cast<std::size_t>(std::count(text.begin(), beyond, '\n')) + 1,
                   "has characters beyond ASCII; write them as \"\\u00e9\"");
  const auto parsed = toml::parse(text);
  if (!parsed) {
    const auto& error = parsed.error();
    return fail_in(error.source().begin.line, std::string(error.description()));
  }
  std::vector<Game> out;
  for (const auto& [key, node] : parsed.table()) {
    const auto* list = node.as_array();
    if (key.str() != "game" || list == nullptr || !list->is_array_of_tables())
      return fail_in(node.source().begin.line,
                     "\"" + std::string(key.str()) + "\" doesn't belong here, only [[game]] does");
    for (const auto& each : *list) {
      auto game = GameReader(*each.as_table(), source).read();
      if (!game) return std::unexpected(game.error());
      out.push_back(std::move(*game));
    }
  }
  return out;
}

Result<Table> table_with(std::vector<Game> more) {
  auto games = read_games(built_in_games(), "games.toml");
  if (!games) std::abort();  // it is ours, and tested
  for (auto& game : more) {
    const auto known = std::ranges::find(*games, game.name, &Game::name);
    if (known != games->end())
      *known = std::move(game);
    else
      games->push_back(std::move(game));
  }
  return Table::make(std::move(*games));
}

}  // namespace lanrage::games
