// docs/protocol/openapi.yaml as JSON, built in.
#pragma once

#include <string_view>

namespace lanrage::server {

std::string_view openapi_json();

}  // namespace lanrage::server
