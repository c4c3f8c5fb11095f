// Reads Prometheus' text format 0.0.4 strictly, as a scraper would, and fails the test on anything
// that the format doesn't allow.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace lanrage::server::test {

class ExpositionReader {
 public:
  explicit ExpositionReader(std::string_view text);

  // What is wrong with the text; empty when nothing is.
  const std::string& complaint() const { return complaint_; }
  // By the sample's name and labels as written: `name{a="b",c="d"}`.
  std::optional<double> value(const std::string& series) const;
  std::string type_of(const std::string& family) const;
  std::size_t size() const { return samples_.size(); }

 private:
  struct Family {
    std::string type;
    bool has_help = false;
  };
  bool read_comment(std::string_view line);
  bool read_sample(std::string_view line);
  bool family_fits(std::string_view name) const;
  void check_histograms();
  bool complain(std::string_view what, std::string_view line);

  std::string complaint_;
  std::map<std::string, Family, std::less<>> families_;
  std::string current_;
  std::map<std::string, double> samples_;
};

}  // namespace lanrage::server::test
