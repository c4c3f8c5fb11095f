// How often a host answers who asks for its parties: datagrams from anybody must neither keep it
// busy nor make it flood others.
#pragma once

#include <algorithm>
#include <map>

#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace lanrage::agent {

class AnswerGate {
 public:
  static constexpr double kBurst = 20;                                   // answers
  static constexpr double kRate = 10;                                    // answers a second
  static constexpr Duration kPerAsker = std::chrono::milliseconds(200);  // between two answers
  static constexpr std::size_t kMaxAskers = 256;                         // remembered

  bool take(Instant now, const IpAddress& asker) {
    const std::chrono::duration<double> passed = now - last_;
    tokens_ = std::min(kBurst, tokens_ + passed.count() * kRate);
    last_ = now;
    const auto known = askers_.find(asker);
    if (tokens_ < 1 || (known != askers_.end() && now - known->second < kPerAsker)) return false;
    tokens_ -= 1;
    if (askers_.size() >= kMaxAskers) askers_.clear();  // the common bucket still holds
    askers_[asker] = now;
    return true;
  }

 private:
  double tokens_ = kBurst;
  Instant last_{};
  std::map<IpAddress, Instant> askers_;
};

}  // namespace lanrage::agent
