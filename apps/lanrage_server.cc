// lanrage-server: control server, relay and STUN responder in one process.
#include <cstdio>
#include <iostream>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "server/admin_commands.hpp"
#include "server/options.hpp"
#include "server/program.hpp"

int main(int argc, char** argv) {
  using namespace lanrage;
  ::umask(077);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto invocation = server::parse_options(arguments, LANRAGE_VERSION);
  if (!invocation) {
    const auto& [status, text] = invocation.error();
    std::fputs(text.c_str(), status == 0 ? stdout : stderr);
    return status;
  }
  if (invocation->command != server::Command::serve)
    return server::run_subcommand(*invocation, std::cout, std::cerr);

  io::Log log(stderr, invocation->config.log_level);
  const server::Run run{LANRAGE_VERSION, invocation->config,
                        [&arguments] { return server::reread_config(arguments); }, stdout};
  if (auto served = server::serve(run, log); !served) {
    std::fprintf(stderr, "lanrage-server: %s\n", served.error().message().c_str());
    return 1;
  }
  return 0;
}
