#include "protocol/field_codec.hpp"

#include "base/encoding.hpp"

namespace lanrage::protocol {
namespace {

namespace json = boost::json;

// The text of a JSON string, or nothing, after telling what was expected.
const json::string* text_of(JsonReader& reader, const json::value& from, std::string_view what) {
  const json::string* text = from.if_string();
  if (text == nullptr) reader.expected(what, from);
  return text;
}

// For values written as text that `parse` understands.
template <class T, class Parse>
void read_parsed(JsonReader& reader, const json::value& from, T& out, std::string_view what,
                 Parse parse) {
  const json::string* text = text_of(reader, from, what);
  if (text == nullptr) return;
  std::optional<T> parsed = parse(std::string_view(*text));
  if (!parsed) return reader.expected(what, from);
  out = *parsed;
}

}  // namespace

void read_value(JsonReader& reader, const json::value& from, std::string& out, Limit limit) {
  const json::string* text = text_of(reader, from, "a string");
  if (text == nullptr) return;
  if (text->empty() && !limit.may_be_empty)
    return reader.refuse(Errc::invalid_field, "expected a text, got an empty one");
  if (text->size() > limit.size)
    return reader.refuse(Errc::invalid_field, "expected at most " + std::to_string(limit.size) +
                                                  " bytes of text, got " +
                                                  std::to_string(text->size()));
  if (!is_printable_utf8(*text)) {
    if (limit.secret)
      return reader.refuse(Errc::invalid_field, "expected text without control characters");
    return reader.expected("text without control characters", from);
  }
  out.assign(text->data(), text->size());
}

void read_value(JsonReader& reader, const json::value& from, Bytes& out, Limit limit) {
  const json::string* text = text_of(reader, from, "base64");
  if (text == nullptr) return;
  if (text->size() / 4 * 3 > limit.size + 2)
    return reader.refuse(Errc::invalid_field,
                         "expected base64 of at most " + std::to_string(limit.size) +
                             " bytes, got about " + std::to_string(text->size() / 4 * 3));
  auto bytes = from_base64(*text);
  if (!bytes) return reader.expected("base64 (RFC 4648, padded)", from);
  if (bytes->empty() && !limit.may_be_empty)
    return reader.refuse(Errc::invalid_field, "expected base64 of some bytes, got an empty text");
  if (bytes->size() > limit.size)
    return reader.refuse(Errc::invalid_field, "expected base64 of at most " +
                                                  std::to_string(limit.size) + " bytes, got " +
                                                  std::to_string(bytes->size()));
  out = std::move(*bytes);
}

void read_value(JsonReader& reader, const json::value& from, bool& out, Limit) {
  const bool* value = from.if_bool();
  if (value == nullptr) return reader.expected("true or false", from);
  out = *value;
}

void read_value(JsonReader& reader, const json::value& from, std::uint64_t& out, Limit limit) {
  std::optional<std::uint64_t> value;
  if (from.is_uint64()) value = from.get_uint64();
  if (from.is_int64() && from.get_int64() >= 0) value = std::uint64_t(from.get_int64());
  if (!value || *value > limit.max)
    return reader.expected("an integer from 0 to " + std::to_string(limit.max), from);
  out = *value;
}

void read_value(JsonReader& reader, const json::value& from, int& out, Limit) {
  std::uint64_t value = 0;
  read_value(reader, from, value, {.max = 1'000'000});
  out = static_cast<int>(value);
}

void read_value(JsonReader& reader, const json::value& from, UnixTime& out, Limit) {
  read_parsed(reader, from, out, "a time such as 2026-01-31T12:00:00Z", parse_time);
}

void read_value(JsonReader& reader, const json::value& from, Endpoint& out, Limit) {
  read_parsed(reader, from, out, "an endpoint such as 203.0.113.9:51820", Endpoint::parse);
}

void read_value(JsonReader& reader, const json::value& from, IpAddress& out, Limit) {
  read_parsed(reader, from, out, "an IPv4 address", [](std::string_view text) {
    auto address = IpAddress::parse(text);
    return address && address->is_v4() ? address : std::nullopt;
  });
}

void read_value(JsonReader& reader, const json::value& from, Prefix& out, Limit) {
  read_parsed(reader, from, out, "an IPv4 prefix such as 10.66.0.0/16", Prefix::parse);
}

void read_value(JsonReader& reader, const json::value& from, BearerToken& out, Limit) {
  const json::string* text = from.if_string();
  if (text == nullptr || !BearerToken::well_formed(*text))
    return reader.refuse(Errc::invalid_field,
                         "expected a token: 16 to 128 characters of A-Z a-z 0-9 - _");
  out.text.assign(text->data(), text->size());
}

void read_value(JsonReader& reader, const json::value& from, NatType& out, Limit) {
  read_parsed(reader, from, out,
              "one of unknown, open, full_cone, restricted_cone, port_restricted_cone, symmetric",
              nat_type_from);
}

void read_value(JsonReader& reader, const json::value& from, CreatePolicy& out, Limit) {
  read_parsed(reader, from, out, "one of anyone, word, listed",
              [](std::string_view text) -> std::optional<CreatePolicy> {
                for (auto policy : {CreatePolicy::anyone, CreatePolicy::word, CreatePolicy::listed})
                  if (name_of(policy) == text) return policy;
                return std::nullopt;
              });
}

void read_fixed(JsonReader& reader, const json::value& from, MutableByteView out,
                std::string_view name) {
  std::string what = std::string(name) + " (base64 of " + std::to_string(out.size()) + " bytes)";
  const json::string* text = text_of(reader, from, what);
  if (text == nullptr) return;
  auto bytes = text->size() <= (out.size() + 2) / 3 * 4 ? from_base64(*text) : std::nullopt;
  if (!bytes || bytes->size() != out.size()) return reader.expected(what, from);
  std::ranges::copy(*bytes, out.begin());
}

void read_id(JsonReader& reader, const json::value& from, ByteArray<16>& out) {
  struct AnyId;
  read_parsed(reader, from, out, "an id (26 characters of base32)",
              [](std::string_view text) -> std::optional<ByteArray<16>> {
                auto id = Id<AnyId>::parse(text);
                return id ? std::optional(id->bytes) : std::nullopt;
              });
}

json::value write_value(const std::string& value) {
  return json::value(json::string_view(value));
}
json::value write_value(const Bytes& value) {
  return write_base64(value);
}
json::value write_value(bool value) {
  return value;
}
json::value write_value(std::uint64_t value) {
  return value;
}
json::value write_value(int value) {
  return value;
}
json::value write_value(const UnixTime& value) {
  return write_value(format_time(value));
}
json::value write_value(const Endpoint& value) {
  return write_value(value.to_string());
}
json::value write_value(const IpAddress& value) {
  return write_value(value.to_string());
}
json::value write_value(const Prefix& value) {
  return write_value(value.to_string());
}
json::value write_value(const BearerToken& value) {
  return write_value(value.text);
}
json::value write_value(NatType value) {
  return write_value(std::string(name_of(value)));
}
json::value write_value(CreatePolicy value) {
  return write_value(std::string(name_of(value)));
}
json::value write_base64(ByteView value) {
  return write_value(to_base64(value));
}

}  // namespace lanrage::protocol
