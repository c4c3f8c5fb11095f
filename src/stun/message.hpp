// STUN messages (RFC 8489): a zero-copy view of received bytes, and a builder.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "stun/attributes.hpp"

namespace lanrage::stun {

enum class Errc {
  not_stun,         // too short, no magic cookie, or its first two bits aren't zero
  bad_length,       // the header's length isn't the rest of the datagram, or no multiple of four
  bad_attribute,    // an attribute runs past the end
  bad_fingerprint,  // FINGERPRINT is wrong, or isn't the last attribute
};
constexpr std::string_view name_of(Errc e) {
  switch (e) {
    case Errc::not_stun:
      return "not_stun";
    case Errc::bad_length:
      return "bad_length";
    case Errc::bad_attribute:
      return "bad_attribute";
    case Errc::bad_fingerprint:
      return "bad_fingerprint";
  }
  return "unknown";
}

struct TransactionId {
  ByteArray<12> bytes{};
  static TransactionId generate(Random& random) { return {random.array<12>()}; }
  friend auto operator<=>(const TransactionId&, const TransactionId&) = default;
};

enum class Class : std::uint8_t { request = 0, indication = 1, success = 2, error = 3 };

// Twelve bits. bind_relay and route_relay are ours (see relay/).
enum class Method : std::uint16_t { binding = 0x001, bind_relay = 0x0A1, route_relay = 0x0A2 };

struct ErrorCode {
  int code = 0;  // 300-699
  std::string_view reason;
};

// True for bytes with STUN's fixed bits and cookie; says nothing about the rest.
bool looks_like_stun(ByteView datagram);

// Views the datagram given: it must outlive the view.
class MessageView {
 public:
  // `datagram` is a whole UDP payload. A FINGERPRINT, where there is one, has been checked.
  static Result<MessageView> parse(ByteView datagram);

  Method method() const { return method_; }
  Class message_class() const { return class_; }
  bool is(Method method, Class message_class) const {
    return method_ == method && class_ == message_class;
  }
  const TransactionId& transaction() const { return transaction_; }
  bool has_fingerprint() const { return fingerprint_; }
  ByteView bytes() const { return bytes_; }

  // The first attribute of that type before any integrity attribute (what follows one is not
  // protected and counts as absent, RFC 8489 14.5, 14.6). The integrity attributes and FINGERPRINT
  // themselves are found too.
  std::optional<ByteView> find(Attribute type) const;

  // XOR-MAPPED-ADDRESS; MAPPED-ADDRESS from servers that know only that.
  std::optional<Endpoint> mapped_address() const;
  std::optional<Endpoint> response_origin() const;
  std::optional<Endpoint> other_address() const;
  std::optional<std::string_view> username() const;
  std::optional<ErrorCode> error_code() const;

  // False when the attribute is missing too. SHA-256 values of all 32 bytes only.
  bool verify_integrity_sha256(ByteView key) const;
  bool verify_integrity_sha1(ByteView key) const;

  // Comprehension-required types that `Attribute` doesn't name (RFC 8489 6.3.1: answer 420).
  std::vector<std::uint16_t> unknown_required() const;

 private:
  MessageView() = default;

  ByteView bytes_;
  Method method_{};
  Class class_{};
  TransactionId transaction_;
  bool fingerprint_ = false;
};

// Appends attributes in the order of the calls; integrity and fingerprint last, in that order.
class MessageBuilder {
 public:
  MessageBuilder(Method method, Class message_class, const TransactionId& transaction);

  MessageBuilder& attribute(Attribute type, ByteView value);
  MessageBuilder& attribute_u32(Attribute type, std::uint32_t value);
  MessageBuilder& xor_mapped_address(const Endpoint& endpoint);
  MessageBuilder& plain_address(Attribute type, const Endpoint& endpoint);  // no XOR
  MessageBuilder& username(std::string_view name);
  MessageBuilder& error(int code, std::string_view reason);
  MessageBuilder& integrity_sha256(ByteView key);

  // Adds FINGERPRINT, which every message of ours carries, and gives up the bytes.
  Bytes fingerprint() &&;
  Bytes fingerprint() & { return std::move(*this).fingerprint(); }

 private:
  void set_length(std::size_t attribute_bytes);

  ByteWriter out_;
};

// A Binding request padded (by SOFTWARE) to at least the size of any answer to it, as our servers
// never answer with more than they got on ports where that could serve an attacker.
Bytes binding_request(const TransactionId& transaction);

}  // namespace lanrage::stun

template <>
struct std::hash<lanrage::stun::TransactionId> {
  std::size_t operator()(const lanrage::stun::TransactionId& id) const noexcept {
    std::size_t h;
    std::memcpy(&h, id.bytes.data(), sizeof h);  // drawn at random
    return h;
  }
};
