#include "cli/answer.hpp"
#include "cli/command.hpp"

namespace lanrage::cli {
namespace {

class Leave final : public Command {
 public:
  std::string_view name() const override { return "leave"; }
  std::string_view summary() const override { return "Leave a party"; }
  bool about_one_party() const override { return true; }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "You have left \"" << text_of(result, "name") << "\".\n";
  }
};

}  // namespace

std::unique_ptr<Command> make_leave() {
  return std::make_unique<Leave>();
}

}  // namespace lanrage::cli
