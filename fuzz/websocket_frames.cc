// A client's WebSocket frames: the same messages whole and in pieces, and no more than the limit.
#include "io/websocket_frames.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

using lanrage::io::FrameReader;
using lanrage::io::FrameSender;
using lanrage::io::FrameType;

constexpr std::size_t kMost = 300;

struct Outcome {
  std::vector<std::pair<FrameType, std::string>> messages;
  std::uint16_t failed = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::vector<unsigned char> bytes, FrameSender sender, std::size_t piece) {
  FrameReader reader(sender, kMost);
  Outcome out;
  std::span<unsigned char> all(bytes);
  while (!all.empty()) {
    auto part = all.first(std::min(piece, all.size()));
    all = all.subspan(part.size());
    while (!part.empty()) {
      auto message = reader.next(part);
      if (!message) {
        out.failed = message.error().code;
        return out;
      }
      if (!*message) continue;
      if ((*message)->payload.size() > kMost) std::abort();
      out.messages.emplace_back((*message)->type, (*message)->payload);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::vector<unsigned char> bytes(data + 2, data + size);
  const auto sender = (data[0] & 1) != 0 ? FrameSender::client : FrameSender::server;
  const std::size_t piece = std::size_t{1} + data[1];
  if (read(bytes, sender, bytes.size() + 1) != read(bytes, sender, piece)) std::abort();
  return 0;
}
