#include "io/websocket_frames.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace lanrage::io {
namespace {

using Mask = std::array<unsigned char, 4>;
constexpr Mask kMask{0x37, 0xfa, 0x21, 0x3d};
constexpr std::size_t kMax = 70'000;

std::string frame(FrameType type, std::string payload, std::optional<Mask> mask = kMask) {
  const auto header = frame_header(type, payload.size(), mask);
  for (std::size_t i = 0; mask && i < payload.size(); ++i)
    payload[i] = static_cast<char>(static_cast<unsigned char>(payload[i]) ^ (*mask)[i % 4]);
  return std::string(header.bytes.begin(), header.bytes.begin() + header.size) + payload;
}
std::string not_last(std::string frame) {
  frame[0] = static_cast<char>(frame[0] & 0x7F);
  return frame;
}

struct Outcome {
  std::vector<std::pair<FrameType, std::string>> messages;
  std::optional<std::uint16_t> failed;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
// In pieces of so many bytes.
Outcome read(const std::string& bytes, std::size_t piece,
             FrameSender sender = FrameSender::client) {
  FrameReader reader(sender, kMax);
  Outcome out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    std::string part = bytes.substr(at, piece);
    std::span<unsigned char> rest(reinterpret_cast<unsigned char*>(part.data()), part.size());
    while (!rest.empty()) {
      auto message = reader.next(rest);
      if (!message) {
        out.failed = message.error().code;
        return out;
      }
      if (*message) out.messages.emplace_back((*message)->type, (*message)->payload);
    }
  }
  return out;
}
Outcome read(const std::string& bytes) {
  const Outcome whole = read(bytes, bytes.size());
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 8u, 13u, 1000u})
    EXPECT_EQ(read(bytes, piece), whole) << "in pieces of " << piece;
  return whole;
}
Outcome messages(std::vector<std::pair<FrameType, std::string>> list) {
  return {std::move(list), {}};
}
Outcome failure(std::uint16_t code) {
  return {{}, code};
}

TEST(FrameReader, ReadsTextsOfAllSizesInAnyPieces) {
  for (const std::size_t size : {0u, 1u, 125u, 126u, 65'535u, 65'536u}) {
    const std::string text(size, 'x');
    EXPECT_EQ(read(frame(FrameType::text, text)), messages({{FrameType::text, text}})) << size;
  }
}

// RFC 6455 section 5.7.
TEST(FrameReader, ReadsTheExamplesOfTheStandard) {
  const std::string unmasked("\x81\x05\x48\x65\x6c\x6c\x6f", 7);
  EXPECT_EQ(read(unmasked, 100, FrameSender::server), messages({{FrameType::text, "Hello"}}));
  const std::string masked("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
  EXPECT_EQ(read(masked), messages({{FrameType::text, "Hello"}}));
  const std::string parts("\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f", 9);
  EXPECT_EQ(read(parts, 100, FrameSender::server), messages({{FrameType::text, "Hello"}}));
}

TEST(FrameReader, TakesControlFramesBetweenAMessagesParts) {
  const std::string bytes = not_last(frame(FrameType::text, "one ")) +
                            frame(FrameType::ping, "alive?") +
                            not_last(frame(FrameType::continuation, "two ")) +
                            frame(FrameType::continuation, "three") + frame(FrameType::pong, "");
  EXPECT_EQ(read(bytes), messages({{FrameType::ping, "alive?"},
                                   {FrameType::text, "one two three"},
                                   {FrameType::pong, ""}}));
}

TEST(FrameReader, JudgesUtf8OfWholeMessagesOnly) {
  const std::string euro = "\xe2\x82\xac";
  const std::string cut = not_last(frame(FrameType::text, euro.substr(0, 1))) +
                          frame(FrameType::continuation, euro.substr(1));
  EXPECT_EQ(read(cut), messages({{FrameType::text, euro}}));
  EXPECT_EQ(read(frame(FrameType::text, euro.substr(0, 2))), failure(1007));
  EXPECT_EQ(read(frame(FrameType::binary, "\xff")), messages({{FrameType::binary, "\xff"}}));
}

TEST(FrameReader, RefusesWhatTheStandardForbids) {
  const auto changed = [](std::size_t at, unsigned char bits) {
    std::string bytes = frame(FrameType::text, "x");
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ bits);
    return bytes;
  };
  EXPECT_EQ(read(changed(0, 0x40)), failure(1002)) << "reserved bit";
  EXPECT_EQ(read(changed(0, 0x02)), failure(1002)) << "type 3";
  EXPECT_EQ(read(changed(0, 0x0A)), failure(1002)) << "type 11";
  EXPECT_EQ(read(changed(1, 0x80)), failure(1002)) << "no mask";
  EXPECT_EQ(read(frame(FrameType::text, "x"), 100, FrameSender::server), failure(1002));
  EXPECT_EQ(read(not_last(frame(FrameType::ping, ""))), failure(1002));
  EXPECT_EQ(read(frame(FrameType::ping, std::string(126, 'x'))), failure(1002));
  EXPECT_EQ(read(frame(FrameType::continuation, "x")), failure(1002)) << "of nothing";
  EXPECT_EQ(read(not_last(frame(FrameType::text, "x")) + frame(FrameType::text, "x")),
            failure(1002));
  EXPECT_EQ(read(std::string("\x81\xFE\x00\x05\x00\x00\x00\x00hello", 13)), failure(1002))
      << "a long form of a short length";
  EXPECT_EQ(read(std::string("\x81\xFF\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 14)),
            failure(1002));
}

TEST(FrameReader, BoundsMessagesAndNotOnlyFrames) {
  EXPECT_EQ(read(frame(FrameType::text, std::string(kMax, 'x'))).messages.size(), 1u);
  EXPECT_EQ(read(frame(FrameType::text, std::string(kMax + 1, 'x'))), failure(1009));
  const std::string half(kMax / 2 + 1, 'x');
  EXPECT_EQ(read(not_last(frame(FrameType::text, half)) + frame(FrameType::continuation, half)),
            failure(1009));
}

TEST(FrameReader, ChecksWhatAClosingPeerSays) {
  const auto close = [](const std::string& payload) {
    return read(frame(FrameType::close, payload));
  };
  EXPECT_EQ(close(""), messages({{FrameType::close, ""}}));
  const std::string bye = close_payload({1000, "bye"});
  EXPECT_EQ(close(bye), messages({{FrameType::close, bye}}));
  EXPECT_EQ(read_close_payload(bye).code, 1000);
  EXPECT_EQ(read_close_payload(bye).text, "bye");
  EXPECT_EQ(read_close_payload("").code, 1005);
  EXPECT_EQ(close("\x03"), failure(1002));
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65'535})
    EXPECT_EQ(close(close_payload({static_cast<std::uint16_t>(code), ""})), failure(1002)) << code;
  EXPECT_EQ(close(close_payload({1000, "\xff"})), failure(1007));
  EXPECT_EQ(close_payload({1000, std::string(200, 'x')}).size(), 125u);
}

TEST(Utf8, KnowsEveryBoundary) {
  for (const char* text :
       {"", "plain text of more than eight bytes", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        "twelve bytes\xe2\x82\xac and more of it"})
    EXPECT_TRUE(is_utf8(text)) << text;
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82",
        "\xf0\x90\x80", "eight byt\xe2\x82"})
    EXPECT_FALSE(is_utf8(text)) << text;
}

}  // namespace
}  // namespace lanrage::io
