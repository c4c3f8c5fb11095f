// Games as players run them: a server that others on a LAN can find, and the search for it.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "support/namespace.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

struct GameFacts {
  std::string_view name;
  // Programs, of Debian's packages. Without a server both sides are emulated; without a client the
  // search is: we send what the game's own sends, because that one needs a window.
  std::string_view server;
  std::string_view client;
  std::string_view packages;
};

class Game {
 public:
  virtual ~Game() = default;
  virtual GameFacts facts() const = 0;
  bool is_installed() const;

  // Starts the server, by itself on its port, and waits until it listens. Throws LabError.
  virtual void host(const NetNamespace& netns) = 0;
  // Who answers a search by a player there: until somebody does, or the search ends.
  virtual std::set<IpAddress> search(const NetNamespace& netns) = 0;
  // Whether the server answers a player who knows where it is.
  virtual bool answers(const NetNamespace& netns, const IpAddress& at) = 0;
};

// How long a search that we emulate goes on, and how often it asks meanwhile.
inline constexpr Millis kSearch{3'000};
inline constexpr Millis kAskAgain{1'000};

std::unique_ptr<Game> chocolate_doom();
std::unique_ptr<Game> openttd();
std::unique_ptr<Game> teeworlds();
std::unique_ptr<Game> bzflag();
std::unique_ptr<Game> freeciv();
std::unique_ptr<Game> minecraft();
std::vector<std::unique_ptr<Game>> all_games();

}  // namespace lanrage::lab
