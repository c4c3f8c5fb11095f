#include <CLI/CLI.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "io/text_table.hpp"

namespace lanrage::cli {
namespace {

class Netcheck final : public Command {
 public:
  std::string_view name() const override { return "netcheck"; }
  std::string_view summary() const override { return "Look at your network as a server sees it"; }
  void add_options(CLI::App& app) override {
    app.add_option("--server", server_, "The control server, https://HOST[:PORT]")->required();
    app.add_option("--pin", pin_, "The server's pin, which it shows when it starts");
  }
  boost::json::object request() const override {
    boost::json::object out{{"server", server_}};
    if (!pin_.empty()) out["pin"] = pin_;
    return out;
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << "NAT:              " << text_of(result, "nat_type") << '\n'
        << "Mapping:          " << text_of(result, "mapping") << '\n'
        << "Public endpoint:  " << text_of(result, "public_endpoint") << '\n'
        << "UDP:              " << text_of(result, "udp") << '\n'
        << "IPv6:             " << text_of(result, "ipv6") << '\n'
        << "IPv6 endpoint:    " << text_of(result, "ipv6_endpoint") << '\n'
        << "Port mapping:     " << port_mapping(result) << '\n';
    io::TextTable table({"RELAY", "REGION", "RTT", "LOAD"});
    for (const auto& value : result.at("relays").get_array()) {
      const auto& relay = value.as_object();
      std::string load = text_of(relay, "load");
      if (const auto most = text_of(relay, "capacity"); !most.empty()) load += " of " + most;
      table.add({text_of(relay, "id"), text_of(relay, "region"), milliseconds(relay, "rtt_ms"),
                 std::move(load)});
    }
    table.print(out);
  }

 private:
  std::string server_, pin_;
};

}  // namespace

std::unique_ptr<Command> make_netcheck() {
  return std::make_unique<Netcheck>();
}

}  // namespace lanrage::cli
