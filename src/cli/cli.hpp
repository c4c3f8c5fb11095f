// The command line of `lanrage`, all but `daemon`: parse, ask the agent, print.
#pragma once

#include <ostream>

namespace lanrage::cli {

// Runs one command line and returns its exit status (ExitStatus in command.hpp).
int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

}  // namespace lanrage::cli
