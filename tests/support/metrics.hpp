// What a server in a namespace says at its /metrics.
#pragma once

#include <cstdint>
#include <string>

#include "support/namespace.hpp"

namespace lanrage::lab {

// The value of a metric without labels, from 127.0.0.1:9667 inside. Throws LabError when there is
// no such server or metric.
std::int64_t metric(const NetNamespace& netns, const std::string& name);

}  // namespace lanrage::lab
