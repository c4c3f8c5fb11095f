// Columns of text, aligned by display width, two spaces apart; no colour codes, no trailing spaces.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::io {

class TextTable {
 public:
  TextTable() = default;  // without a header
  explicit TextTable(std::vector<std::string> header) { add(std::move(header)); }
  // Rows may be shorter than the first; they may not be longer.
  void add(std::vector<std::string> row);
  void print(std::ostream& out, std::string_view indent = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// The columns that a terminal needs for UTF-8 text, one a code point (wide scripts are rare in
// nicks and would need the terminal's own opinion).
std::size_t display_width(std::string_view text);

}  // namespace lanrage::io
