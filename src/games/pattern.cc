#include "games/pattern.hpp"

#include <algorithm>
#include <charconv>

#include "games/clean_text.hpp"

namespace lanrage::games {
namespace {

constexpr std::uint32_t kMostPlayers = 65'535;  // more is nonsense
constexpr int kLongestVarint = 5;

std::optional<std::uint32_t> number_in(std::string_view text) {
  std::uint32_t out = 0;
  const auto [stop, error] = std::from_chars(text.begin(), text.end(), out);
  if (error != std::errc() || stop != text.end()) return std::nullopt;
  return out;
}

class PatternReader {
 public:
  PatternReader(const Game& game, ByteView payload)
      : game_(game), reader_(payload), payload_(payload) {}

  bool run(const Pattern& pattern) {
    for (const auto& step : pattern) {
      std::visit([&](const auto& each) { take(each); }, step);
      if (!reader_.ok()) return false;
    }
    return !pattern.empty();
  }
  Told told() && {
    if (told_.game.empty()) told_.game = game_.name;
    return std::move(told_);
  }
  ByteView kept() const { return kept_; }

 private:
  std::string_view rest() const { return as_text(payload_.subspan(reader_.position())); }

  void take(const Expect& step) {
    if (!std::ranges::equal(reader_.take(step.bytes.size()), step.bytes)) reader_.fail();
  }
  void take(const Skip& step) { reader_.take(step.count); }
  void take(const Keep& step) { kept_ = reader_.take(step.count); }
  void take(const Text& step) {
    const auto text = rest().substr(0, rest().find(step.end));
    const bool ended = text.size() < rest().size();
    set_text(step.field, text);
    reader_.take(text.size() + (ended ? step.end.size() : 0));
  }
  void take(const CountedText& step) {
    const auto text = reader_.take(reader_.u8());
    set_text(step.field, as_text(text));
  }
  void take(const Number& step) { set_number(step.field, number(step.form)); }
  void take(const Pairs& step) {
    auto text = rest();
    text = text.substr(0, text.find('\n'));
    reader_.take(text.size());
    if (!text.starts_with('\\')) return reader_.fail();
    const auto next = [&] {
      text.remove_prefix(std::min<std::size_t>(1, text.size()));
      const auto word = text.substr(0, text.find('\\'));
      text.remove_prefix(word.size());
      return word;
    };
    while (!text.empty()) {
      const auto key = next();
      const auto value = next();
      if (const auto field = step.fields.find(key); field != step.fields.end())
        set_text(field->second, value);
    }
  }

  std::uint32_t number(NumberForm form) {
    const auto swapped = [](std::uint32_t value, int size) {
      std::uint32_t out = 0;
      for (int i = 0; i < size; ++i, value >>= 8)
        out = out << 8 | (value & 0xff);
      return out;
    };
    switch (form) {
      case NumberForm::u8:
        return reader_.u8();
      case NumberForm::u16:
        return reader_.u16();
      case NumberForm::u16le:
        return swapped(reader_.u16(), 2);
      case NumberForm::u32:
        return reader_.u32();
      case NumberForm::u32le:
        return swapped(reader_.u32(), 4);
      case NumberForm::varint:
        break;
    }
    return varint();
  }
  // Six bits, then seven a byte, least significant first; bit 7: more follow; bit 6 of the first:
  // negative, which no count is.
  std::uint32_t varint() {
    std::uint32_t byte = reader_.u8();
    const bool negative = (byte & 0x40) != 0;
    std::uint64_t out = byte & 0x3f;
    for (int i = 1, shift = 6; (byte & 0x80) != 0; ++i, shift += 7) {
      if (i == kLongestVarint) reader_.fail();
      if (!reader_.ok()) return 0;
      byte = reader_.u8();
      out |= std::uint64_t{byte & 0x7f} << shift;
    }
    return negative || out > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(out);
  }

  void set_text(Field field, std::string_view text) {
    switch (field) {
      case Field::nothing:
        return;
      case Field::game:
      case Field::known_game: {
        const auto known = game_.names.find(text);
        const bool is_known = known != game_.names.end();
        if (field == Field::known_game ? !is_known : game_is_known_) return;
        game_is_known_ = field == Field::known_game;
        told_.game = is_known ? known->second : clean_text(text, game_.colour);
        return;
      }
      case Field::title:
        told_.title = clean_text(text, game_.colour);
        if (told_.title == "-") told_.title.clear();  // Freeciv's word for none
        return;
      case Field::port:
        if (const auto number = number_in(text)) return set_number(field, *number);
        return reader_.fail();
      case Field::players:
      case Field::max_players:
        if (const auto number = number_in(text)) set_number(field, *number);
        return;
    }
  }
  void set_number(Field field, std::uint32_t number) {
    if (field == Field::port) {
      if (number == 0 || number > 65'535) return reader_.fail();
      told_.port = static_cast<std::uint16_t>(number);
    }
    if (number > kMostPlayers) return;
    if (field == Field::players) told_.players = told_.players.value_or(0) + number;
    if (field == Field::max_players) told_.max_players = told_.max_players.value_or(0) + number;
  }

  const Game& game_;
  ByteReader reader_;
  ByteView payload_;
  ByteView kept_;
  Told told_;
  bool game_is_known_ = false;  // by Field::known_game
};

bool has(const std::vector<std::uint16_t>& ports, std::uint16_t port) {
  return std::ranges::find(ports, port) != ports.end();
}

}  // namespace

std::optional<Told> read(const Game& game, const Pattern& pattern, ByteView payload) {
  PatternReader reader(game, payload);
  if (!reader.run(pattern)) return std::nullopt;
  return std::move(reader).told();
}

std::optional<Bytes> answer_to_challenge(const Game& game, ByteView payload) {
  PatternReader reader(game, payload);
  if (!reader.run(game.challenge)) return std::nullopt;
  Bytes out = game.again_before;
  out.insert(out.end(), reader.kept().begin(), reader.kept().end());
  out.insert(out.end(), game.again_after.begin(), game.again_after.end());
  return out;
}

std::optional<Told> recognise(const Table& table, const Datagram& datagram) {
  for (const auto& game : table.games()) {
    std::optional<Told> told;
    if (has(game.ports, datagram.from.port)) told = read(game, game.answer, datagram.payload);
    if (!told && has(game.announced_to, datagram.to.port))
      told = read(game, game.announcement, datagram.payload);
    if (!told) continue;
    if (told->port == 0) told->port = game.port != 0 ? game.port : datagram.from.port;
    return told;
  }
  return std::nullopt;
}

}  // namespace lanrage::games
