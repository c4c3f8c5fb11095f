// A game's dedicated server from Debian, in a namespace, with a home of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "support/namespace.hpp"
#include "support/nat_rules.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::lab {

// Whether a program in `netns` has that port, on any address.
bool is_listening(const NetNamespace& netns, Transport transport, std::uint16_t port);
bool accepts_tcp(const NetNamespace& netns, const Endpoint& at, Millis limit);

// Debian keeps games outside root's PATH.
std::string game_program(std::string_view name);

// Where a game keeps its things.
class GameHome {
 public:
  GameHome();
  const std::filesystem::path& path() const { return directory_.path(); }
  // To start a game's program with: by a user of its own, as some refuse to run for root.
  static Argv command(const Argv& argv);
  // Without sound or a window, and with this home.
  std::map<std::string, std::string> environment() const;

 private:
  TempDir directory_;
};

// A game's program with a home of its own.
class GameProgram {
 public:
  GameProgram(const NetNamespace& netns, const Argv& argv,
              std::map<std::string, std::string> environment = {});

  Process& process() { return *process_; }
  // Throws LabError, with the program's last words.
  void wait_until_listening(const NetNamespace& netns, Transport transport, std::uint16_t port);

 private:
  GameHome home_;
  std::unique_ptr<Process> process_;
};

}  // namespace lanrage::lab
