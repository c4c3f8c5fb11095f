#include "games/clean_text.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace lanrage::games {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// Of the code point that begins `text`, as its first byte says.
std::size_t length_of(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return std::min(length, text.size());
}

// Well-formed, but nothing that should reach a terminal: C0, C1; marks and joiners U+200B-200F,
// line ends and directions U+2028-202E, U+2060-206F, U+061C, and U+FEFF.
bool is_unseen(std::string_view point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(point[i]); };
  if (point.size() == 1) return byte(0) <= 0x20 || byte(0) == 0x7f;
  if (point.size() == 2) return (byte(0) == 0xc2 && byte(1) < 0xa0) || point == "\xd8\x9c";
  if (point.size() == 4) return byte(0) == 0xf3 && byte(1) == 0xa0;  // tags, U+E0000 and on
  if (point == "\xef\xbb\xbf") return true;
  if (byte(0) != 0xe2) return false;
  if (byte(1) == 0x80)
    return (byte(2) >= 0x8b && byte(2) <= 0x8f) || (byte(2) >= 0xa8 && byte(2) <= 0xae);
  return byte(1) == 0x81 && byte(2) >= 0xa0 && byte(2) <= 0xaf;
}

bool is_c1(std::string_view point) {
  return point.size() == 2 && point[0] == '\xc2' && static_cast<unsigned char>(point[1]) < 0xa0;
}

}  // namespace

std::string clean_text(std::string_view text, std::string_view colour) {
  std::string out;
  std::size_t points = 0;
  bool space = false;  // pending: none at the ends
  while (!text.empty() && points < kLongestText) {
    if (!colour.empty() && text.starts_with(colour)) {
      text.remove_prefix(colour.size());
      if (!text.empty()) text.remove_prefix(length_of(text));
      continue;
    }
    auto point = text.substr(0, length_of(text));
    const bool good = point.size() == 1 ? static_cast<unsigned char>(point[0]) < 0x80
                                        : is_printable_utf8(point) || is_c1(point);
    if (!good) point = text.substr(0, 1);  // what follows may be good again
    text.remove_prefix(point.size());
    if (good && is_unseen(point)) {
      space = !out.empty();
      continue;
    }
    if (space) {
      out += ' ';
      if (++points == kLongestText) break;
      space = false;
    }
    out += good ? point : kReplacement;
    ++points;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace lanrage::games
