#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "io/text_table.hpp"

namespace lanrage::cli {
namespace {

class Games final : public Command {
 public:
  std::string_view name() const override { return "games"; }
  std::string_view summary() const override { return "Show the games that are hosted in a party"; }
  bool about_one_party() const override { return true; }

  void print(const boost::json::object& result, std::ostream& out) const override {
    const auto& games = result.at("games").get_array();
    if (games.empty()) {
      out << "Nobody hosts a game that lanrage knows (docs/games.md lists them). Others are played "
             "as "
             "well: the game's own list of LAN games shows them, or join by the host's virtual IP, "
             "which "
             "`lanrage status` shows.\n";
      return;
    }
    io::TextTable table({"GAME", "TITLE", "PLAYER", "ADDRESS", "PLAYERS", "PING"});
    for (const auto& value : games) {
      const auto& game = value.as_object();
      table.add({text_of(game, "game"), or_dash(text_of(game, "title")), text_of(game, "player"),
                 text_of(game, "address"), players_of(game), milliseconds(game, "rtt_ms")});
    }
    table.print(out);
  }

 private:
  static std::string or_dash(std::string text) { return text.empty() ? "-" : std::move(text); }
  // "2/8", or what is known of it.
  static std::string players_of(const boost::json::object& game) {
    const auto players = text_of(game, "players");
    const auto most = text_of(game, "max_players");
    if (most.empty()) return or_dash(players);
    return or_dash(players) + '/' + most;
  }
};

}  // namespace

std::unique_ptr<Command> make_games() {
  return std::make_unique<Games>();
}

}  // namespace lanrage::cli
