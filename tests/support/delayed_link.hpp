// A cable with length: two TAP devices in two namespaces, and a thread that carries frames between
// them late, and loses some. (The kernels that the lab runs on may have no netem.)
#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include "support/namespace.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

struct LinkQuality {
  Millis one_way{0};
  Millis jitter{0};  // a frame takes up to so much longer; none overtakes another
  double loss = 0;   // of frames, each way; drawn from `seed`
  std::uint64_t seed = 1;
};

class DelayedLink {
 public:
  // Makes the interfaces; bringing them up is the caller's.
  DelayedLink(const NetNamespace& a, const std::string& interface_a, const NetNamespace& b,
              const std::string& interface_b, const LinkQuality& quality);
  ~DelayedLink();  // the interfaces go with it
  DelayedLink(const DelayedLink&) = delete;
  DelayedLink& operator=(const DelayedLink&) = delete;

 private:
  void carry(const LinkQuality& quality);

  int tap_a_;
  int tap_b_;
  int stop_;  // eventfd
  std::thread carrier_;
};

}  // namespace lanrage::lab
