#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/nick_option.hpp"

namespace lanrage::cli {
namespace {

class Join final : public Command {
 public:
  std::string_view name() const override { return "join"; }
  std::string_view summary() const override { return "Join a party by its invite"; }

  void add_options(CLI::App& app) override {
    app.add_option("invite", words_, "The invite, lanrage://...; words around it don't matter")
        ->required();
    nick_.add(app);
  }

  boost::json::object request() const override {
    std::string text;  // an unquoted paste with words around arrives as several arguments
    for (const auto& word : words_)
      text += (text.empty() ? "" : " ") + word;
    return {{"invite", text}, {"nick", nick_.value()}};
  }

  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "You are in \"" << text_of(result, "name") << "\" as " << text_of(result, "vip")
        << ".\n";
    const auto* peers = result.if_contains("peers");
    if (peers == nullptr || !peers->is_array() || peers->get_array().empty()) return;
    out << "Also here:";
    for (const auto& peer : peers->get_array())
      out << ' ' << text_of(peer.as_object(), "nick") << " (" << text_of(peer.as_object(), "vip")
          << ')';
    out << "\nSee `lanrage status`.\n";
  }

  int timeout_seconds() const override { return 90; }  // registers, opens the invite, joins

 private:
  std::vector<std::string> words_;
  NickOption nick_;
};

}  // namespace

std::unique_ptr<Command> make_join() {
  return std::make_unique<Join>();
}

}  // namespace lanrage::cli
