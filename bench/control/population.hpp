// Parties and their people: keys, records and requests made beforehand, so that making load costs
// little while anything is measured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/connection.hpp"
#include "party/new_party.hpp"

namespace lanrage::bench {

struct Person {
  party::DeviceKeys keys;
  PeerId id;
  std::string authorization;  // once enrolled
};

// One join and the leave after it, of the guest.
struct Visit {
  std::string join;  // requests, whole
  std::string leave;
};

// A party: the host and members, who stay, and a guest, who comes and goes.
struct Group {
  PartyId party;
  std::uint32_t host = 0;          // where its people connect from, 127.0.0.0 + host
  std::vector<Person> people;      // the guest last
  std::size_t members = 0;         // host and members
  std::string create;              // body
  std::vector<std::string> joins;  // bodies, of members 1, 2, ...
  std::vector<std::pair<std::string, std::string>> visits;  // bodies of join and leave
  std::string join_target() const { return "/parties/" + party.to_string() + "/join"; }

  Person& guest() { return people.back(); }
  Visit visit(std::size_t number) const;
};

struct PopulationSize {
  std::size_t groups = 1;
  std::size_t members = 8;  // of each, with the host
  std::size_t visits = 0;   // prepared for each guest; 0: no guests
};

// On all processors.
std::vector<Group> make_population(const PopulationSize& size);

// Registers everybody, creates the parties, lets the members join. Throws when anything is refused.
void enroll(EventLoop& loop, SSL_CTX* context, std::uint16_t port, std::vector<Group>& groups);

}  // namespace lanrage::bench
