// Field encodings that several layouts share. Private to party/.
#pragma once

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "party/command.hpp"

namespace lanrage::party {

// u8 4 or 6 | address | u16 port. An IPv4-mapped IPv6 address has an IPv4 spelling: refused.
void write_endpoint(ByteWriter& out, const Endpoint& endpoint);
Endpoint read_endpoint(ByteReader& in);

// u8 bits (1: NAT type, 2: endpoint) | the fields that the bits announce.
void write_hints(ByteWriter& out, const Hints& hints);
Hints read_hints(ByteReader& in);

// A blob with a 32-bit length before it, for records and boxes.
void write_blob(ByteWriter& out, ByteView blob);
Bytes read_blob(ByteReader& in);

// u16 count | count * peer id.
void write_peers(ByteWriter& out, const std::vector<PeerId>& peers);
std::vector<PeerId> read_peers(ByteReader& in);

void write_box(ByteWriter& out, const SealedBox& box);
SealedBox read_box(ByteReader& in);

}  // namespace lanrage::party
