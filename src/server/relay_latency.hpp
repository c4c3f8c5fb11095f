// How long packets stay here, counted in buckets that double: an addition a batch.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lanrage::server {

class RelayLatency {
 public:
  // Bucket i holds what took less than 2^i us; the last, all beyond.
  static constexpr std::size_t kBounds = 21;  // the greatest is a second

  // So many packets stayed so long each.
  void add(std::uint64_t nanoseconds, std::uint64_t packets = 1) {
    counts_[std::min<std::size_t>(std::bit_width(nanoseconds / 1000), kBounds)] += packets;
    sum_ns_ += nanoseconds * packets;
  }
  static constexpr double bound_seconds(std::size_t bucket) {
    return static_cast<double>(std::uint64_t{1} << bucket) / 1e6;
  }

  const std::array<std::uint64_t, kBounds + 1>& counts() const { return counts_; }
  double sum_seconds() const { return static_cast<double>(sum_ns_) / 1e9; }

  RelayLatency& operator+=(const RelayLatency& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      counts_[i] += other.counts_[i];
    sum_ns_ += other.sum_ns_;
    return *this;
  }

 private:
  std::array<std::uint64_t, kBounds + 1> counts_{};
  std::uint64_t sum_ns_ = 0;
};

}  // namespace lanrage::server
