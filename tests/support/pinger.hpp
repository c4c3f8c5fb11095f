// ICMP echo from inside a namespace by a raw socket, so that times hold no program start.
#pragma once

#include <optional>
#include <vector>

#include "base/endpoint.hpp"
#include "support/namespace.hpp"
#include "support/wait.hpp"

namespace lanrage::lab {

struct PingReport {
  int sent = 0;
  int received = 0;
  std::vector<double> rtt_ms;   // one an answer, in order of arrival
  std::vector<double> sent_ms;  // when the request of each was sent, from the beginning on
  // Longest time between two answers (or the begin and the first): how long traffic stood still.
  double longest_gap_ms = 0;
};

class Pinger {
 public:
  Pinger(const NetNamespace& netns, const IpAddress& target);
  ~Pinger();
  Pinger(const Pinger&) = delete;
  Pinger& operator=(const Pinger&) = delete;

  // Sends one request every `interval` until any is answered; the time of that answer, or nullopt
  // at the deadline. No route yet is only "not answered".
  std::optional<Clock::time_point> first_answer(Millis limit, Millis interval = Millis(20));

  // Sends `count` requests, `interval` apart, and waits up to `grace` for the last answers.
  PingReport ping(int count, Millis interval = Millis(100), Millis grace = Millis(3'000));

 private:
  struct Answer {
    std::uint16_t sequence;
    Clock::time_point at;
  };

  void send_request();
  std::optional<Answer> next_answer(Clock::time_point deadline);

  int fd_;
  std::uint32_t target_;
  std::uint16_t id_;
  std::uint16_t sequence_ = 0;
};

}  // namespace lanrage::lab
