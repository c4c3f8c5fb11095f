// What the least program would spend on the same frames: epoll, OpenSSL with the server's settings,
// unmasking; no JSON, no parties, nothing kept.
#pragma once

#include <memory>

#include "control/child.hpp"

namespace lanrage::bench {

class BareReader {
 public:
  BareReader();  // before any thread
  std::uint16_t port() const { return port_; }
  const Child& process() const { return *process_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Child> process_;
  std::uint16_t port_ = 0;
};

}  // namespace lanrage::bench
