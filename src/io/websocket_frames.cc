#include "io/websocket_frames.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lanrage::io {
namespace {

constexpr std::uint16_t kProtocolError = 1002;
constexpr std::uint16_t kNoStatus = 1005;
constexpr std::uint16_t kNotUtf8 = 1007;
constexpr std::uint16_t kTooBig = 1009;
constexpr std::size_t kControlMax = 125;

bool is_control(FrameType type) {
  return static_cast<unsigned>(type) >= 8;
}

// RFC 6455 section 7.4: codes that may stand in a frame.
bool may_be_sent(std::uint16_t code) {
  const bool defined = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
  return defined || (code >= 3000 && code <= 4999);
}

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// Bytes of the UTF-8 sequence at the front, 0: none is there.
std::size_t sequence_size(std::span<const unsigned char> bytes) {
  const unsigned char first = bytes[0];
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || bytes.size() < size) return 0;
  for (const unsigned char byte : bytes.subspan(1, size - 1))
    if (!is_continuation(byte)) return 0;
  const unsigned char second = bytes[1];
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second > 0x9F;
  const bool too_high = first == 0xF4 && second > 0x8F;
  return overlong || surrogate || too_high ? 0 : size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::span<const unsigned char> bytes(reinterpret_cast<const unsigned char*>(text.data()),
                                       text.size());
  while (!bytes.empty()) {
    std::uint64_t eight = kHighBits;
    if (bytes.size() >= sizeof eight) std::memcpy(&eight, bytes.data(), sizeof eight);
    const std::size_t size = (eight & kHighBits) == 0 ? sizeof eight : sequence_size(bytes);
    if (size == 0) return false;
    bytes = bytes.subspan(size);
  }
  return true;
}

std::size_t FrameReader::header_size() const {
  if (header_have_ < 2) return 2;
  const unsigned length = header_[1] & 0x7Fu;
  const std::size_t extended = length == 127 ? 8 : length == 126 ? 2 : 0;
  return 2 + extended + ((header_[1] & 0x80u) != 0 ? 4 : 0);
}

// False: more bytes are needed.
bool FrameReader::take_header(std::span<unsigned char>& bytes) {
  while (header_have_ < header_size()) {
    const std::size_t wanted = header_size() - header_have_;
    const auto part = bytes.first(std::min(wanted, bytes.size()));
    if (part.empty()) return false;
    std::ranges::copy(part, header_.begin() + header_have_);
    header_have_ = static_cast<std::uint8_t>(header_have_ + part.size());
    bytes = bytes.subspan(part.size());
  }
  return true;
}

void FrameReader::unmask(std::span<unsigned char> part) {
  std::array<unsigned char, 8> key;
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = mask_[(mask_at_ + i) % mask_.size()];
  mask_at_ = static_cast<std::uint8_t>((mask_at_ + part.size()) % mask_.size());
  std::uint64_t key_word = 0;
  std::memcpy(&key_word, key.data(), sizeof key_word);
  for (; part.size() >= sizeof key_word; part = part.subspan(sizeof key_word)) {
    std::uint64_t word = 0;
    std::memcpy(&word, part.data(), sizeof word);
    word ^= key_word;
    std::memcpy(part.data(), &word, sizeof word);
  }
  for (std::size_t i = 0; i < part.size(); ++i)
    part[i] ^= key[i];
}

std::optional<FrameReader::Failure> FrameReader::begin_frame() {
  const unsigned opcode = header_[0] & 0x0Fu;
  const bool masked = (header_[1] & 0x80u) != 0;
  const unsigned length = header_[1] & 0x7Fu;
  if ((header_[0] & 0x70u) != 0) return Failure{kProtocolError, "reserved bits are set"};
  if ((opcode > 2 && opcode < 8) || opcode > 10)
    return Failure{kProtocolError, "unknown frame type"};
  if (masked != (sender_ == FrameSender::client))
    return Failure{kProtocolError, masked ? "a server's frame is masked" : "a frame isn't masked"};
  frame_ = static_cast<FrameType>(opcode);
  last_ = (header_[0] & 0x80u) != 0;

  std::size_t at = 2;
  remaining_ = length;
  if (length >= 126) {
    remaining_ = 0;
    for (const std::size_t end = length == 126 ? 4 : 10; at < end; ++at)
      remaining_ = remaining_ << 8 | header_[at];
    const std::uint64_t least = length == 126 ? 126 : 65'536;
    if (remaining_ < least || remaining_ >> 63 != 0)
      return Failure{kProtocolError, "a length isn't in its shortest form"};
  }
  if (masked) std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(at), 4, mask_.begin());
  mask_at_ = 0;

  if (is_control(frame_)) {
    if (!last_ || remaining_ > kControlMax)
      return Failure{kProtocolError, "a control frame in parts or over 125 bytes"};
    return std::nullopt;
  }
  if ((frame_ == FrameType::continuation) != in_message_)
    return Failure{kProtocolError, "a message in parts that don't follow one another"};
  if (!in_message_) message_type_ = frame_;
  in_message_ = !last_;
  if (remaining_ > message_max_ - message_.size()) return Failure{kTooBig, "message too big"};
  return std::nullopt;
}

std::expected<std::optional<FrameReader::Message>, FrameReader::Failure> FrameReader::end_frame() {
  in_payload_ = false;
  header_have_ = 0;
  if (is_control(frame_)) {
    Message message{frame_, std::exchange(control_, {})};
    const auto& payload = message.payload;
    if (frame_ == FrameType::close && !payload.empty()) {
      if (payload.size() == 1 || !may_be_sent(read_close_payload(payload).code))
        return std::unexpected(Failure{kProtocolError, "a close frame without a valid code"});
      if (!is_utf8(read_close_payload(payload).text))
        return std::unexpected(Failure{kNotUtf8, "a close frame's reason isn't UTF-8"});
    }
    return message;
  }
  if (!last_) return std::nullopt;
  Message message{message_type_, std::exchange(message_, {})};
  if (message.type == FrameType::text && !is_utf8(message.payload))
    return std::unexpected(Failure{kNotUtf8, "a text isn't UTF-8"});
  return message;
}

std::expected<std::optional<FrameReader::Message>, FrameReader::Failure> FrameReader::next(
    std::span<unsigned char>& bytes) {
  for (;;) {
    if (!in_payload_) {
      if (!take_header(bytes)) return std::nullopt;
      if (auto failure = begin_frame()) return std::unexpected(*failure);
      in_payload_ = true;
    }
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
    const auto part = bytes.first(size);
    bytes = bytes.subspan(size);
    if (sender_ == FrameSender::client) unmask(part);
    (is_control(frame_) ? control_ : message_)
        .append(reinterpret_cast<const char*>(part.data()), part.size());
    remaining_ -= size;
    if (remaining_ > 0) return std::nullopt;
    auto message = end_frame();
    if (!message || *message) return message;
  }
}

FrameHeader frame_header(FrameType type, std::uint64_t size,
                         const std::optional<std::array<unsigned char, 4>>& mask) {
  FrameHeader out;
  const auto put = [&](std::uint64_t byte) {
    out.bytes[out.size++] = static_cast<unsigned char>(byte & 0xFF);
  };
  const unsigned masked = mask ? 0x80 : 0;
  put(0x80 | static_cast<unsigned>(type));
  if (size <= 125) {
    put(masked | size);
  } else {
    const unsigned extended = size <= 0xFFFF ? 2 : 8;
    put(masked | (extended == 2 ? 126u : 127u));
    for (unsigned i = extended; i-- > 0;)
      put(size >> (8 * i));
  }
  if (mask)
    for (const unsigned char byte : *mask)
      put(byte);
  return out;
}

std::string close_payload(const CloseReason& reason) {
  std::string out{static_cast<char>(reason.code >> 8), static_cast<char>(reason.code & 0xFF)};
  return out.append(reason.text.substr(0, kControlMax - 2));
}

CloseReason read_close_payload(std::string_view payload) {
  if (payload.size() < 2) return {kNoStatus, {}};
  const auto high = static_cast<unsigned char>(payload[0]);
  const auto low = static_cast<unsigned char>(payload[1]);
  return {static_cast<std::uint16_t>(high << 8 | low), payload.substr(2)};
}

}  // namespace lanrage::io
