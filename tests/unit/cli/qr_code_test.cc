// What a camera reads off the printed characters.
#include "cli/qr_code.hpp"

#include <gtest/gtest.h>
#include <vector>

#define ZX_USE_UTF8 1
#include <ZXing/ReadBarcode.h>

#include "base/random.hpp"
#include "party/invite_link.hpp"

namespace lanrage::cli {
namespace {

constexpr int kPixels = 4;  // a module's width

// Rows of modules, light or dark, as a terminal with a dark background shows the lines.
std::vector<std::vector<bool>> modules_of(std::string_view text) {
  std::vector<std::vector<bool>> rows(2);
  while (!text.empty()) {
    auto& upper = rows[rows.size() - 2];
    auto& lower = rows.back();
    std::size_t length = 3;
    if (text.starts_with('\n')) {
      rows.resize(rows.size() + 2);
      length = 1;
    } else if (text.starts_with(' ')) {
      upper.push_back(false), lower.push_back(false);
      length = 1;
    } else if (text.starts_with("\u2588")) {
      upper.push_back(true), lower.push_back(true);
    } else if (text.starts_with("\u2580")) {
      upper.push_back(true), lower.push_back(false);
    } else if (text.starts_with("\u2584")) {
      upper.push_back(false), lower.push_back(true);
    } else {
      ADD_FAILURE() << "another character: " << text;
      return {};
    }
    text.remove_prefix(length);
  }
  rows.resize(rows.size() - 2);  // begun after the last line
  return rows;
}

std::string read_off(std::string_view printed) {
  const auto rows = modules_of(printed);
  if (rows.empty()) return "";
  const int width = static_cast<int>(rows[0].size()) * kPixels;
  std::vector<std::uint8_t> image;
  for (const auto& row : rows)
    for (int line = 0; line < kPixels; ++line)
      for (const bool light : row)
        image.insert(image.end(), kPixels, light ? 0xff : 0x00);
  const ZXing::ImageView view(image.data(), width, static_cast<int>(rows.size()) * kPixels,
                              ZXing::ImageFormat::Lum);
  ZXing::DecodeHints hints;
  hints.setFormats(ZXing::BarcodeFormat::QRCode);
  return ZXing::ReadBarcode(view, hints).text();
}

party::InviteLink link(std::string host, bool pinned) {
  SeededRandom random(5);
  party::InviteLink out;
  out.host = std::move(host);
  out.port = 48'667;
  out.party.bytes = random.array<16>();
  out.secret = party::InviteSecret(random.array<16>());
  if (pinned) out.pin = random.array<16>();
  return out;
}

TEST(QrCode, IsReadAndGivesTheInvite) {
  for (const auto& invite :
       {link("203.0.113.10", true), link("play.example.org", false), link("2001:db8::7", true)}) {
    const auto text = read_off(qr_code(invite.to_text(), false));
    const auto parsed = party::parse_invite_link(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message();
    EXPECT_EQ(*parsed, invite);
  }
}

TEST(QrCode, FitsATerminal) {
  const auto code = qr_code(link("203.0.113.100", true).to_text(), false);
  EXPECT_LE(std::ranges::count(code, '\n'), 23) << "and the prompt";
  const auto rows = modules_of(code);
  for (const auto& row : rows)
    EXPECT_EQ(row.size(), rows[0].size());
  EXPECT_LE(rows[0].size(), 80u);
}

TEST(QrCode, ColoursAreForTerminals) {
  const auto invite = link("203.0.113.10", true).to_text();
  const auto plain = qr_code(invite, false);
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  std::string expected;
  for (std::size_t at = 0; at < plain.size();) {
    const auto end = plain.find('\n', at);
    expected += "\x1b[97;40m" + plain.substr(at, end - at) + "\x1b[0m\n";
    at = end + 1;
  }
  EXPECT_EQ(qr_code(invite, true), expected);
}

TEST(QrCode, ATextThatIsTooLongGivesNone) {
  EXPECT_EQ(qr_code(std::string(8'000, 'x'), false), "");
}

}  // namespace
}  // namespace lanrage::cli
