// A relay's business as JSON, on the admin socket and on the command line, and as text.
#pragma once

#include <boost/json/object.hpp>
#include <iosfwd>

#include "server/relay_top.hpp"

namespace lanrage::server {

boost::json::object to_json(const RelayTop& top);
void print(std::ostream& out, const RelayTop& top);

}  // namespace lanrage::server
