// Writes metrics in Prometheus' text format 0.0.4: each family once, with HELP and TYPE before its
// samples.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lanrage::server {

class Exposition {
 public:
  struct Label {
    std::string_view name;
    std::string_view value;  // escaped here
  };
  using Labels = std::initializer_list<Label>;

  // A family of one sample. Names without the "lanrage_" prefix, which is added here.
  void counter(std::string_view name, std::string_view help, std::uint64_t value);
  void counter(std::string_view name, std::string_view help, double value);
  void gauge(std::string_view name, std::string_view help, double value);

  // A family of several: begin, then its samples, before the next begin.
  void begin(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, double value);
  void sample(Labels labels, std::uint64_t value);
  // `counts`: one for each bound and one for all beyond, not cumulative.
  void histogram_sample(Labels labels, std::span<const double> bounds,
                        std::span<const std::uint64_t> counts, double sum);

  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, std::span<const Label> labels, std::string_view le,
            std::string_view value);

  std::string text_;
  std::string family_;
};

}  // namespace lanrage::server
