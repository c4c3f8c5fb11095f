#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/nick_option.hpp"

namespace lanrage::cli {
namespace {

class Create final : public Command {
 public:
  std::string_view name() const override { return "create"; }
  std::string_view summary() const override { return "Create a party and print its invite"; }

  void add_options(CLI::App& app) override {
    app.add_option("name", name_, "What the party is called")->required();
    auto* local = app.add_flag("--local", local_, "On this LAN alone, without a server");
    auto* server = app.add_option("--server", server_, "The control server, https://HOST[:PORT]");
    local->excludes(server);
    app.add_option("--pin", pin_, "The server's pin, which it shows when it starts")->needs(server);
    app.add_option("--word", word_, "The server's join word, where it asks for one")->needs(server);
    app.callback([this] {
      if (!local_ && server_.empty())
        throw CLI::ValidationError(
            "create", "say where: --server URL, or --local for a party on this LAN alone");
    });
    app.add_option("--prefix", prefix_, "Virtual addresses of the party")
        ->default_str("10.66.0.0/16");
    app.add_flag("--keep", keep_, "Keep the party even when nobody uses it for a month");
    app.add_flag("--close-with-host", close_with_host_, "Close the party when the host leaves");
    nick_.add(app);
  }

  boost::json::object request() const override {
    boost::json::object out{{"name", name_},
                            {"nick", nick_.value()},
                            {"keep", keep_},
                            {"close_with_host", close_with_host_}};
    if (local_) out["local"] = true;
    if (!server_.empty()) out["server"] = server_;
    if (!pin_.empty()) out["pin"] = pin_;
    if (!word_.empty()) out["word"] = word_;
    if (!prefix_.empty()) out["prefix"] = prefix_;
    return out;
  }

  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "Party \"" << text_of(result, "name") << "\" is open; you are " << text_of(result, "vip")
        << ".\n\nSend this invite to your friends:\n\n  " << text_of(result, "invite")
        << "\n\nThey join with:\n\n  lanrage join '" << text_of(result, "invite") << "'\n";
  }

 private:
  std::string name_, server_, pin_, word_, prefix_;
  bool local_ = false, keep_ = false, close_with_host_ = false;
  NickOption nick_;
};

}  // namespace

std::unique_ptr<Command> make_create() {
  return std::make_unique<Create>();
}

}  // namespace lanrage::cli
