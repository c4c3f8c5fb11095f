// lanrage-demo: the whole job in network namespaces, told step by step or measured as JSON.
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "demo.hpp"
#include "support/nat_rules.hpp"

namespace {

using lanrage::lab::DemoOptions;
using lanrage::lab::NatKind;

constexpr int kBadUsage = 2;
constexpr std::string_view kUsage =
    "usage: lanrage-demo [--nat-a KIND] [--nat-b KIND] [--game] [--json]\n"
    "A server and two players behind NATs in network namespaces: create, join, ping, status.\n"
    "--game: the host serves Chocolate Doom too, and the joiner's copy searches the LAN for it.\n"
    "--nat-a is the host's NAT, --nat-b the joiner's; by default both port_restricted_cone.\n"
    "KIND: ";

// The kind, or nothing after a message.
std::optional<NatKind> parse_kind(std::string_view option, std::string_view name) {
  const auto kind = lanrage::lab::nat_kind_from(name);
  if (!kind)
    std::cerr << "lanrage-demo: " << option << ": unknown NAT kind '" << name
              << "'; choose one of: " << lanrage::lab::nat_kind_names() << '\n';
  return kind;
}

std::optional<DemoOptions> parse(const std::vector<std::string_view>& words) {
  DemoOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--json") {
      options.json = true;
    } else if (words[i] == "--game") {
      options.game = true;
    } else if (words[i] == "--nat-a" || words[i] == "--nat-b") {
      if (i + 1 == words.size()) {
        std::cerr << "lanrage-demo: " << words[i]
                  << " needs a NAT kind: " << lanrage::lab::nat_kind_names() << '\n';
        return std::nullopt;
      }
      const auto kind = parse_kind(words[i], words[i + 1]);
      if (!kind) return std::nullopt;
      (words[i] == "--nat-a" ? options.nat_a : options.nat_b) = *kind;
      ++i;
    } else {
      std::cerr << "lanrage-demo: unknown argument '" << words[i] << "'\n"
                << kUsage << lanrage::lab::nat_kind_names() << '\n';
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() == 1 && (words[0] == "--help" || words[0] == "-h")) {
    std::cout << kUsage << lanrage::lab::nat_kind_names() << '\n';
    return 0;
  }
  const auto options = parse(words);
  if (!options) return kBadUsage;
  if (::geteuid() != 0) {
    std::cerr << "lanrage-demo: needs root to make network namespaces; run it with sudo, or as "
                 "./dev demo\n";
    return 1;
  }
  try {
    std::ostream silence(nullptr);
    const auto report = lanrage::lab::run_demo(*options, options->json ? silence : std::cout);
    if (options->json) std::cout << to_json(*options, report) << '\n';
    const auto meeting = lanrage::lab::expected_meeting(options->nat_a, options->nat_b);
    const bool met = report.ping.received > 0;
    if (report.games_found && report.games_found->empty()) return 1;
    return met || meeting == lanrage::lab::Meeting::none ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "lanrage-demo: " << error.what() << '\n';
    return 1;
  }
}
