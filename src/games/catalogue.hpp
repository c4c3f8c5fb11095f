// What is hosted in a party now, as its games say. What strangers' programs send goes in; what a
// terminal may show comes out.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/time.hpp"
#include "games/pattern.hpp"

namespace lanrage::games {

// A game that wasn't heard of for so long has ended. Games announce themselves every 5 s at most,
// and answer when they are asked.
inline constexpr Duration kForgotten = std::chrono::seconds(30);
inline constexpr std::size_t kMostOfPeer = 16;
inline constexpr std::size_t kMostHosted = 256;

struct Hosted {
  std::string game{};
  std::string title{};  // empty: not told
  Endpoint at{};
  std::optional<std::uint32_t> players{};
  std::optional<std::uint32_t> max_players{};
  std::optional<Duration> rtt{};  // of the last answer to us
  Instant seen{};                 // last
};

class Catalogue {
 public:
  // `table` outlives it.
  explicit Catalogue(const Table& table) : table_(table) {}

  // Whose games count: the members' virtual IPs, our own among them. Forgets those of others.
  void set_peers(std::set<IpAddress> peers);

  // A datagram that passes; true when it tells of a game.
  bool observe(Instant now, const Datagram& datagram);
  // An answer to us, by which we learned the round trip.
  bool observe_answer(Instant now, const Datagram& datagram, Duration rtt);

  // By game, then address.
  std::vector<Hosted> hosted(Instant now);

 private:
  Hosted* note(Instant now, const Datagram& datagram);
  bool make_room(const IpAddress& peer);
  void forget(Instant now);

  const Table& table_;
  std::set<IpAddress> peers_;
  std::map<Endpoint, Hosted> hosted_;
};

}  // namespace lanrage::games
