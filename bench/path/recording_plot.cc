// The recording as a picture: one dot a ping, a line and a word where the path changed.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "path/recording.hpp"
#include "support/process.hpp"

namespace lanrage::bench {
namespace {

constexpr double kWidth = 900, kHeight = 320;
constexpr double kLeft = 60, kRight = 20, kTop = 30, kBottom = 40;

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

// Without ".0".
std::string tick(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

std::string label(double x, double y, const std::string& anchor, const std::string& text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" +
         text + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) +
         "\" y2=\"" + number(y2) + "\" class=\"" + style + "\"/>\n";
}

}  // namespace

void write_svg(const Recording& recording, const std::filesystem::path& path) {
  double last_ms = 1'000, highest = 10;
  for (const auto& sample : recording.answered) {
    last_ms = std::max(last_ms, sample.sent_ms);
    highest = std::max(highest, sample.rtt_ms);
  }
  highest = std::ceil(highest / 50) * 50;
  const auto x = [&](double ms) { return kLeft + ms / last_ms * (kWidth - kLeft - kRight); };
  const auto y = [&](double rtt) {
    return kHeight - kBottom - rtt / highest * (kHeight - kTop - kBottom);
  };
  std::ofstream out(path);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << number(kWidth) << ' '
      << number(kHeight) << "\" font-family=\"sans-serif\" font-size=\"12\">\n"
      << "<style>.axis{stroke:#444}.grid{stroke:#ddd}.mark{stroke:#c33;stroke-dasharray:4 3}"
         "circle{fill:#1668b8}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  for (int part = 0; part <= 4; ++part) {
    const double rtt = highest * part / 4;
    out << line(kLeft, y(rtt), kWidth - kRight, y(rtt), part == 0 ? "axis" : "grid")
        << label(kLeft - 6, y(rtt) + 4, "end", tick(rtt));
  }
  for (double ms = 0; ms <= last_ms; ms += 5'000)
    out << label(x(ms), kHeight - kBottom + 16, "middle", tick(ms / 1'000));
  out << label(kLeft, 16, "start", "round-trip time of pings through the tunnel, ms")
      << label(kWidth - kRight, kHeight - 6, "end", "seconds since the first answer");
  int row = 0;  // neighbours' words one below the other, so that they can be read
  for (const auto& mark : recording.marks) {
    out << line(x(mark.at_ms), kTop, x(mark.at_ms), kHeight - kBottom, "mark")
        << label(x(mark.at_ms) + 4, kTop + 10 + 14 * row, "start", mark.what);
    row = (row + 1) % 3;
  }
  for (const auto& sample : recording.answered)
    out << "<circle cx=\"" << number(x(sample.sent_ms)) << "\" cy=\"" << number(y(sample.rtt_ms))
        << "\" r=\"1.5\"/>\n";
  out << "</svg>\n";
  if (!out) throw lab::LabError("can't write " + path.string());
}

}  // namespace lanrage::bench
