// lanrage-server: control server, relay and STUN responder in one process.
#include <cstdio>
#include <iostream>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "io/core_dumps.hpp"
#include "server/admin_commands.hpp"
#include "server/confinement.hpp"
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

  io::forbid_core_dumps();
  io::Log log(stderr, invocation->config.log_level);
  if (auto shut = server::shut_in(invocation->config, invocation->config_file, log); !shut) {
    std::fprintf(stderr, "lanrage-server: %s\n", shut.error().message().c_str());
    return 1;
  }
  const server::Run run{LANRAGE_VERSION, invocation->config,
                        [&arguments] { return server::reread_config(arguments); },
                        [&config = invocation->config] { return server::shut_in_further(config); },
                        stdout};
  if (auto served = server::serve(run, log); !served) {
    std::fprintf(stderr, "lanrage-server: %s\n", served.error().message().c_str());
    return 1;
  }
  return 0;
}
