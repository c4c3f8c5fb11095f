// `lanrage promote` and `lanrage demote`.
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>

#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/party_option.hpp"

namespace lanrage::cli {
namespace {

class Deputies final : public Command {
 public:
  enum class Change { promote, demote };
  explicit Deputies(Change change) : promotes_(change == Change::promote) {}

  std::string_view name() const override { return promotes_ ? "promote" : "demote"; }
  std::string_view summary() const override {
    return promotes_ ? "Make somebody a deputy, who can invite and kick (the host only)"
                     : "Take that back";
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
    out << (nick.empty() ? peer_ : nick)
        << (promotes_ ? " is a deputy now.\n" : " is no deputy any more.\n");
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

 private:
  bool promotes_;
  std::string peer_;
  PartyOption party_;
};

}  // namespace

std::unique_ptr<Command> make_promote() {
  return std::make_unique<Deputies>(Deputies::Change::promote);
}

std::unique_ptr<Command> make_demote() {
  return std::make_unique<Deputies>(Deputies::Change::demote);
}

}  // namespace lanrage::cli
