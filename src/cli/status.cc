#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "io/text_table.hpp"

namespace lanrage::cli {
namespace {

namespace json = boost::json;

class Status final : public Command {
 public:
  std::string_view name() const override { return "status"; }
  std::string_view summary() const override { return "Show your parties and the paths to peers"; }

  void print(const json::object& result, std::ostream& out) const override {
    if (const auto* warnings = result.if_contains("warnings"); warnings && warnings->is_array())
      for (const auto& warning : warnings->get_array())
        out << "Warning: " << std::string_view(warning.as_string()) << '\n';
    const auto* parties = result.if_contains("parties");
    if (parties == nullptr || parties->get_array().empty()) {
      out << "You are in no party. `lanrage create` makes one, `lanrage join INVITE` joins one.\n";
      return;
    }
    bool first = true;
    for (const auto& party : parties->get_array()) {
      if (!first) out << '\n';
      first = false;
      print_party(party.as_object(), out);
    }
  }

 private:
  static std::string vip_interface(const json::object& party) {
    auto lan = text_of(party, "lan_interface");
    return lan.empty() ? text_of(party, "interface") : lan;
  }

  static void print_party(const json::object& party, std::ostream& out) {
    const auto& self = object_of(party, "self");
    const auto& server = object_of(party, "server");
    out << text_of(party, "name") << "  you: " << text_of(self, "nick") << ' '
        << text_of(self, "vip") << "  on " << vip_interface(party) << "  server "
        << text_of(server, "url") << ' ' << text_of(server, "state") << '\n';
    if (const auto mapping = port_mapping(party); mapping != "none")
      out << "  The router forwards a port to you: " << mapping << '\n';
    if (const auto note = text_of(self, "note"); !note.empty())
      out << "  For you: " << note << ".\n";
    if (const auto* alerts = party.if_contains("alerts"); alerts && alerts->is_array())
      for (const auto& alert : alerts->get_array())
        print_alert(alert.as_object(), out);
    const auto& peers = party.at("peers").get_array();
    if (peers.empty()) {
      out << "  Nobody else is here yet.\n";
      return;
    }
    io::TextTable table({"PEER", "VIP", "PATH", "RTT", "LOSS", "VIA", "WHY RELAYED"});
    for (const auto& value : peers) {
      const auto& peer = value.as_object();
      table.add({text_of(peer, "nick"), text_of(peer, "vip"), path_of(peer),
                 milliseconds(peer, "rtt_ms"), percent(peer, "loss"), text_of(peer, "endpoint"),
                 text_of(peer, "why_relayed")});
    }
    table.print(out, "  ");
  }

  static void print_alert(const json::object& alert, std::ostream& out) {
    const auto until = text_of(alert, "until");
    const auto since = moment(text_of(alert, "since"));
    out << (until.empty() ? "  Alert, since " + since
                          : "  Past alert, " + since + " to " + moment(until))
        << ": " << text_of(alert, "message") << ".\n";
  }

  // "2026-01-31T12:00:00.250Z" to the second, as a person writes it.
  static std::string moment(const std::string& time) {
    if (time.size() < 19) return time;
    return time.substr(0, 10) + ' ' + time.substr(11, 8) + " UTC";
  }

  // What a person should notice of its state. Who is offline is no failure of ours.
  static std::string path_of(const json::object& peer) {
    auto path = text_of(peer, "path");
    auto state = text_of(peer, "state");
    if (state == "degraded") return path + ", degraded";
    if (state == "failed" && path == "connecting") return state;
    return path;
  }

  static std::string percent(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (value == nullptr || !value->is_number()) return "-";
    char text[16];
    std::snprintf(text, sizeof text, "%.0f %%", value->to_number<double>() * 100);
    return text;
  }
};

}  // namespace

std::unique_ptr<Command> make_status() {
  return std::make_unique<Status>();
}

}  // namespace lanrage::cli
