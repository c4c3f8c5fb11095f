#pragma once

#include <string_view>

namespace lanrage::games {

std::string_view built_in_games();  // games.toml

}  // namespace lanrage::games
