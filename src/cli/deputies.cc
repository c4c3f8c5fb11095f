// `lanrage promote` and `lanrage demote`.
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>

#include "cli/peer_command.hpp"
#include "cli/receipts.hpp"

namespace lanrage::cli {
namespace {

class Deputies : public PeerCommand {
 public:
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << who(result) << outcome() << ".\n";
    const auto& deputies = result.at("deputies").get_array();
    if (deputies.empty()) {
      out << "The party has no deputies.\n";
      return;
    }
    std::string_view before = "Deputies: ";
    for (const auto& deputy : deputies) {
      out << before << text_of(deputy.as_object(), "nick");
      before = ", ";
    }
    out << '\n';
  }
  int timeout_seconds() const override { return kGoverningTimeout; }

 private:
  virtual std::string_view outcome() const = 0;
};

class Promote final : public Deputies {
 public:
  std::string_view name() const override { return "promote"; }
  std::string_view summary() const override {
    return "Make somebody a deputy, who can invite and kick, or the host (the host only)";
  }
  void add_options(CLI::App& app) override {
    Deputies::add_options(app);
    app.add_flag("--host", host_, "Hand them the whole party; you stay as a deputy");
  }
  boost::json::object request() const override {
    auto out = Deputies::request();
    if (host_) out["host"] = true;
    return out;
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    Deputies::print(result, out);
    if (!host_) return;
    if (text_of(result, "forgotten") == "yes")
      out << "This device has forgotten the party's root key.\n";
    else
      out << "This device forgets the party's root key as soon as theirs has confirmed.\n";
  }

 private:
  std::string_view outcome() const override {
    return host_ ? " is the host now" : " is a deputy now";
  }

  bool host_ = false;
};

class Demote final : public Deputies {
 public:
  std::string_view name() const override { return "demote"; }
  std::string_view summary() const override { return "Make a deputy a member like others"; }

 private:
  std::string_view outcome() const override { return " is no deputy any more"; }
};

}  // namespace

std::unique_ptr<Command> make_promote() {
  return std::make_unique<Promote>();
}

std::unique_ptr<Command> make_demote() {
  return std::make_unique<Demote>();
}

}  // namespace lanrage::cli
