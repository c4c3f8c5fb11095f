#include "lan/dbus.hpp"

#include <gmock/gmock.h>

#include "base/encoding.hpp"

namespace lanrage::lan {
namespace {

// As a bus daemon answers Hello.
constexpr std::string_view kReply =
    "6c0201010a000000010000003d000000"
    "0601730004000000"
    "3a312e3000000000"
    "0501750001000000"
    "0801670001730000"
    "0701730014000000"
    "6f72672e667265656465736b746f702e4442757300000000"
    "05000000"
    "3a312e3333"
    "00";

TEST(Dbus, WritesACallAsOthersDo) {
  const DbusCall call{"a.b", "/c", "d.e", "F", "u", std::move(DbusWriter().u32(7)).take()};
  EXPECT_EQ(to_hex(encode_call(2, call)),
            "6c010001"
            "04000000"
            "02000000"
            "47000000"
            "01016f00"
            "02000000"
            "2f630000"
            "00000000"
            "02017300"
            "03000000"
            "642e6500"
            "00000000"
            "03017300"
            "01000000"
            "46000000"
            "00000000"
            "06017300"
            "03000000"
            "612e6200"
            "00000000"
            "08016700"
            "01750000"
            "07000000");
}

TEST(Dbus, WritesWhatResolvedIsTold) {
  const auto dns = set_link_dns(3, *Endpoint::parse("127.0.0.1:5300"));
  EXPECT_EQ(dns.signature, "ia(iayqs)");
  EXPECT_EQ(to_hex(dns.body),
            "03000000"
            "15000000"
            "02000000"
            "04000000"
            "7f000001"
            "b414"
            "0000"
            "00000000"
            "00");
  const auto domains = set_link_domains(3, {"anna.lan", "b"});
  EXPECT_EQ(domains.signature, "ia(sb)");
  EXPECT_EQ(to_hex(domains.body),
            "03000000"
            "24000000"
            "08000000"
            "616e6e612e6c616e"
            "00"
            "000000"
            "01000000"
            "00000000"
            "01000000"
            "6200"
            "0000"
            "01000000");
}

Bytes answer(std::uint8_t type, bool little, std::string_view body_text) {
  // A field each of the kinds that an answer has.
  DbusWriter out;
  out.byte(little ? 'l' : 'B').byte(type).byte(1).byte(1);
  out.u32(static_cast<std::uint32_t>(body_text.empty() ? 0 : 5 + body_text.size())).u32(9);
  out.array(8, [&](DbusWriter& fields) {
    fields.pad(8).byte(5).signature("u").u32(42);
    fields.pad(8).byte(7).signature("s").string(":1.2");
    if (type == 3) fields.pad(8).byte(4).signature("s").string("org.x.NoSuchLink");
    if (!body_text.empty()) fields.pad(8).byte(8).signature("g").signature("s");
  });
  out.pad(8);
  if (!body_text.empty()) out.string(body_text);
  return std::move(out).take();
}

TEST(Dbus, ReadsAnswers) {
  const auto good = parse_dbus(answer(2, true, ""));
  ASSERT_TRUE(good);
  EXPECT_EQ(good->type, DbusMessage::Type::reply);
  EXPECT_EQ(good->reply_serial, 42u);
  const auto bad = parse_dbus(answer(3, true, "Link 7 not known"));
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->type, DbusMessage::Type::error);
  EXPECT_EQ(bad->error, "org.x.NoSuchLink: Link 7 not known");
  EXPECT_EQ(parse_dbus(answer(4, true, "x"))->type, DbusMessage::Type::other);
}

TEST(Dbus, ReadsTheBusDaemonsAnswerToHello) {
  const auto bytes = from_hex(kReply).value();
  EXPECT_EQ(dbus_size(bytes), bytes.size());
  const auto reply = parse_dbus(bytes);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->type, DbusMessage::Type::reply);
  EXPECT_EQ(reply->reply_serial, 1u);
}

TEST(Dbus, RefusesWhatIsCutOffOrTooLarge) {
  const auto whole = answer(3, true, "Link 7 not known");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_dbus(ByteView(whole).first(size))) << size;
  auto large = whole;
  large[6] = 0x10;  // a megabyte
  EXPECT_FALSE(dbus_size(large));
  auto strange = whole;
  strange[0] = 'x';
  EXPECT_FALSE(dbus_size(strange));
}

}  // namespace
}  // namespace lanrage::lan
