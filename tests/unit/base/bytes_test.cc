#include "base/bytes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lanrage {
namespace {

using testing::ElementsAre;

TEST(ByteWriter, WritesNetworkOrder) {
  ByteWriter writer;
  writer.u8(0x01).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0f);
  EXPECT_THAT(writer.bytes(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

TEST(ByteWriter, CountsWhatItIsTold) {
  ByteWriter writer;
  writer.counted16(as_bytes("ab")).text("c");
  EXPECT_EQ(writer.size(), 5u);
  EXPECT_THAT(std::move(writer).take(), ElementsAre(0, 2, 'a', 'b', 'c'));
}

TEST(ByteWriter, LengthCanBePatchedLater) {
  ByteWriter writer;
  writer.u16(0).text("xyz");
  writer.buffer()[1] = 3;
  EXPECT_THAT(writer.bytes(), ElementsAre(0, 3, 'x', 'y', 'z'));
}

TEST(ByteReader, ReadsBackWhatWasWritten) {
  ByteWriter writer;
  writer.u8(0xfe).u16(0xfedc).u32(0xfedcba98).u64(0xfedcba9876543210).counted16(as_bytes("text"));
  writer.raw(ByteArray<3>{7, 8, 9});
  ByteReader reader(writer.bytes());
  EXPECT_EQ(reader.u8(), 0xfe);
  EXPECT_EQ(reader.u16(), 0xfedc);
  EXPECT_EQ(reader.u32(), 0xfedcba98u);
  EXPECT_EQ(reader.u64(), 0xfedcba9876543210u);
  EXPECT_EQ(as_text(reader.counted16()), "text");
  EXPECT_FALSE(reader.at_end());
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_THAT(reader.array<3>(), ElementsAre(7, 8, 9));
  EXPECT_TRUE(reader.at_end());
}

TEST(ByteReader, EveryTruncationFails) {
  ByteWriter writer;
  writer.u8(1).u16(2).u32(3).u64(4).counted16(as_bytes("text")).raw(ByteArray<3>{7, 8, 9});
  for (std::size_t size = 0; size < writer.size(); ++size) {
    ByteReader reader(ByteView(writer.bytes()).first(size));
    reader.u8();
    reader.u16();
    reader.u32();
    reader.u64();
    reader.counted16();
    reader.array<3>();
    EXPECT_FALSE(reader.ok()) << size;
    EXPECT_FALSE(reader.at_end()) << size;
  }
}

TEST(ByteReader, FailureIsForGood) {
  const ByteArray<3> bytes{1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_EQ(reader.u8(), 0);  // a byte is there, but where it stands in the message is unknown
  EXPECT_TRUE(reader.take(0).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, HugeCountDoesNotWrap) {
  const ByteArray<4> bytes{};
  ByteReader reader(bytes);
  reader.u8();
  EXPECT_TRUE(reader.take(~std::size_t{0}).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, ParserCanFailIt) {
  const ByteArray<1> bytes{};
  ByteReader reader(bytes);
  reader.fail();
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, NothingIsAtItsEnd) {
  EXPECT_TRUE(ByteReader({}).at_end());
}

}  // namespace
}  // namespace lanrage
