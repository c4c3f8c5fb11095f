// What time a server has, by the Date of its answers.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace lanrage::agent {

// An HTTP Date (RFC 9110 section 5.6.7, the form that is sent): "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<UnixTime> parse_http_date(std::string_view text);

// What a server's clock showed when it wrote that Date, give or take half a second: it has whole
// ones.
std::optional<UnixTime> clock_by_date(std::string_view date);

// The server's time minus ours, by the Date of an answer; sent and received are our times around
// it.
std::optional<Duration> clock_ahead(std::string_view date, UnixTime sent, UnixTime received);

}  // namespace lanrage::agent
