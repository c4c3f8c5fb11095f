#include <algorithm>

#include "crypto/hash.hpp"
#include "stun/crc32.hpp"
#include "stun/message.hpp"

namespace lanrage::stun {

MessageBuilder::MessageBuilder(Method method, Class message_class,
                               const TransactionId& transaction) {
  unsigned m = static_cast<unsigned>(method);
  unsigned c = static_cast<unsigned>(message_class);
  // RFC 8489 section 5: the class's two bits lie between the method's.
  unsigned type = (m & 0xF) | (c & 1) << 4 | (m & 0x70) << 1 | (c & 2) << 7 | (m & 0xF80) << 2;
  out_.u16(static_cast<std::uint16_t>(type)).u16(0).u32(kMagicCookie).raw(transaction.bytes);
}

MessageBuilder& MessageBuilder::attribute(Attribute type, ByteView value) {
  out_.u16(static_cast<std::uint16_t>(type)).counted16(value);
  while (out_.size() % 4 != 0)
    out_.u8(0);
  return *this;
}

MessageBuilder& MessageBuilder::attribute_u32(Attribute type, std::uint32_t value) {
  ByteWriter bytes;
  bytes.u32(value);
  return attribute(type, bytes.bytes());
}

MessageBuilder& MessageBuilder::plain_address(Attribute type, const Endpoint& endpoint) {
  ByteWriter value;
  value.u8(0).u8(endpoint.address.is_v6() ? 2 : 1).u16(endpoint.port).raw(endpoint.address.bytes());
  return attribute(type, value.bytes());
}

MessageBuilder& MessageBuilder::xor_mapped_address(const Endpoint& endpoint) {
  ByteWriter value;
  value.u8(0)
      .u8(endpoint.address.is_v6() ? 2 : 1)
      .u16(static_cast<std::uint16_t>(endpoint.port ^ (kMagicCookie >> 16)));
  const std::uint8_t* mask = out_.bytes().data() + 4;  // cookie, then transaction id
  for (std::uint8_t byte : endpoint.address.bytes())
    value.u8(byte ^ *mask++);
  return attribute(Attribute::xor_mapped_address, value.bytes());
}

MessageBuilder& MessageBuilder::username(std::string_view name) {
  return attribute(Attribute::username, as_bytes(name));
}

MessageBuilder& MessageBuilder::error(int code, std::string_view reason) {
  ByteWriter value;
  value.u16(0)
      .u8(static_cast<std::uint8_t>(code / 100))
      .u8(static_cast<std::uint8_t>(code % 100))
      .text(reason);
  return attribute(Attribute::error_code, value.bytes());
}

MessageBuilder& MessageBuilder::integrity_sha256(ByteView key) {
  set_length(out_.size() - kHeaderSize + 4 + 32);
  return attribute(Attribute::message_integrity_sha256, crypto::hmac_sha256(key, out_.bytes()));
}

Bytes MessageBuilder::fingerprint() && {
  set_length(out_.size() - kHeaderSize + 8);
  attribute_u32(Attribute::fingerprint, fingerprint_of(out_.bytes()));
  return std::move(out_).take();
}

void MessageBuilder::set_length(std::size_t attribute_bytes) {
  out_.buffer()[2] = static_cast<std::uint8_t>(attribute_bytes >> 8);
  out_.buffer()[3] = static_cast<std::uint8_t>(attribute_bytes);
}

Bytes binding_request(const TransactionId& transaction) {
  // 52 bytes answer the request over IPv6 (header 20, XOR-MAPPED-ADDRESS 24, FINGERPRINT 8).
  static constexpr std::string_view kPaddedName = "lanrage             ";
  static_assert(kHeaderSize + 4 + kPaddedName.size() + 8 == 52);
  return MessageBuilder(Method::binding, Class::request, transaction)
      .attribute(Attribute::software, as_bytes(kPaddedName))
      .fingerprint();
}

}  // namespace lanrage::stun
