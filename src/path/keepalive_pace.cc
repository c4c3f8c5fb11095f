#include "path/keepalive_pace.hpp"

#include <algorithm>

namespace lanrage::path {

void KeepalivePace::restart() {
  interval_ = tuning_.keepalive;
  ceiling_.reset();
  belief_ = {};
}

void KeepalivePace::on_answer(Instant now, Duration gap, bool same_mapping) {
  if (!is_proof(gap)) return;
  if (!same_mapping) return shorten(now, gap);
  if (ceiling_ && now >= ceiling_until_) ceiling_.reset();
  interval_ = std::min({interval_ + tuning_.keepalive_step, tuning_.longest_keepalive,
                        ceiling_.value_or(Duration::max())});
}

void KeepalivePace::on_loss(Instant now, Duration gap) {
  if (is_proof(gap)) shorten(now, gap);
}

void KeepalivePace::shorten(Instant now, Duration gap) {
  // Believed for longer each time, unless it has been long since.
  if (now >= ceiling_until_ + belief_) belief_ = {};
  belief_ = std::clamp(belief_ * 2, tuning_.first_belief, tuning_.longest_belief);
  ceiling_ = std::clamp(gap * 2 / 3, tuning_.shortest_keepalive, tuning_.longest_keepalive);
  ceiling_until_ = now + belief_;
  interval_ = std::min(interval_, *ceiling_);
}

}  // namespace lanrage::path
