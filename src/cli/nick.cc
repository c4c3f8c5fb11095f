#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/party_option.hpp"

namespace lanrage::cli {
namespace {

class Nick final : public Command {
 public:
  std::string_view name() const override { return "nick"; }
  std::string_view summary() const override { return "Change your name in a party"; }
  void add_options(CLI::App& app) override {
    app.add_option("name", nick_, "The new name, 1 to 32 characters")->required();
    party_.add(app);
  }
  boost::json::object request() const override {
    boost::json::object out{{"nick", nick_}};
    party_.put(out);
    return out;
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "You are now " << text_of(result, "nick") << ".\n";
  }

 private:
  std::string nick_;
  PartyOption party_;
};

}  // namespace

std::unique_ptr<Command> make_nick() {
  return std::make_unique<Nick>();
}

}  // namespace lanrage::cli
