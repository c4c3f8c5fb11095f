// How often an idle direct path is checked so that the NATs on it keep their mappings: more and
// more seldom as long as the mappings are found to last, sooner again when they didn't.
#pragma once

#include <optional>

#include "base/time.hpp"
#include "path/tuning.hpp"

namespace lanrage::path {

class KeepalivePace {
 public:
  explicit KeepalivePace(const Tuning& tuning) : tuning_(tuning) { restart(); }

  // Between two checks, while nothing else uses the path.
  Duration interval() const { return interval_; }
  // A check was answered that left after the path had been quiet, both ways, for `gap`.
  // `same_mapping`: the peer saw it come from where it saw those before.
  void on_answer(Instant now, Duration gap, bool same_mapping);
  // Such a check was lost. It may be chance; one that comes back costs a few bytes.
  void on_loss(Instant now, Duration gap);
  // Other NATs, perhaps.
  void restart();

 private:
  void shorten(Instant now, Duration gap);
  bool is_proof(Duration gap) const { return gap >= interval_ * 4 / 5; }

  Tuning tuning_;
  Duration interval_{};
  // Mappings didn't last for longer than this, and how long that is believed.
  std::optional<Duration> ceiling_;
  Instant ceiling_until_{};
  Duration belief_{};
};

}  // namespace lanrage::path
