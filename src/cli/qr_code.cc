#include "cli/qr_code.hpp"

#include <iostream>
#include <memory>
#include <qrencode.h>
#include <unistd.h>

namespace lanrage::cli {
namespace {

constexpr int kQuietZone = 4;  // modules, as the standard wants it
constexpr std::string_view kWhiteOnBlack = "\x1b[97;40m";
constexpr std::string_view kPlain = "\x1b[0m";
// Of the upper and the lower module of a cell, which are light?
constexpr std::string_view kCells[2][2] = {{" ", "\u2584"}, {"\u2580", "\u2588"}};

struct Free {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

bool is_light(const QRcode& code, int x, int y) {
  const bool inside = x >= 0 && y >= 0 && x < code.width && y < code.width;
  return !inside || (code.data[y * code.width + x] & 1) == 0;
}

}  // namespace

std::string qr_code(std::string_view text, bool colours) {
  constexpr int kAnyVersion = 0, kUpperCase = 0;
  // A screen has no stains: the least redundancy makes the largest modules.
  const std::unique_ptr<QRcode, Free> code(QRcode_encodeString(
      std::string(text).c_str(), kAnyVersion, QR_ECLEVEL_L, QR_MODE_8, kUpperCase));
  if (!code) return "";
  std::string out;
  const int end = code->width + kQuietZone;
  for (int y = -kQuietZone; y < end; y += 2) {
    if (colours) out += kWhiteOnBlack;
    for (int x = -kQuietZone; x < end; ++x)
      out += kCells[is_light(*code, x, y)][y + 1 < end && is_light(*code, x, y + 1)];
    if (colours) out += kPlain;
    out += '\n';
  }
  return out;
}

bool is_terminal(const std::ostream& out) {
  return &out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace lanrage::cli
