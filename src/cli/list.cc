#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "io/text_table.hpp"

namespace lanrage::cli {
namespace {

class List final : public Command {
 public:
  std::string_view name() const override { return "list"; }
  std::string_view summary() const override { return "List your parties"; }

  void print(const boost::json::object& result, std::ostream& out) const override {
    io::TextTable table({"NAME", "ID", "VIP", "PEERS", "SERVER"});
    for (const auto& value : result.at("parties").get_array()) {
      const auto& party = value.as_object();
      table.add({text_of(party, "name"), text_of(party, "id"), text_of(party, "vip"),
                 text_of(party, "peers"), text_of(party, "server")});
    }
    table.print(out);
  }
};

}  // namespace

std::unique_ptr<Command> make_list() {
  return std::make_unique<List>();
}

}  // namespace lanrage::cli
