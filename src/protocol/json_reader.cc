#include "protocol/json_reader.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <unordered_set>
#include <vector>

namespace lanrage::protocol {
namespace {

namespace json = boost::json;

// Builds a value as boost::json::parser does, and refuses a key that its object already has.
struct TreeBuilder {
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = 256;

  json::value_stack stack;
  std::vector<std::unordered_set<std::string>> keys;  // of the objects we are inside of
  std::string key;                                    // so far, when it comes in parts
  bool duplicate = false;                             // of `key`

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    keys.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t count, json::error_code&) {
    keys.pop_back();
    stack.push_object(count);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t count, json::error_code&) {
    stack.push_array(count);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key.append(part);
    stack.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& error) {
    key.append(part);
    stack.push_key(part);
    if (!keys.back().insert(key).second) {
      duplicate = true;
      error = json::error::syntax;
      return false;
    }
    key.clear();
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    stack.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
    stack.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
    stack.push_uint64(value);
    return true;
  }
  bool on_double(double value, json::string_view, json::error_code&) {
    stack.push_double(value);
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    stack.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

std::string where(std::size_t offset) {
  return " at byte " + std::to_string(offset);
}

// What was found instead, short enough for a message.
std::string shown(const json::value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = json::serialize(value);
  constexpr std::size_t kShown = 48;
  if (text.size() <= kShown) return text;
  std::size_t cut = kShown;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80)
    --cut;  // not inside a UTF-8 sequence
  return text.substr(0, cut) + "...";
}

}  // namespace

Result<json::value> parse_document(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::basic_parser<TreeBuilder> parser(options);
  TreeBuilder& builder = parser.handler();
  builder.stack.reset();
  json::error_code error;
  std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (builder.duplicate)
    return fail(Errc::malformed_json, "the key \"" + builder.key + "\" stands twice in one object",
                builder.key);
  if (error == json::error::too_deep)
    return fail(Errc::malformed_json,
                "nested deeper than " + std::to_string(kMaxDepth) + " levels" + where(used));
  if (!error && used < text.size()) {
    auto rest = text.find_first_not_of(" \t\r\n", used);
    if (rest != std::string_view::npos)
      return fail(Errc::malformed_json, "more text after the JSON document" + where(rest));
  }
  if (error) {
    bool end = error == json::error::incomplete;
    return fail(Errc::malformed_json,
                end ? "the JSON document ends too early"
                    : "not JSON (or not UTF-8)" + where(used) + ": " + error.message());
  }
  return builder.stack.release();
}

void JsonReader::expected(std::string_view what, const json::value& got) {
  refuse(Errc::invalid_field, "expected " + std::string(what) + ", got " + shown(got));
}

void JsonReader::missing(std::string_view key) {
  Step step(*this, key);
  refuse(Errc::missing_field, "is missing");
}

void JsonReader::refuse(Errc code, std::string message) {
  if (error_) return;
  std::string text = path_.empty() ? "the document" : path_;
  text += code == Errc::missing_field ? " " : ": ";
  text += message;
  error_.emplace(code, std::move(text), path_);
}

JsonReader::Step::Step(JsonReader& reader, std::string_view key)
    : reader_(reader), length_(reader.path_.size()) {
  if (length_ != 0) reader.path_ += '.';
  reader.path_ += key;
}

JsonReader::Step::Step(JsonReader& reader, std::size_t index)
    : reader_(reader), length_(reader.path_.size()) {
  reader.path_ += '[' + std::to_string(index) + ']';
}

}  // namespace lanrage::protocol
