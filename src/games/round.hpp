// One round of questions: everybody is asked for every known game, at each port that it may be at.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "games/pattern.hpp"
#include "games/table.hpp"

namespace lanrage::games {

// Of one round, for all members; with more members than that reaches, games are asked for at their
// first ports only, and at last some members aren't asked.
inline constexpr std::size_t kMostQuestions = 2048;

struct Question {
  Endpoint to;
  Bytes payload;
};

class Round {
 public:
  // `table` outlives it.
  Round(const Table& table, const std::vector<IpAddress>& peers);

  // What to send next, which is noted as sent now.
  std::optional<Question> next(Instant now);

  struct Heard {
    std::optional<Question> again;  // to send now
    std::optional<Duration> rtt;    // since the question; nothing where none was asked there
  };
  Heard hear(Instant now, const Endpoint& from, ByteView payload);

 private:
  struct Asked {
    Instant at;
    bool again = false;  // a challenge is answered once
  };
  struct Planned {
    Endpoint to;
    std::size_t game;
  };

  const Table& table_;
  std::vector<Planned> planned_;
  std::size_t next_ = 0;
  std::map<Endpoint, Asked> asked_;
};

}  // namespace lanrage::games
