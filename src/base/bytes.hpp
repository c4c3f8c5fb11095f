// Byte strings, and a reader and writer of big-endian (network order) fields.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lanrage {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;
template <std::size_t N>
using ByteArray = std::array<std::uint8_t, N>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads fields in order. A read past the end yields zeros and makes ok() false for good, so a
// parser reads everything and asks once. Views returned stay valid as long as the bytes given.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && position_ == bytes_.size(); }  // all read, nothing left over
  std::size_t remaining() const { return bytes_.size() - position_; }
  std::size_t position() const { return position_; }

  std::uint8_t u8() { return static_cast<std::uint8_t>(integer(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(integer(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(integer(4)); }
  std::uint64_t u64() { return integer(8); }

  ByteView take(std::size_t count) {
    if (!ok_ || count > remaining()) {
      ok_ = false;
      return {};
    }
    auto view = bytes_.subspan(position_, count);
    position_ += count;
    return view;
  }
  template <std::size_t N>
  ByteArray<N> array() {
    ByteArray<N> out{};
    if (auto view = take(N); view.size() == N) std::memcpy(out.data(), view.data(), N);
    return out;
  }
  // A string or blob with a 16-bit length before it.
  ByteView counted16() { return take(u16()); }
  void fail() { ok_ = false; }

 private:
  std::uint64_t integer(std::size_t count) {
    std::uint64_t value = 0;
    for (std::uint8_t byte : take(count))
      value = value << 8 | byte;
    return value;
  }

  ByteView bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

// Appends fields to a growing byte string.
class ByteWriter {
 public:
  ByteWriter& u8(std::uint8_t value) { return integer(value, 1); }
  ByteWriter& u16(std::uint16_t value) { return integer(value, 2); }
  ByteWriter& u32(std::uint32_t value) { return integer(value, 4); }
  ByteWriter& u64(std::uint64_t value) { return integer(value, 8); }
  ByteWriter& raw(ByteView bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  ByteWriter& text(std::string_view text) { return raw(as_bytes(text)); }
  // `bytes` must be shorter than 64 KiB.
  ByteWriter& counted16(ByteView bytes) {
    return u16(static_cast<std::uint16_t>(bytes.size())).raw(bytes);
  }

  std::size_t size() const { return out_.size(); }
  const Bytes& bytes() const& { return out_; }
  Bytes take() && { return std::move(out_); }
  Bytes& buffer() { return out_; }  // to patch a length written before its value was known

 private:
  ByteWriter& integer(std::uint64_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8)
      out_.push_back(static_cast<std::uint8_t>(value >> shift));
    return *this;
  }

  Bytes out_;
};

}  // namespace lanrage
