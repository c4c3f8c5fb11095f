#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"

namespace lanrage::cli {
namespace {

class Nick final : public Command {
 public:
  std::string_view name() const override { return "nick"; }
  std::string_view summary() const override { return "Change your name in a party"; }
  bool about_one_party() const override { return true; }
  void add_options(CLI::App& app) override {
    app.add_option("name", nick_, "The new name, 1 to 32 characters")->required();
  }
  boost::json::object request() const override { return boost::json::object{{"nick", nick_}}; }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "You are now " << text_of(result, "nick") << ".\n";
  }

 private:
  std::string nick_;
};

}  // namespace

std::unique_ptr<Command> make_nick() {
  return std::make_unique<Nick>();
}

}  // namespace lanrage::cli
