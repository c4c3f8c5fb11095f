// The command line of `lanrage`, all but `daemon`: parse, ask the agent, print.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <ostream>
#include <string>

namespace lanrage::cli {

// What stands in for the agent's answer where it can't be asked.
struct Offline {
  std::function<boost::json::object(const std::string& problem)> doctor;
};

// Runs one command line and returns its exit status (ExitStatus in command.hpp).
int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
        const Offline& offline = {});

}  // namespace lanrage::cli
