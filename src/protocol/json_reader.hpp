// A JSON document read strictly, field by field, with errors that name the field. For messages and
// for files alike: describe a struct once, and both directions follow (json_fields.hpp).
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/problem.hpp"

namespace lanrage::protocol {

inline constexpr int kMaxDepth = 16;  // arrays and objects inside one another

// Refuses what RFC 8259 leaves open: duplicate keys, and trailing text; also bad UTF-8, and
// nesting deeper than kMaxDepth.
Result<boost::json::value> parse_document(std::string_view text);

// Collects the first error; later ones are consequences.
class JsonReader {
 public:
  bool ok() const { return !error_; }
  Error take_error() { return std::move(*error_); }

  // "PATH: expected EXPECTED, got VALUE".
  void expected(std::string_view what, const boost::json::value& got);
  void missing(std::string_view key);
  void refuse(Errc code, std::string message);

  // The path is kept as a stack of parts: "peers", "[3]", "vip".
  class Step {
   public:
    Step(JsonReader& reader, std::string_view key);
    Step(JsonReader& reader, std::size_t index);
    ~Step() { reader_.path_.resize(length_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    JsonReader& reader_;
    std::size_t length_;
  };
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::optional<Error> error_;
};

}  // namespace lanrage::protocol
