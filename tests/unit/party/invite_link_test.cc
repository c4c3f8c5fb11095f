#include "party/invite_link.hpp"

#include "fixture.hpp"

namespace lanrage::party {
namespace {

InviteLink sample(std::string host, std::uint16_t port, bool with_pin, std::uint64_t seed = 4) {
  SeededRandom random(seed);
  InviteLink link;
  link.host = std::move(host);
  link.port = port;
  link.party = {random.array<16>()};
  link.secret = InviteSecret(random.array<16>());
  if (with_pin) link.pin = random.array<16>();
  return link;
}

const std::vector<InviteLink>& samples() {
  static const std::vector<InviteLink> kSamples = {
      sample("203.0.113.9", kDefaultControlPort, true), sample("play.example.org", 443, false),
      sample("localhost", kDefaultControlPort, false),  sample("2001:db8::1", 9000, true),
      sample("xn--bcher-kva.example", 65535, true),     sample("a-b.c0.example", 1, true)};
  return kSamples;
}

TEST(InviteLink, ReadsBackAsWritten) {
  for (const auto& link : samples()) {
    const auto text = std::string(link.to_text());
    auto parsed = parse_invite_link(text);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().message();
    EXPECT_EQ(*parsed, link);
  }
}

TEST(InviteLink, HasTheWrittenShape) {
  const auto link = sample("203.0.113.9", kDefaultControlPort, true);
  const auto text = std::string(link.to_text());
  EXPECT_TRUE(text.starts_with("lanrage://203.0.113.9/join#" + link.party.to_string() + "."))
      << text;
  EXPECT_TRUE(sample("h", 9000, false).to_text().starts_with("lanrage://h:9000/join#"));
  EXPECT_TRUE(sample("2001:db8::1", 9000, false)
                  .to_text()
                  .starts_with("lanrage://[2001:db8::1]:9000/join#"));
  // The default port may be written out.
  auto spelled = text;
  spelled.insert(spelled.find("/join"), ":8667");
  EXPECT_EQ(parse_invite_link(spelled).value(), link);
}

TEST(InviteLink, CaseDoesNotMatter) {
  for (const auto& link : samples()) {
    auto text = std::string(link.to_text());
    for (auto& c : text)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    EXPECT_EQ(parse_invite_link(text).value(), link);
  }
}

TEST(InviteLink, EverySingleWrongCharacterIsNoticed) {
  constexpr std::string_view kAny = "abcdefghijklmnopqrstuvwxyz0123456789.-:/#[]_ !%\n";
  for (const auto& link : samples()) {
    const auto text = std::string(link.to_text());
    for (std::size_t i = 0; i < text.size(); ++i)
      for (char c : kAny) {
        if (c == text[i]) continue;
        auto changed = text;
        changed[i] = c;
        ASSERT_FALSE(parse_invite_link(changed).has_value()) << text << " -> " << changed;
      }
  }
}

TEST(InviteLink, EverySwapOfNeighboursIsNoticed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const auto& first : samples()) {
      const auto text = sample(first.host, first.port, first.pin.has_value(), seed).to_text();
      for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        auto changed = text;
        std::swap(changed[i], changed[i + 1]);
        if (changed != text)
          ASSERT_FALSE(parse_invite_link(changed).has_value()) << text << " -> " << changed;
      }
    }
}

TEST(InviteLink, EveryMissingCharacterIsNoticed) {
  for (const auto& link : samples()) {
    const auto text = std::string(link.to_text());
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto changed = text;
      changed.erase(i, 1);
      ASSERT_FALSE(parse_invite_link(changed).has_value()) << changed;
    }
    for (std::size_t length = 0; length < text.size(); ++length)
      ASSERT_EQ(code_of(parse_invite_link(text.substr(0, length))),
                length < 10 ? "not_an_invite" : "invite_cut_short")
          << text.substr(0, length);
  }
}

TEST(InviteLink, IsFoundInPastedText) {
  for (const auto& link : samples()) {
    const auto text = std::string(link.to_text());
    for (const std::string& pasted :
         {" " + text + "\n", "join us: " + text + " tonight!", "<" + text + ">", "\"" + text + "\"",
          "'" + text + "',", text + ".", text + "...", text + "!", "(" + text + ")",
          "[" + text + "]", "[here](" + text + ")", "**" + text + "**", "„" + text + "“",
          "see " + text + "\r\nsee you", text + "\nbye", "`" + text + "`", text + "; or so",
          "lanrage:// no, this: " + text})
      EXPECT_EQ(code_of(parse_invite_link(pasted)), "ok") << pasted;
  }
}

TEST(InviteLink, SurvivesABrokenLine) {
  for (const auto& link : samples()) {
    const auto text = std::string(link.to_text());
    for (std::size_t i = 11; i < text.size(); ++i)
      for (const char* line_break : {"\n", "\r\n", "\r\n  ", " \n> "}) {
        auto broken = text;
        broken.insert(i, line_break);
        const auto parsed = parse_invite_link("come: " + broken + " ok?");
        ASSERT_TRUE(parsed.has_value()) << broken << parsed.error().message();
        ASSERT_EQ(*parsed, link);
      }
    auto twice = text;
    twice.insert(60, "\n");
    twice.insert(30, "\n");
    EXPECT_EQ(code_of(parse_invite_link(twice)), "ok");
  }
}

TEST(InviteLink, SaysWhatIsWrong) {
  const auto text = std::string(samples()[0].to_text());
  EXPECT_EQ(code_of(parse_invite_link("")), "not_an_invite");
  EXPECT_EQ(code_of(parse_invite_link("https://example.org/join#abc")), "not_an_invite");
  EXPECT_EQ(code_of(parse_invite_link("lanrage://example.org")), "invite_cut_short");
  EXPECT_EQ(code_of(parse_invite_link("lanrage://example.org/other")), "invite_mistyped");
  EXPECT_EQ(code_of(parse_invite_link(text + "a")), "invite_mistyped");
  auto wrong = text;
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  EXPECT_EQ(code_of(parse_invite_link(wrong)), "invite_mistyped");
  wrong = text;
  wrong[40] = '1';
  EXPECT_EQ(code_of(parse_invite_link(wrong)), "invite_mistyped");
}

TEST(InviteLink, APortHasOneSpelling) {
  const auto text = std::string(sample("h", 9000, false).to_text());
  for (const char* port : {":09000", ":+9000", ":", ":0", ":75536"}) {
    auto changed = text;
    changed.replace(changed.find(":9000"), 5, port);
    EXPECT_EQ(code_of(parse_invite_link(changed)), "invite_mistyped") << port;
  }
}

TEST(InviteLink, HostsAreNamesOrAddresses) {
  for (const char* host : {"localhost", "play.example.org", "203.0.113.9", "2001:db8::1", "a-1.b"})
    EXPECT_TRUE(is_invite_host(host)) << host;
  for (const std::string& host :
       {std::string(), std::string("Play.example"), std::string("a..b"), std::string(".a"),
        std::string("a."), std::string("-a"), std::string("a-"), std::string("a_b"),
        std::string("256.1.1.1"), std::string("1.2.3"), std::string("a b"), std::string("[::1]"),
        std::string(64, 'a'), std::string(300, 'a'), std::string("fe80::1%eth0")})
    EXPECT_FALSE(is_invite_host(host)) << host;
}

}  // namespace
}  // namespace lanrage::party
