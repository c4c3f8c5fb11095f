#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/party_option.hpp"
#include "cli/receipts.hpp"

namespace lanrage::cli {
namespace {

class Kick final : public Command {
 public:
  std::string_view name() const override { return "kick"; }
  std::string_view summary() const override {
    return "Remove somebody from a party (host and deputies)";
  }
  void add_options(CLI::App& app) override {
    app.add_option("peer", peer_, "Peer id, nick or virtual IP")->required();
    party_.add(app);
  }
  boost::json::object request() const override {
    boost::json::object out{{"peer", peer_}};
    party_.put(out);
    return out;
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    const auto nick = text_of(result, "nick");
    out << (nick.empty() ? peer_ : nick) << " is out of the party, which has a new key now.\n";
    print_receipts(result, out);
  }
  int timeout_seconds() const override { return kGoverningTimeout; }

 private:
  std::string peer_;
  PartyOption party_;
};

}  // namespace

std::unique_ptr<Command> make_kick() {
  return std::make_unique<Kick>();
}

}  // namespace lanrage::cli
