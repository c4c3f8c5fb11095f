// How often a host answers who asks for its parties: datagrams from anybody must neither keep it
// busy nor make it flood others.
#pragma once

#include <map>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "base/token_bucket.hpp"

namespace lanrage::agent {

class AnswerGate {
 public:
  static constexpr Rate kAnswers{10, 20};                                // to everybody together
  static constexpr Duration kPerAsker = std::chrono::milliseconds(200);  // between two answers
  static constexpr std::size_t kMaxAskers = 256;                         // remembered

  bool take(Instant now, const IpAddress& asker) {
    const auto known = askers_.find(asker);
    if (known != askers_.end() && now - known->second < kPerAsker) return false;
    if (!answers_.take(kAnswers, now)) return false;
    if (askers_.size() >= kMaxAskers) askers_.clear();  // the common bucket still holds
    askers_[asker] = now;
    return true;
  }

 private:
  TokenBucket answers_{kAnswers, Instant{}};
  std::map<IpAddress, Instant> askers_;
};

}  // namespace lanrage::agent
