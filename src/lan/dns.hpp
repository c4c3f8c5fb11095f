// A name server for our zone and nothing else (RFC 1035), as systemd-resolved asks one.
#pragma once

#include "base/bytes.hpp"
#include "lan/names.hpp"

namespace lanrage::lan {

// The answer to one datagram; empty: none is given, since it is no query. Addresses have a lifetime
// of zero, as they change with the party. Other names than those of our zone are refused.
Bytes answer_query(ByteView query, const NameTable& names);

}  // namespace lanrage::lan
