#include "lan/dns.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace lanrage::lan {
namespace {

const NameTable kNames{{"anna.lan", IpAddress::v4(0x0a420001)},
                       {"ben.lan-night.lan", IpAddress::v4(0x0a420002)}};
constexpr std::uint16_t kA = 1, kAaaa = 28, kAny = 255;

Bytes query(std::string_view name, std::uint16_t type, std::uint16_t flags = 0x0100,
            bool opt = false) {
  ByteWriter out;
  out.u16(0xbeef).u16(flags).u16(1).u16(0).u16(0).u16(opt ? 1 : 0);
  while (!name.empty()) {
    const auto size = std::min(name.find('.'), name.size());
    out.u8(static_cast<std::uint8_t>(size)).text(name.substr(0, size));
    name.remove_prefix(std::min(size + 1, name.size()));
  }
  out.u8(0).u16(type).u16(1);
  if (opt) out.u8(0).u16(41).u16(4096).u32(0x8000).u16(0);
  return std::move(out).take();
}

struct Answer {
  unsigned rcode, answers;
  friend bool operator==(const Answer&, const Answer&) = default;
};
Answer answer(std::string_view name, std::uint16_t type) {
  const auto bytes = answer_query(query(name, type), kNames);
  return {bytes.at(3) & 15u, static_cast<unsigned>(bytes.at(6) << 8 | bytes.at(7))};
}
const Answer kNoData{0, 0}, kNoSuchName{3, 0}, kRefused{5, 0};

TEST(Dns, AnswersWithTheAddress) {
  EXPECT_EQ(to_hex(answer_query(query("anna.lan", kA), kNames)),
            "beef8500"
            "0001"
            "0001"
            "0000"
            "0000"
            "04616e6e61"
            "036c616e"
            "00"
            "0001"
            "0001"
            "c00c"
            "0001"
            "0001"
            "00000000"
            "0004"
            "0a420001");
}

TEST(Dns, KnowsItsNamesInAnyCase) {
  EXPECT_EQ(answer("ANNA.Lan", kA), (Answer{0, 1}));
  EXPECT_EQ(answer("anna.lan", kAny), (Answer{0, 1}));
  EXPECT_EQ(answer("ben.lan-night.lan", kA), (Answer{0, 1}));
  EXPECT_EQ(answer("anna.lan", kAaaa), kNoData);
  EXPECT_EQ(answer("lan-night.lan", kA), kNoData) << "there is something below it (RFC 8020)";
  EXPECT_EQ(answer("lan", kA), kNoData);
  EXPECT_EQ(answer("carol.lan", kA), kNoSuchName);
  EXPECT_EQ(answer("x.anna.lan", kA), kNoSuchName);
}

TEST(Dns, RefusesWhatIsNotOurs) {
  for (const auto* name : {"example.org", "plan", "anna.lan.example.org", "xlan", ""})
    EXPECT_EQ(answer(name, kA), kRefused) << name;
}

TEST(Dns, AnswersAnOptRecordWithOne) {
  const auto bytes = answer_query(query("anna.lan", kA, 0x0100, true), kNames);
  EXPECT_EQ(to_hex(ByteView(bytes).last(11)),
            "000029"
            "04d0"
            "00000000"
            "0000");
  EXPECT_EQ(bytes.at(11), 1);
}

TEST(Dns, SaysWhatItCannotDo) {
  const auto rcode = [](const Bytes& bytes) { return bytes.empty() ? -1 : bytes.at(3) & 15; };
  EXPECT_EQ(rcode(answer_query(query("anna.lan", kA, 0x2800), kNames)), 4) << "an update";
  EXPECT_EQ(rcode(answer_query(query("anna.lan", kA, 0x8100), kNames)), -1) << "an answer";
  auto two = query("anna.lan", kA);
  two[5] = 2;
  EXPECT_EQ(rcode(answer_query(two, kNames)), 1);
  auto pointer = query("anna.lan", kA);
  pointer[12] = 0xc0;
  EXPECT_EQ(rcode(answer_query(pointer, kNames)), 1);
  std::string long_name = "lan";
  while (long_name.size() < 260)
    long_name = "anna." + long_name;
  EXPECT_EQ(rcode(answer_query(query(long_name, kA), kNames)), 1);
}

TEST(Dns, EveryTruncationIsAnsweredOrDropped) {
  const auto whole = query("anna.lan", kA);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto bytes = answer_query(ByteView(whole).first(size), kNames);
    if (size < 12)
      EXPECT_TRUE(bytes.empty());
    else
      EXPECT_EQ(bytes.at(3) & 15, 1) << size;
  }
}

}  // namespace
}  // namespace lanrage::lan
