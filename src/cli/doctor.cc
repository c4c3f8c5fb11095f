#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "io/text_table.hpp"

namespace lanrage::cli {
namespace {

class Doctor final : public Command {
 public:
  std::string_view name() const override { return "doctor"; }
  std::string_view summary() const override {
    return "Look for what is wrong on this machine and its way to your parties";
  }
  void add_options(CLI::App& app) override {
    auto* server = app.add_option("--server", server_,
                                  "Ask this control server instead of those of your parties");
    app.add_option("--pin", pin_, "Its pin, which it shows when it starts")->needs(server);
  }
  boost::json::object request() const override {
    boost::json::object out;
    if (!server_.empty()) out["server"] = server_;
    if (!pin_.empty()) out["pin"] = pin_;
    return out;
  }

  void print(const boost::json::object& result, std::ostream& out) const override {
    io::TextTable table;
    for (const auto& value : result.at("findings").get_array()) {
      const auto& finding = value.as_object();
      auto detail = text_of(finding, "detail");
      if (const auto advice = text_of(finding, "advice"); !advice.empty()) detail += "; " + advice;
      table.add({text_of(finding, "status"), text_of(finding, "check"), std::move(detail)});
    }
    table.print(out);
  }

  ExitStatus status(const boost::json::object& result) const override {
    return text_of(result, "problems") == "0" ? ExitStatus::done : ExitStatus::refused;
  }
  bool works_offline() const override { return true; }
  int timeout_seconds() const override { return 300; }  // eight parties' servers, all silent

 private:
  std::string server_, pin_;
};

}  // namespace

std::unique_ptr<Command> make_doctor() {
  return std::make_unique<Doctor>();
}

}  // namespace lanrage::cli
