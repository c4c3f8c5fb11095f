// --nick, by default the user's login name.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace lanrage::cli {

class NickOption {
 public:
  void add(CLI::App& app) {
    app.add_option("--nick", nick_, "Your name in the party (default: your login name)");
  }
  std::string value() const;

 private:
  std::string nick_;
};

}  // namespace lanrage::cli
