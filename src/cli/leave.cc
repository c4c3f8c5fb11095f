#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/party_option.hpp"

namespace lanrage::cli {
namespace {

class Leave final : public Command {
 public:
  std::string_view name() const override { return "leave"; }
  std::string_view summary() const override { return "Leave a party"; }
  void add_options(CLI::App& app) override { party_.add(app); }
  boost::json::object request() const override {
    boost::json::object out;
    party_.put(out);
    return out;
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "You have left \"" << text_of(result, "name") << "\".\n";
  }

 private:
  PartyOption party_;
};

}  // namespace

std::unique_ptr<Command> make_leave() {
  return std::make_unique<Leave>();
}

}  // namespace lanrage::cli
