// What commands about one member of a party have in common: `lanrage kick PEER`.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "cli/answer.hpp"
#include "cli/command.hpp"

namespace lanrage::cli {

class PeerCommand : public Command {
 public:
  bool about_one_party() const override { return true; }
  void add_options(CLI::App& app) override {
    app.add_option("peer", peer_, "Peer id, nick or virtual IP")->required();
  }
  boost::json::object request() const override { return boost::json::object{{"peer", peer_}}; }

 protected:
  // By the nick that the answer has, else as the player named them.
  std::string who(const boost::json::object& result) const {
    const auto nick = text_of(result, "nick");
    return nick.empty() ? peer_ : nick;
  }

 private:
  std::string peer_;
};

}  // namespace lanrage::cli
