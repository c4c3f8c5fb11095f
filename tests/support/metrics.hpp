// What a server in a namespace says at its /metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "support/namespace.hpp"

namespace lanrage::lab {

// All samples that are whole numbers, by their names with labels, from 127.0.0.1:9667 inside.
// Throws LabError when there is no such server.
std::map<std::string, std::int64_t> metrics(const NetNamespace& netns);

// One of them; LabError when there is none of that name.
std::int64_t metric(const NetNamespace& netns, const std::string& name);

}  // namespace lanrage::lab
