// Guessing the public port that a symmetric NAT of ours gave to what we send to an endpoint of the
// peer: a port-restricted peer must have sent to that port before it lets anything in from there.
//
// Many symmetric NATs count: each new flow gets the next port. So two questions to a STUN server,
// each from a local port that was never used before, leave right before and right after the packet
// that makes the mapping; its port lies between the two that the server sees. Where those are far
// apart the NAT draws lots: one port of 64,000 isn't worth guessing, and nothing is
// (docs/adr/0018).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "path/candidate.hpp"
#include "path/tuning.hpp"

namespace lanrage::path {

// Told at a time. Each is an entry in the table of the peer's router for as long as that keeps one
// that nobody answers.
inline constexpr std::size_t kMostGuesses = 12;
inline constexpr int kMostPredictions = 4;  // at once

// Where the port of a flow is that began between two others, likeliest first, at most kMostGuesses;
// none when the two don't look as if the NAT counted.
std::vector<std::uint16_t> ports_between(std::uint16_t before, std::uint16_t after);

// `candidates`, out of tidy(), with as many guesses as there is room for. A symmetric NAT's ports
// towards servers make room, but for one: they lead to nobody else.
std::vector<Candidate> with_guesses(std::vector<Candidate> candidates,
                                    std::span<const Endpoint> guesses);

class PortPrediction {
 public:
  // Numbers of the two questions.
  struct Questions {
    std::uint32_t before = 0;
    std::uint32_t after = 0;
  };

  explicit PortPrediction(const Tuning& tuning) : tuning_(tuning) {}

  // A check to that endpoint leaves now. Returns the questions to send around it when it may make a
  // new mapping, it is `worthwhile`, and not too many were sent lately.
  std::optional<Questions> on_send(Instant now, const Endpoint& to, bool worthwhile);
  void on_answer(Instant now, std::uint32_t number, const Endpoint& seen);
  // The NAT may be another one.
  void on_link_change();
  // The peer has forgotten what it was told, or what it tried.
  void tell_again(Instant now);

  // Once told they stay until they are over, or no longer `wanted`. True: they have changed.
  bool update(Instant now, bool wanted);
  std::span<const Endpoint> guesses() const { return told_; }
  std::optional<Instant> next_timeout() const;

 private:
  struct Asked {
    Questions numbers;
    std::optional<Endpoint> before;
    std::optional<Endpoint> after;
  };
  void conclude(Instant now, const Endpoint& before, const Endpoint& after);

  Tuning tuning_;
  std::map<Endpoint, Instant> sent_;
  std::vector<Asked> asked_;
  std::uint32_t last_number_ = 0;
  Instant paid_ = Instant::min();  // the time that the questions so far take at their pace
  std::vector<Endpoint> likely_;
  Instant until_{};  // they are told until then
  std::vector<Endpoint> told_;
};

}  // namespace lanrage::path
