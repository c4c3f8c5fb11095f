#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/party_option.hpp"
#include "cli/receipts.hpp"

namespace lanrage::cli {
namespace {

class Rotate final : public Command {
 public:
  std::string_view name() const override { return "rotate"; }
  std::string_view summary() const override {
    return "Give a party another key (host and deputies)";
  }
  void add_options(CLI::App& app) override { party_.add(app); }
  boost::json::object request() const override {
    boost::json::object out;
    party_.put(out);
    return out;
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "The party has another key, its number " << text_of(result, "key_epoch") << ".\n";
    print_receipts(result, out);
  }
  int timeout_seconds() const override { return kGoverningTimeout; }

 private:
  PartyOption party_;
};

}  // namespace

std::unique_ptr<Command> make_rotate() {
  return std::make_unique<Rotate>();
}

}  // namespace lanrage::cli
