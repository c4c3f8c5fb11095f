#include "relay/bind_messages.hpp"

#include "crypto/hash.hpp"

namespace lanrage::relay {

Bytes bind_statement(ByteView token, const RelayId& relay, std::uint64_t boot_id, ByteView nonce,
                     const Endpoint& observed) {
  ByteWriter writer;
  writer.text("lanrage/v1/relay-bind")
      .u8(0)
      .raw(crypto::sha256(token))
      .raw(relay.bytes)
      .u64(boot_id)
      .counted16(nonce)
      .counted16(observed.address.bytes())
      .u16(observed.port);
  return std::move(writer).take();
}

}  // namespace lanrage::relay
