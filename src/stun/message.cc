#include "stun/message.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "stun/crc32.hpp"

namespace lanrage::stun {
namespace {

struct RawAttribute {
  std::uint16_t type;
  std::size_t offset;  // of its header within the message
  ByteView value;
};

// Steps through the attributes of a message whose header has been checked.
class AttributeCursor {
 public:
  explicit AttributeCursor(ByteView message) : message_(message) {}

  // Nothing at the end, or where an attribute runs past it: broken() tells which.
  std::optional<RawAttribute> next() {
    if (offset_ == message_.size()) return std::nullopt;
    ByteReader reader(message_.subspan(offset_));
    RawAttribute attribute{reader.u16(), offset_, {}};
    std::size_t length = reader.u16();
    attribute.value = reader.take(length);
    reader.take((4 - length % 4) % 4);  // padding of any value (RFC 8489 section 14)
    if (!reader.ok()) {
      broken_ = true;
      return std::nullopt;
    }
    offset_ += reader.position();
    return attribute;
  }
  bool broken() const { return broken_; }
  bool at_end() const { return offset_ == message_.size(); }

 private:
  ByteView message_;
  std::size_t offset_ = kHeaderSize;
  bool broken_ = false;
};

bool has_type(const RawAttribute& attribute, Attribute type) {
  return attribute.type == static_cast<std::uint16_t>(type);
}

// u8 0 | u8 family (1, 2) | u16 port | 4 or 16 address bytes; `mask` is XOR-ed over port (its first
// two bytes) and address.
std::optional<Endpoint> read_address(ByteView value, const ByteArray<16>& mask) {
  ByteReader reader(value);
  reader.u8();
  std::uint8_t family = reader.u8();
  auto port = static_cast<std::uint16_t>(reader.u16() ^ (mask[0] << 8 | mask[1]));
  Endpoint endpoint{{}, port};
  if (family == 1) {
    auto bytes = reader.array<4>();
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] ^= mask[i];
    endpoint.address = IpAddress::v4(bytes);
  } else if (family == 2) {
    auto bytes = reader.array<16>();
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] ^= mask[i];
    endpoint.address = IpAddress::v6(bytes);
  } else {
    return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  return endpoint;
}

ByteArray<16> address_mask(const TransactionId& transaction) {
  ByteArray<16> mask{0x21, 0x12, 0xA4, 0x42};
  std::ranges::copy(transaction.bytes, mask.begin() + 4);
  return mask;
}

// The bytes an integrity attribute protects: all before it, with the header's length ending at it.
Bytes protected_part(ByteView message, const RawAttribute& integrity) {
  Bytes part(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(integrity.offset));
  std::size_t length = integrity.offset + 4 + integrity.value.size() - kHeaderSize;
  part[2] = static_cast<std::uint8_t>(length >> 8);
  part[3] = static_cast<std::uint8_t>(length);
  return part;
}

std::optional<RawAttribute> find_raw(ByteView message, Attribute type) {
  AttributeCursor cursor(message);
  bool after_sha1 = false;
  bool after_sha256 = false;
  while (auto attribute = cursor.next()) {
    bool counts = (!after_sha1 && !after_sha256) || has_type(*attribute, Attribute::fingerprint) ||
                  (!after_sha256 && has_type(*attribute, Attribute::message_integrity_sha256));
    if (counts && has_type(*attribute, type)) return attribute;
    after_sha1 |= has_type(*attribute, Attribute::message_integrity);
    after_sha256 |= has_type(*attribute, Attribute::message_integrity_sha256);
  }
  return std::nullopt;
}

constexpr std::array kKnownRequired = {
    Attribute::mapped_address,
    Attribute::change_request,
    Attribute::username,
    Attribute::message_integrity,
    Attribute::error_code,
    Attribute::unknown_attributes,
    Attribute::realm,
    Attribute::nonce,
    Attribute::userhash,
    Attribute::message_integrity_sha256,
    Attribute::password_algorithm,
    Attribute::xor_mapped_address,
    Attribute::priority,
    Attribute::use_candidate,
};

}  // namespace

bool looks_like_stun(ByteView datagram) {
  if (datagram.size() < kHeaderSize || datagram[0] >> 6 != 0) return false;
  ByteReader reader(datagram.subspan(4));
  return reader.u32() == kMagicCookie;
}

Result<MessageView> MessageView::parse(ByteView datagram) {
  if (!looks_like_stun(datagram)) {
    return fail(Errc::not_stun, "not a STUN message: no header with the magic cookie");
  }
  ByteReader reader(datagram);
  MessageView view;
  view.bytes_ = datagram;
  std::uint16_t type = reader.u16();
  // RFC 8489 section 5: the class's two bits lie between the method's.
  view.method_ = static_cast<Method>((type & 0xF) | (type & 0xE0) >> 1 | (type & 0x3E00) >> 2);
  view.class_ = static_cast<Class>((type >> 4 & 1) | (type >> 7 & 2));
  std::size_t length = reader.u16();
  reader.u32();
  view.transaction_.bytes = reader.array<12>();
  if (length % 4 != 0 || length != reader.remaining()) {
    return fail(Errc::bad_length, "the STUN header's length doesn't fit the datagram");
  }

  AttributeCursor cursor(datagram);
  while (auto attribute = cursor.next()) {
    if (!has_type(*attribute, Attribute::fingerprint)) continue;
    ByteReader value(attribute->value);
    std::uint32_t crc = value.u32();
    if (!value.at_end() || !cursor.at_end() ||
        crc != fingerprint_of(datagram.first(attribute->offset))) {
      return fail(Errc::bad_fingerprint, "the STUN message's fingerprint is wrong or not last");
    }
    view.fingerprint_ = true;
  }
  if (cursor.broken()) {
    return fail(Errc::bad_attribute, "a STUN attribute runs past the end of the message");
  }
  return view;
}

std::optional<ByteView> MessageView::find(Attribute type) const {
  auto attribute = find_raw(bytes_, type);
  if (!attribute) return std::nullopt;
  return attribute->value;
}

std::optional<Endpoint> MessageView::mapped_address() const {
  if (auto value = find(Attribute::xor_mapped_address)) {
    return read_address(*value, address_mask(transaction_));
  }
  if (auto value = find(Attribute::mapped_address)) return read_address(*value, {});
  return std::nullopt;
}

std::optional<Endpoint> MessageView::response_origin() const {
  auto value = find(Attribute::response_origin);
  return value ? read_address(*value, {}) : std::nullopt;
}

std::optional<Endpoint> MessageView::other_address() const {
  auto value = find(Attribute::other_address);
  return value ? read_address(*value, {}) : std::nullopt;
}

std::optional<std::string_view> MessageView::username() const {
  auto value = find(Attribute::username);
  if (!value) return std::nullopt;
  return as_text(*value);
}

std::optional<ErrorCode> MessageView::error_code() const {
  auto value = find(Attribute::error_code);
  if (!value) return std::nullopt;
  ByteReader reader(*value);
  reader.u16();
  int hundreds = reader.u8() & 7;
  int rest = reader.u8();
  if (!reader.ok() || hundreds < 3 || hundreds > 6 || rest > 99) return std::nullopt;
  return ErrorCode{hundreds * 100 + rest, as_text(value->subspan(4))};
}

bool MessageView::verify_integrity_sha256(ByteView key) const {
  auto attribute = find_raw(bytes_, Attribute::message_integrity_sha256);
  if (!attribute || attribute->value.size() != 32) return false;
  auto expected = crypto::hmac_sha256(key, protected_part(bytes_, *attribute));
  return crypto::equal_in_constant_time(expected, attribute->value);
}

bool MessageView::verify_integrity_sha1(ByteView key) const {
  auto attribute = find_raw(bytes_, Attribute::message_integrity);
  if (!attribute || attribute->value.size() != 20) return false;
  auto expected = crypto::hmac_sha1(key, protected_part(bytes_, *attribute));
  return crypto::equal_in_constant_time(expected, attribute->value);
}

std::vector<std::uint16_t> MessageView::unknown_required() const {
  std::vector<std::uint16_t> unknown;
  AttributeCursor cursor(bytes_);
  while (auto attribute = cursor.next()) {
    if (attribute->type >= 0x8000) continue;
    bool known = std::ranges::any_of(kKnownRequired,
                                     [&](Attribute type) { return has_type(*attribute, type); });
    if (!known) {
      unknown.push_back(attribute->type);
    }
    if (has_type(*attribute, Attribute::message_integrity) ||
        has_type(*attribute, Attribute::message_integrity_sha256)) {
      break;
    }
  }
  return unknown;
}

}  // namespace lanrage::stun
