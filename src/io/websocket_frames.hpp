// WebSocket frames (RFC 6455 section 5) without any socket: bytes in any pieces to whole messages,
// and headers of frames to be sent. No extensions.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lanrage::io {

enum class FrameType : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

// Whose frames: a client's are masked, a server's aren't.
enum class FrameSender : std::uint8_t { client, server };

class FrameReader {
 public:
  // Of the message, however many frames it came in; never a continuation.
  struct Message {
    FrameType type = FrameType::text;
    std::string payload;
  };
  // Why the connection must end: the code of the close frame to answer with, and words for a log.
  struct Failure {
    std::uint16_t code;
    std::string_view what;
  };

  // `message_max` bounds texts and binaries, in bytes.
  FrameReader(FrameSender sender, std::size_t message_max)
      : message_max_(message_max), sender_(sender) {}

  // Takes bytes off the front of `bytes`, which it unmasks in place, until a message is whole or
  // none are left (nullopt). Not to be called again after a failure.
  std::expected<std::optional<Message>, Failure> next(std::span<unsigned char>& bytes);

 private:
  bool take_header(std::span<unsigned char>& bytes);
  std::optional<Failure> begin_frame();
  void unmask(std::span<unsigned char> part);
  std::expected<std::optional<Message>, Failure> end_frame();
  std::size_t header_size() const;

  std::size_t message_max_;
  std::uint64_t remaining_ = 0;  // of the frame's payload
  std::string message_;          // so far
  std::string control_;          // a control frame may stand between a message's frames
  std::array<unsigned char, 14> header_{};
  std::array<unsigned char, 4> mask_{};
  FrameSender sender_;
  std::uint8_t header_have_ = 0;
  std::uint8_t mask_at_ = 0;
  FrameType frame_ = FrameType::text;
  FrameType message_type_ = FrameType::text;
  bool in_payload_ = false;
  bool in_message_ = false;  // frames of it are still to come
  bool last_ = false;        // the frame is its message's last
};

// A whole message's header, `size` being its payload's. With a mask it is a client's.
struct FrameHeader {
  std::array<unsigned char, 14> bytes{};
  std::uint8_t size = 0;
};
FrameHeader frame_header(FrameType type, std::uint64_t size,
                         const std::optional<std::array<unsigned char, 4>>& mask);

// A close frame's payload.
struct CloseReason {
  std::uint16_t code;
  std::string_view text;
};
std::string close_payload(const CloseReason& reason);
// 1005 where the payload has none. Of a payload that FrameReader let pass.
CloseReason read_close_payload(std::string_view payload);

// RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace lanrage::io
