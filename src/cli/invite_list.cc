#include <boost/json/array.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "io/text_table.hpp"

namespace lanrage::cli {
namespace {

class InviteList final : public Command {
 public:
  std::string_view parent() const override { return "invite"; }
  std::string_view name() const override { return "list"; }
  std::string_view summary() const override { return "List a party's invites"; }
  bool about_one_party() const override { return true; }

  void print(const boost::json::object& result, std::ostream& out) const override {
    const auto& invites = result.at("invites").get_array();
    if (invites.empty()) {
      out << "The party has no invites. `lanrage invite` makes one.\n";
      return;
    }
    io::TextTable table({"ID", "MADE BY", "USED", "EXPIRES", "STATE"});
    for (const auto& value : invites) {
      const auto& invite = value.as_object();
      const auto& by = object_of(invite, "made_by");
      const auto nick = text_of(by, "nick");
      table.add({text_of(invite, "id"), nick.empty() ? text_of(by, "peer_id") : nick,
                 text_of(invite, "used") + " of " + text_of(invite, "uses"),
                 text_of(invite, "expires_at"), words(text_of(invite, "state"))});
    }
    table.print(out);
  }

 private:
  static std::string words(std::string state) { return state == "used_up" ? "used up" : state; }
};

}  // namespace

std::unique_ptr<Command> make_invite_list() {
  return std::make_unique<InviteList>();
}

}  // namespace lanrage::cli
