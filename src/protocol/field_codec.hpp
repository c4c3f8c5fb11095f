// Single values <-> JSON, and structs by way of one description for both directions:
//
//   template <class Io>
//   void describe(Io& io, Resume& m) {
//     io("party_id", m.party_id);
//     io("incarnation", m.incarnation, {.size = 64});
//   }
//
// A std::optional member may be absent (null isn't absent); `defaulted` reads an absent one as
// empty. Everything else must be there. Unknown fields are ignored.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/json_reader.hpp"
#include "protocol/rest.hpp"
#include "protocol/types.hpp"

namespace lanrage::protocol {

inline constexpr std::uint64_t kMaxInteger = (std::uint64_t(1) << 53) - 1;  // exact in JavaScript

struct Limit {
  std::size_t size = kMaxTextSize;  // bytes of a text or blob
  std::size_t count = 64;           // elements of a list
  std::uint64_t max = kMaxInteger;  // of a number
  bool may_be_empty = false;        // a text or blob
  bool secret = false;              // its value shows in no message
};

// ---- reading ----

void read_value(JsonReader& reader, const boost::json::value& from, std::string& out, Limit limit);
void read_value(JsonReader& reader, const boost::json::value& from, Bytes& out, Limit limit);
void read_value(JsonReader& reader, const boost::json::value& from, bool& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, std::uint64_t& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, int& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, UnixTime& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, Endpoint& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, IpAddress& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, Prefix& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, BearerToken& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, NatType& out, Limit);
void read_value(JsonReader& reader, const boost::json::value& from, CreatePolicy& out, Limit);
// `name` for the message: "an Ed25519 key".
void read_fixed(JsonReader& reader, const boost::json::value& from, MutableByteView out,
                std::string_view name);
void read_id(JsonReader& reader, const boost::json::value& from, ByteArray<16>& out);

inline void read_value(JsonReader& reader, const boost::json::value& from, crypto::VerifyKey& out,
                       Limit) {
  read_fixed(reader, from, out.bytes, "an Ed25519 public key");
}
inline void read_value(JsonReader& reader, const boost::json::value& from, crypto::ExchangeKey& out,
                       Limit) {
  read_fixed(reader, from, out.bytes, "an X25519 public key");
}
template <std::size_t N>
void read_value(JsonReader& reader, const boost::json::value& from, ByteArray<N>& out, Limit) {
  read_fixed(reader, from, out, N == 64 ? "a signature" : "a hash");
}
template <class Tag>
void read_value(JsonReader& reader, const boost::json::value& from, Id<Tag>& out, Limit) {
  read_id(reader, from, out.bytes);
}

class FieldReader {
 public:
  FieldReader(JsonReader& reader, const boost::json::object& object)
      : reader_(reader), object_(object) {}

  template <class T>
  void operator()(std::string_view key, T& out, Limit limit = {});
  template <class T>
  void operator()(std::string_view key, std::optional<T>& out, Limit limit = {}) {
    if (object_.contains(key)) (*this)(key, out.emplace(), limit);
  }
  template <class T>
  void defaulted(std::string_view key, T& out, Limit limit = {}) {
    if (object_.contains(key)) (*this)(key, out, limit);
  }

 private:
  JsonReader& reader_;
  const boost::json::object& object_;
};

template <class T>
void read_value(JsonReader& reader, const boost::json::value& from, std::vector<T>& out,
                Limit limit) {
  const boost::json::array* array = from.if_array();
  if (array == nullptr) return reader.expected("an array", from);
  if (array->size() > limit.count)
    return reader.refuse(Errc::invalid_field, "expected at most " + std::to_string(limit.count) +
                                                  " elements, got " +
                                                  std::to_string(array->size()));
  out.clear();
  out.reserve(array->size());
  for (std::size_t i = 0; i < array->size() && reader.ok(); ++i) {
    JsonReader::Step step(reader, i);
    read_value(reader, (*array)[i], out.emplace_back(), limit);
  }
}

// Any struct that has a describe().
template <class T>
  requires requires(FieldReader& io, T& m) { describe(io, m); }
void read_value(JsonReader& reader, const boost::json::value& from, T& out, Limit) {
  const boost::json::object* object = from.if_object();
  if (object == nullptr) return reader.expected("an object", from);
  FieldReader fields(reader, *object);
  describe(fields, out);
}

template <class T>
void FieldReader::operator()(std::string_view key, T& out, Limit limit) {
  if (!reader_.ok()) return;
  const boost::json::value* value = object_.if_contains(key);
  if (value == nullptr) return reader_.missing(key);
  JsonReader::Step step(reader_, key);
  read_value(reader_, *value, out, limit);
}

// ---- writing ----

boost::json::value write_value(const std::string& value);
boost::json::value write_value(const Bytes& value);
boost::json::value write_value(bool value);
boost::json::value write_value(std::uint64_t value);
boost::json::value write_value(int value);
boost::json::value write_value(const UnixTime& value);
boost::json::value write_value(const Endpoint& value);
boost::json::value write_value(const IpAddress& value);
boost::json::value write_value(const Prefix& value);
boost::json::value write_value(const BearerToken& value);
boost::json::value write_value(NatType value);
boost::json::value write_value(CreatePolicy value);
boost::json::value write_base64(ByteView value);

inline boost::json::value write_value(const crypto::VerifyKey& value) {
  return write_base64(value.bytes);
}
inline boost::json::value write_value(const crypto::ExchangeKey& value) {
  return write_base64(value.bytes);
}
template <std::size_t N>
boost::json::value write_value(const ByteArray<N>& value) {
  return write_base64(value);
}
template <class Tag>
boost::json::value write_value(const Id<Tag>& value) {
  return write_value(value.to_string());
}

class FieldWriter;
// Any struct that has a describe(). Declared before the list form, whose elements may live in
// another namespace.
template <class T>
  requires requires(FieldWriter& io, T& m) { describe(io, m); }
boost::json::value write_value(const T& value);

class FieldWriter {
 public:
  explicit FieldWriter(boost::json::object& object) : object_(object) {}

  template <class T>
  void operator()(std::string_view key, const T& value, Limit = {});
  template <class T>
  void operator()(std::string_view key, const std::optional<T>& value, Limit limit = {}) {
    if (value) (*this)(key, *value, limit);
  }
  template <class T>
  void defaulted(std::string_view key, const T& value, Limit limit = {}) {
    (*this)(key, value, limit);
  }

 private:
  boost::json::object& object_;
};

template <class T>
boost::json::value write_value(const std::vector<T>& values) {
  boost::json::array array;
  array.reserve(values.size());
  for (const T& value : values)
    array.push_back(write_value(value));
  return array;
}

template <class T>
  requires requires(FieldWriter& io, T& m) { describe(io, m); }
boost::json::value write_value(const T& value) {
  boost::json::object object;
  FieldWriter fields(object);
  // One describe() serves both directions; a writer only reads the members.
  describe(fields, const_cast<T&>(value));
  return object;
}

template <class T>
void FieldWriter::operator()(std::string_view key, const T& value, Limit) {
  object_.emplace(key, write_value(value));
}

// ---- whole documents ----

template <class T>
Result<T> parse_described(std::string_view text) {
  auto document = parse_document(text);
  if (!document) return std::unexpected(std::move(document.error()));
  JsonReader reader;
  T out;
  read_value(reader, *document, out, Limit{});
  if (!reader.ok()) return std::unexpected(reader.take_error());
  return out;
}

template <class T>
std::string write_described(const T& value) {
  return boost::json::serialize(write_value(value));
}

}  // namespace lanrage::protocol
