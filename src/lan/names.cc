#include "lan/names.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace lanrage::lan {
namespace {

constexpr std::size_t kLongestLabel = 50;

// Names that programs ask for by themselves, or under which a home network has its router: who is
// called so mustn't be taken for it.
constexpr std::string_view kReserved[] = {
    // Those that programs look for by themselves, or that lead to a router.
    "autoconfig", "autodiscover", "broadcasthost", "dhcp", "dns", "gateway", "isatap", "lan",
    "local", "modem", "localdomain", "localhost", "ns", "ntp", "openwrt", "proxy", "router", "time",
    "wpad", "www",
    // What stands at home and is asked for passwords.
    "accesspoint", "admin", "ap", "backup", "cam", "camera", "cloud", "cups", "files", "firewall",
    "fritz", "ftp", "git", "gitlab", "hass", "home", "homeassistant", "homebridge", "hub", "imap",
    "jellyfin", "ldap", "login", "mail", "nas", "nextcloud", "opnsense", "pfsense", "pihole",
    "plex", "print", "printer", "proxmox", "raspberrypi", "repeater", "samba", "scanner", "server",
    "smb", "smtp", "ssh", "switch", "synology", "truenas", "tv", "unifi", "vpn", "webmail", "wifi"};

struct Spelling {
  std::uint32_t first, last;  // code points
  std::string_view letters;
};
// Latin letters of Unicode's blocks Latin-1 Supplement and Latin Extended-A, and two Romanian ones.
constexpr Spelling kSpellings[] = {
    {0xc0, 0xc5, "a"},   {0xc6, 0xc6, "ae"},   {0xc7, 0xc7, "c"},   {0xc8, 0xcb, "e"},
    {0xcc, 0xcf, "i"},   {0xd0, 0xd0, "d"},    {0xd1, 0xd1, "n"},   {0xd2, 0xd6, "o"},
    {0xd8, 0xd8, "o"},   {0xd9, 0xdc, "u"},    {0xdd, 0xdd, "y"},   {0xde, 0xde, "th"},
    {0xdf, 0xdf, "ss"},  {0xe0, 0xe5, "a"},    {0xe6, 0xe6, "ae"},  {0xe7, 0xe7, "c"},
    {0xe8, 0xeb, "e"},   {0xec, 0xef, "i"},    {0xf0, 0xf0, "d"},   {0xf1, 0xf1, "n"},
    {0xf2, 0xf6, "o"},   {0xf8, 0xf8, "o"},    {0xf9, 0xfc, "u"},   {0xfd, 0xfd, "y"},
    {0xfe, 0xfe, "th"},  {0xff, 0xff, "y"},    {0x100, 0x105, "a"}, {0x106, 0x10d, "c"},
    {0x10e, 0x111, "d"}, {0x112, 0x11b, "e"},  {0x11c, 0x123, "g"}, {0x124, 0x127, "h"},
    {0x128, 0x131, "i"}, {0x132, 0x133, "ij"}, {0x134, 0x135, "j"}, {0x136, 0x138, "k"},
    {0x139, 0x142, "l"}, {0x143, 0x14b, "n"},  {0x14c, 0x151, "o"}, {0x152, 0x153, "oe"},
    {0x154, 0x159, "r"}, {0x15a, 0x161, "s"},  {0x162, 0x167, "t"}, {0x168, 0x173, "u"},
    {0x174, 0x175, "w"}, {0x176, 0x178, "y"},  {0x179, 0x17e, "z"}, {0x17f, 0x17f, "s"},
    {0x218, 0x219, "s"}, {0x21a, 0x21b, "t"},  {0x300, 0x36f, ""},  // accents of their own
};

// Takes one code point off the front of `text`. What isn't UTF-8 counts as a point without letters.
std::uint32_t take_point(std::string_view& text) {
  const auto first = static_cast<std::uint8_t>(text.front());
  text.remove_prefix(1);
  if (first < 0x80) return first;
  std::uint32_t point = first & (first < 0xe0 ? 0x1fu : first < 0xf0 ? 0x0fu : 0x07u);
  while (!text.empty() && (text.front() & 0xc0) == 0x80) {
    point = point << 6 | (static_cast<std::uint8_t>(text.front()) & 0x3fu);
    text.remove_prefix(1);
  }
  return point;
}

// Nothing: no letter or digit that a label may have.
std::optional<std::string_view> letters_of(std::uint32_t point) {
  static constexpr std::string_view kPlain = "0123456789abcdefghijklmnopqrstuvwxyz";
  if (point < 0x80) {
    const char c = static_cast<char>(point >= 'A' && point <= 'Z' ? point - 'A' + 'a' : point);
    const auto at = kPlain.find(c);
    return at == kPlain.npos ? std::nullopt : std::optional(kPlain.substr(at, 1));
  }
  for (const auto& [first, last, letters] : kSpellings)
    if (point >= first && point <= last) return letters;
  return std::nullopt;
}

bool is_reserved(std::string_view label) {
  return std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; }) ||
         std::ranges::find(kReserved, label) != std::end(kReserved);
}

std::string claim(std::set<std::string>& taken, const std::string& label) {
  for (int number = 1;; ++number) {
    auto name = number == 1 ? label : label + "-" + std::to_string(number);
    if (taken.insert(name).second) return name;
  }
}

}  // namespace

std::string label_of(std::string_view text, std::string_view prefix) {
  std::string out;
  bool gap = false;
  while (!text.empty()) {
    const auto letters = letters_of(take_point(text));
    if (!letters) {
      gap = true;
    } else if (!letters->empty()) {
      // One hyphen at most: "xn--" would say that the label is another one in disguise (RFC 5890).
      if (gap && !out.empty()) out += '-';
      out += *letters;
      gap = false;
    }
  }
  if (out.empty()) return std::string(prefix);
  if (is_reserved(out)) out = std::string(prefix) + "-" + out;
  if (out.size() > kLongestLabel) {
    out.resize(kLongestLabel);
    if (out.back() == '-') out.pop_back();
  }
  return out;
}

std::vector<NameTable> names_of(std::span<const NamedParty> parties) {
  std::vector<NameTable> out;
  std::set<std::string> plain;
  std::set<std::string> party_labels;
  const auto zone = "." + std::string(kZone);
  for (const auto& party : parties) {
    auto& names = out.emplace_back();
    const auto domain = "." + claim(party_labels, label_of(party.name, "party")) + zone;
    std::set<std::string> labels;
    for (const auto& [nick, vip] : party.members) {
      const auto label = claim(labels, label_of(nick));
      names.emplace(label + domain, vip);
      if (plain.insert(label).second) names.emplace(label + zone, vip);
    }
  }
  return out;
}

std::set<std::string> domains_of(const NameTable& names) {
  std::set<std::string> out;
  for (const auto& [name, vip] : names) {
    const auto parent = name.substr(name.find('.') + 1);
    out.insert(parent == kZone ? name : parent);
  }
  return out;
}

}  // namespace lanrage::lan
