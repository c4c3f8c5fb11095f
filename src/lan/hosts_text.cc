#include "lan/hosts_text.hpp"

#include <algorithm>
#include <optional>

namespace lanrage::lan {
namespace {

constexpr std::string_view kHeading =
    "# Your LAN party's members. lanrage changes these lines, and removes them when it ends. ";
constexpr std::string_view kBlank = " \t\r\n\v\f";

// Behind a heading for which the line before it was given the newline that it lacked.
constexpr std::string_view kJoined = "+";

struct Others {
  std::string text;
  std::optional<std::size_t> at;  // in it: where our first line stood
};

// Each with its newline.
template <class Visit>
void for_each_whole_line(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const auto size = std::min(text.find('\n'), text.size() - 1) + 1;
    visit(text.substr(0, size));
    text.remove_prefix(size);
  }
}

Others others_of(std::string_view text, const std::string& tag) {
  Others out;
  bool joined = false;
  for_each_whole_line(text, [&](std::string_view line) {
    auto end = line;
    end = end.substr(0, end.find_last_not_of(kBlank) + 1);
    const bool heading = end.ends_with(tag + std::string(kJoined));
    if (!heading && !end.ends_with(tag)) {
      out.text += line;
      return;
    }
    if (!out.at) out.at = out.text.size();
    joined |= heading;
  });
  if (joined && out.at == out.text.size() && out.text.ends_with('\n')) {
    out.text.pop_back();
    out.at = out.text.size();
  }
  return out;
}

void drop_names_in(std::string_view text, NameTable& names) {
  for_each_whole_line(text, [&](std::string_view line) {
    line = line.substr(0, line.find('#'));
    for (bool address = true;; address = false) {
      line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
      if (line.empty()) return;
      const auto size = std::min(line.find_first_of(kBlank), line.size());
      std::string word(line.substr(0, size));
      line.remove_prefix(size);
      std::ranges::transform(word, word.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      if (!address) names.erase(word);
    }
  });
}

}  // namespace

std::string with_hosts_block(std::string_view text, std::string_view id, const NameTable& names) {
  const auto tag = "# lanrage " + std::string(id);
  auto [out, at] = others_of(text, tag);
  auto ours = names;
  drop_names_in(out, ours);
  if (ours.empty()) return out;
  const auto place = at.value_or(out.size());
  const bool joined = place > 0 && out[place - 1] != '\n';
  std::string block = joined ? "\n" : "";
  block.append(kHeading).append(tag).append(joined ? kJoined : "").append("\n");
  for (const auto& [name, address] : ours)
    block.append(address.to_string())
        .append("\t")
        .append(name)
        .append("\t")
        .append(tag)
        .append("\n");
  return out.insert(place, block);
}

}  // namespace lanrage::lan
