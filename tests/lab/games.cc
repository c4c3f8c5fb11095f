#include "games.hpp"

#include <filesystem>
#include <sstream>

#include "game_server.hpp"

namespace lanrage::lab {
namespace {

std::string word_of(const std::string& line, std::size_t index) {
  std::istringstream words(line);
  std::string word;
  for (std::size_t i = 0; i <= index; ++i)
    if (!(words >> word)) return {};
  return word;
}

// Both sides are the game itself.
class ChocolateDoom : public Game {
 public:
  GameFacts facts() const override {
    return {"Chocolate Doom", "chocolate-server", "chocolate-doom", "chocolate-doom"};
  }
  void host(const NetNamespace& netns) override {
    server_ = std::make_unique<GameProgram>(netns, Argv{"chocolate-server", "-privateserver"});
    server_->wait_until_listening(netns, Transport::udp, kPort);
  }
  std::set<IpAddress> search(const NetNamespace& netns) override {
    return listed(netns, {"-localsearch"});
  }
  bool answers(const NetNamespace& netns, const IpAddress& at) override {
    return listed(netns, {"-query", at.to_string()}).contains(at);
  }

 private:
  static constexpr std::uint16_t kPort = 2342;
  static constexpr Millis kLimit{30'000};  // it gives up after six seconds

  // "   1 10.66.0.1             0/4 Unnamed server"
  static std::set<IpAddress> listed(const NetNamespace& netns, const Argv& words) {
    const GameHome home;
    Argv argv{"chocolate-doom"};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto result =
        run(GameHome::command(argv),
            {.netns_fd = netns.fd(), .timeout = kLimit, .environment = home.environment()});
    std::set<IpAddress> out;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);)
      if (const auto address = IpAddress::parse(word_of(line, 1))) out.insert(*address);
    return out;
  }

  std::unique_ptr<GameProgram> server_;
};

// Both sides are the game itself; for want of a window, a preloaded library presses its button.
class OpenTtd : public Game {
 public:
  GameFacts facts() const override {
    return {"OpenTTD", "openttd", "openttd", "openttd openttd-opengfx"};
  }
  void host(const NetNamespace& netns) override {
    server_ = std::make_unique<GameProgram>(netns, Argv{"openttd", "-D", "-x"});
    server_->wait_until_listening(netns, Transport::udp, kPort);
    // It listens before it has a map, and answers afterwards.
    if (!says(*server_, kHasMap, kStart))
      throw LabError("OpenTTD's server didn't start:\n" + server_->process().err());
  }
  std::set<IpAddress> search(const NetNamespace& netns) override {
    GameProgram client(netns,
                       {"openttd", "-v", "sdl", "-b", "8bpp-simple", "-s", "null", "-m", "null",
                        "-r", "640x480", "-x", "-d", "net=5"},
                       {{"LD_PRELOAD", LANRAGE_LAB_SEARCH_LAN}});
    if (!says(client, kSearching, kStart))
      throw LabError("OpenTTD didn't search:\n" + client.process().err());
    says(client, kFound, kSearch);
    std::set<IpAddress> out;
    std::istringstream lines(client.process().err());
    for (std::string line; std::getline(lines, line);) {
      const auto at = line.find(kFound);
      if (at == std::string::npos) continue;
      if (const auto found = Endpoint::parse(word_of(line.substr(at + kFound.size()), 0)))
        out.insert(found->address);
    }
    return out;
  }
  bool answers(const NetNamespace& netns, const IpAddress& at) override {
    return accepts_tcp(netns, {at, kPort}, kSearch);
  }

 private:
  static constexpr std::uint16_t kPort = 3979;
  static constexpr Millis kStart{60'000};
  static constexpr std::string_view kHasMap = "Map generated";
  static constexpr std::string_view kSearching = "Broadcasting to ";
  static constexpr std::string_view kFound = "Server response from ";

  // Within `limit`, on standard error.
  static bool says(GameProgram& program, std::string_view words, Millis limit) {
    const auto said = [&] { return program.process().err().find(words) != std::string::npos; };
    return eventually(limit, [&] { return said() || !program.process().running(); }) && said();
  }

  std::unique_ptr<GameProgram> server_;
};

}  // namespace

bool Game::is_installed() const {
  for (const auto program : {facts().server, facts().client})
    if (!program.empty() && !std::filesystem::exists(game_program(program))) return false;
  return true;
}

std::unique_ptr<Game> chocolate_doom() {
  return std::make_unique<ChocolateDoom>();
}

std::unique_ptr<Game> openttd() {
  return std::make_unique<OpenTtd>();
}

std::vector<std::unique_ptr<Game>> all_games() {
  std::vector<std::unique_ptr<Game>> out;
  for (auto* make : {chocolate_doom, openttd, teeworlds, bzflag, freeciv, minecraft})
    out.push_back(make());
  return out;
}

}  // namespace lanrage::lab
