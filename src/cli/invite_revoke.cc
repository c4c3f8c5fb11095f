#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/receipts.hpp"

namespace lanrage::cli {
namespace {

class InviteRevoke final : public Command {
 public:
  std::string_view parent() const override { return "invite"; }
  std::string_view name() const override { return "revoke"; }
  std::string_view summary() const override { return "End an invite (host and deputies)"; }
  bool about_one_party() const override { return true; }
  void add_options(CLI::App& app) override {
    app.add_option("id", id_, "Its id, as `invite list` shows it, or the invite itself")
        ->required();
  }
  boost::json::object request() const override { return boost::json::object{{"id", id_}}; }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "Nobody can join by " << text_of(result, "revoked")
        << " any more, and the party has a new key.\n";
    print_receipts(result, out);
  }
  int timeout_seconds() const override { return kGoverningTimeout; }

 private:
  std::string id_;
};

}  // namespace

std::unique_ptr<Command> make_invite_revoke() {
  return std::make_unique<InviteRevoke>();
}

}  // namespace lanrage::cli
