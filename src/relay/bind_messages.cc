#include "relay/bind_messages.hpp"

#include "crypto/hash.hpp"

namespace lanrage::relay {

Bytes client_statement(std::string_view label, ByteView content, const RelayId& relay,
                       std::uint64_t boot_id, ByteView nonce, const Endpoint& observed) {
  ByteWriter writer;
  writer.text(label)
      .u8(0)
      .raw(crypto::sha256(content))
      .raw(relay.bytes)
      .u64(boot_id)
      .counted16(nonce)
      .counted16(observed.address.bytes())
      .u16(observed.port);
  return std::move(writer).take();
}

Bytes bind_statement(ByteView token, const RelayId& relay, std::uint64_t boot_id, ByteView nonce,
                     const Endpoint& observed) {
  return client_statement("lanrage/v1/relay-bind", token, relay, boot_id, nonce, observed);
}

}  // namespace lanrage::relay
