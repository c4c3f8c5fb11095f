// `lanrage open` and `lanrage close`.
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "lan/ports.hpp"

namespace lanrage::cli {
namespace {

constexpr const char* kAll = "all";
constexpr std::string_view kNoGuard =
    "This kernel has no nftables, so no filter of lanrage's is in between: only your own firewall "
    "keeps anybody from any port.\n";

// An empty text: everything is right with it.
std::string check_ports(const std::string& text) {
  if (text == kAll) return "";
  const auto range = lan::PortRange::parse(text);
  return range ? "" : range.error().message() + "; or all";
}

// "TCP port 22", "UDP ports 6000 to 6010"; other texts as they are.
std::string words(const std::string& text) {
  const auto range = lan::PortRange::parse(text);
  if (!range) return text;
  const auto& [transport, first, last] = *range;
  const std::string protocol = transport == lan::Transport::tcp ? "TCP" : "UDP";
  if (first == last) return protocol + " port " + std::to_string(first);
  return protocol + " ports " + std::to_string(first) + " to " + std::to_string(last);
}

std::string joined(const boost::json::object& result, std::string_view key) {
  std::string out;
  const auto* list = result.if_contains(key);
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& each : list->get_array())
    if (const auto* text = each.if_string()) out += (out.empty() ? "" : ", ") + std::string(*text);
  return out;
}

std::string numbers(const lan::PortRange& range) {
  const auto text = range.to_string();
  return text.substr(0, text.find('/'));
}

// "TCP from 1024 on, but not 1433, 5900-5909": a long list of ranges says less.
std::string by_default(const boost::json::object& result, lan::Transport transport) {
  lan::PortSet open;
  const auto* list = result.if_contains("default");
  if (list == nullptr || !list->is_array()) return "";
  for (const auto& each : list->get_array()) {
    const auto* text = each.if_string();
    const auto range = lan::PortRange::parse(text != nullptr ? std::string_view(*text) : "");
    if (range && range->transport == transport) open.add(*range);
  }
  if (open.empty()) return "";
  const auto first = open.ranges().front().first;
  lan::PortSet shut{{transport, first, open.ranges().back().last}};
  shut.remove(open);
  std::string out = transport == lan::Transport::tcp ? "TCP" : "UDP";
  out += " from " + std::to_string(first);
  out += open.ranges().back().last == 65'535 ? " on"
                                             : " to " + std::to_string(open.ranges().back().last);
  for (const auto& range : shut.ranges())
    out += (range == shut.ranges().front() ? ", but not " : ", ") + numbers(range);
  return out;
}

std::string everybody(const boost::json::object& result) {
  return "Everybody in \"" + text_of(result, "name") + "\"";
}

class PortCommand : public Command {
 public:
  bool about_one_party() const override { return true; }
  void add_options(CLI::App& app) override {
    option_ = app.add_option("ports", ports_, "22/tcp, 6000-6010/udp, or all")->check(check_ports);
  }
  boost::json::object request() const override {
    return ports_.empty() ? boost::json::object{} : boost::json::object{{"ports", ports_}};
  }

 protected:
  CLI::Option* option_ = nullptr;

 private:
  std::string ports_;
};

class Open final : public PortCommand {
 public:
  std::string_view name() const override { return "open"; }
  std::string_view summary() const override {
    return "Let a party reach a port of this machine, or show what it reaches";
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    const auto ports = text_of(result, "ports");
    if (text_of(result, "guarded") != "yes") out << kNoGuard;
    if (ports.empty())
      list(result, out);
    else if (ports == kAll)
      out << everybody(result) << " can reach all that listens on this machine now, file shares, "
          << "remote logins and databases included. `lanrage close all` takes that back.\n";
    else if (text_of(result, "by_default") == "yes")
      out << everybody(result) << " can reach " << words(ports)
          << " of this machine in any case: games use such ports.\n";
    else
      out << everybody(result) << " can reach " << words(ports)
          << " of this machine now. `lanrage close " << ports << "` takes that back.\n";
  }

 private:
  static void list(const boost::json::object& result, std::ostream& out) {
    const auto opened = joined(result, "opened");
    out << everybody(result) << " can reach, by " << text_of(result, "interface") << ":\n";
    if (text_of(result, "all") == "yes") {
      out << "  all that listens on this machine (`lanrage close all` takes that back)\n";
      return;
    }
    for (const auto transport : {lan::Transport::tcp, lan::Transport::udp})
      if (const auto text = by_default(result, transport); !text.empty())
        out << "  by default     " << text << '\n';
    out << "  opened by you  " << (opened.empty() ? "nothing" : opened) << '\n'
        << "Ping and answers to what this machine asks come in, too.\n";
  }
};

class Close final : public PortCommand {
 public:
  std::string_view name() const override { return "close"; }
  std::string_view summary() const override { return "Take back what `lanrage open` opened"; }
  void add_options(CLI::App& app) override {
    PortCommand::add_options(app);
    option_->required();
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    const auto ports = text_of(result, "ports");
    const auto party = '"' + text_of(result, "name") + '"';
    const auto still = joined(result, "still_open");
    if (text_of(result, "guarded") != "yes") out << kNoGuard;
    if (ports == kAll)
      out << party << " reaches what games need of this machine, and nothing else any more.\n";
    else if (still.empty())
      out << "Nobody in " << party << " can reach " << words(ports)
          << " of this machine any more; connections there are cut off.\n";
    else
      out << "What you opened of " << words(ports) << " is closed, but everybody in " << party
          << " still reaches " << still << ": games use such ports.\n";
  }
};

}  // namespace

std::unique_ptr<Command> make_open() {
  return std::make_unique<Open>();
}

std::unique_ptr<Command> make_close() {
  return std::make_unique<Close>();
}

}  // namespace lanrage::cli
