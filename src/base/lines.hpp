#pragma once

#include <algorithm>
#include <string_view>

namespace lanrage {

// Calls `visit` with each line, without its newline; the last one may lack it.
template <class Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace lanrage
