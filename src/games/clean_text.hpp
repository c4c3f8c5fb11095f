#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lanrage::games {

inline constexpr std::size_t kLongestText = 64;  // code points

// `text` as a terminal may show it: UTF-8 of no more than kLongestText code points. What isn't
// UTF-8 becomes U+FFFD; control characters and those that reorder or hide text, a space, of which
// no two follow each other. `colour` begins a code of one character more, which goes.
std::string clean_text(std::string_view text, std::string_view colour = {});

}  // namespace lanrage::games
