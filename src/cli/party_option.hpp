// --party, for commands about one party where the agent is in several.
#pragma once

#include <CLI/App.hpp>
#include <boost/json/object.hpp>
#include <string>

namespace lanrage::cli {

class PartyOption {
 public:
  void add(CLI::App& app) {
    app.add_option("--party", party_, "The party's id or name, where you are in several");
  }
  void put(boost::json::object& request) const {
    if (!party_.empty()) request["party"] = party_;
  }

 private:
  std::string party_;
};

}  // namespace lanrage::cli
