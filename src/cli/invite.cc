#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/qr_code.hpp"

namespace lanrage::cli {
namespace {

class Invite final : public Command {
 public:
  std::string_view name() const override { return "invite"; }
  std::string_view summary() const override { return "Make a new invite (host and deputies)"; }
  bool about_one_party() const override { return true; }

  void add_options(CLI::App& app) override {
    app.add_option("--expires", expires_s_, "How long it is good, such as 90m, 24h or 7d")
        ->transform(CLI::AsNumberWithUnit(
            std::map<std::string, std::int64_t>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}},
            CLI::AsNumberWithUnit::UNIT_REQUIRED, "DURATION"))
        ->default_str("24h");
    app.add_option("--uses", uses_, "How many may join by it")->capture_default_str();
    app.add_flag("--qr", qr_, "Show a QR code of it as well, for a phone's camera");
  }

  boost::json::object request() const override {
    return {{"expires_s", expires_s_}, {"uses", uses_}};
  }

  void print(const boost::json::object& result, std::ostream& out) const override {
    const auto invite = text_of(result, "invite");
    if (qr_) out << qr_code(invite, is_terminal(out));
    out << invite << '\n';
  }

 private:
  std::int64_t expires_s_ = 86400;
  int uses_ = 16;
  bool qr_ = false;
};

}  // namespace

std::unique_ptr<Command> make_invite() {
  return std::make_unique<Invite>();
}

}  // namespace lanrage::cli
