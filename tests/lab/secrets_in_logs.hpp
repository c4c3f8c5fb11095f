// What must never stand in a log: searched for after each test of the lab.
#pragma once

#include <string>
#include <vector>

#include "support/player.hpp"
#include "support/server.hpp"

namespace lanrage::lab {

// A secret as bytes, with the name it is known by.
struct KnownSecret {
  std::string name;
  std::string bytes;
};

// What the server keeps secret: keys and words of its database.
std::vector<KnownSecret> secrets_of(const Server& server);
// What the player's agent keeps: its keys, those of its parties, and the invites it made.
std::vector<KnownSecret> secrets_of(const Player& player);

// Names of what the text holds of `secrets` (raw, hex, base64, base32), and "session token" where
// it holds one that the server knows by its hash.
std::vector<std::string> found_in(const std::string& text, const std::vector<KnownSecret>& secrets,
                                  const Server* server);

}  // namespace lanrage::lab
