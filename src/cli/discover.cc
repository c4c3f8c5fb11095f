#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "io/text_table.hpp"

namespace lanrage::cli {
namespace {

class Discover final : public Command {
 public:
  std::string_view name() const override { return "discover"; }
  std::string_view summary() const override { return "Look for parties hosted on this LAN"; }

  void print(const boost::json::object& result, std::ostream& out) const override {
    const auto& parties = result.at("parties").get_array();
    if (parties.empty()) {
      out << "Nobody hosts a party on this LAN. `lanrage create NAME --local` does.\n";
      return;
    }
    io::TextTable table({"NAME", "HOST", "MEMBERS", "SERVER", "ID", "JOINED"});
    for (const auto& value : parties) {
      const auto& party = value.as_object();
      table.add({text_of(party, "name"), text_of(party, "host"), text_of(party, "members"),
                 text_of(party, "server"), text_of(party, "id"), text_of(party, "joined")});
    }
    table.print(out);
    out << "\nThis is what somebody on the LAN says, and no way in: ask the host for the invite, "
           "then `lanrage join INVITE`.\n";
  }
};

}  // namespace

std::unique_ptr<Command> make_discover() {
  return std::make_unique<Discover>();
}

}  // namespace lanrage::cli
