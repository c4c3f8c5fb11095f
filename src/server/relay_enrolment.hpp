// A stand-alone relay's side of its enrolment: announces the relay to a control server, again and
// again, for ever.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/backoff.hpp"
#include "base/secret.hpp"
#include "io/http_client.hpp"
#include "protocol/rest.hpp"

namespace lanrage::server {

// All on the io_context's thread.
class RelayEnrolment {
 public:
  struct Settings {
    io::Origin server;
    SecretText key;
    protocol::EnrollRelayRequest relay;  // its load is asked for each time
    std::chrono::milliseconds answer_time{10'000};
    std::chrono::milliseconds goodbye_time{2'000};
    Backoff::Range retry{};
  };
  struct Events {
    std::function<std::uint64_t()> clients;  // bound now
    // After each announcement that the server took.
    std::function<void(const protocol::EnrollRelayAnswer&)> enrolled;
    // Announcing failed; it is tried again. `hopeless`: the server, or whoever answers in its
    // place, refuses what we say, so without a change on one side trying again won't help.
    std::function<void(const Error&, bool hopeless)> failed;
  };

  // `random` outlives it.
  static std::unique_ptr<RelayEnrolment> start(boost::asio::io_context& io, Settings settings,
                                               Events events, Random& random);
  // No event comes any more.
  virtual ~RelayEnrolment() = default;
  // Takes the relay off the server's list, if it can be done within the goodbye's time; then
  // `done`.
  virtual void stop(std::function<void()> done) = 0;
};

}  // namespace lanrage::server
