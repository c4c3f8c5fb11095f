#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/receipts.hpp"

namespace lanrage::cli {
namespace {

class Rotate final : public Command {
 public:
  std::string_view name() const override { return "rotate"; }
  std::string_view summary() const override {
    return "Give a party another key (host and deputies)";
  }
  bool about_one_party() const override { return true; }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "The party has another key, its number " << text_of(result, "key_epoch") << ".\n";
    print_receipts(result, out);
  }
  int timeout_seconds() const override { return kGoverningTimeout; }
};

}  // namespace

std::unique_ptr<Command> make_rotate() {
  return std::make_unique<Rotate>();
}

}  // namespace lanrage::cli
