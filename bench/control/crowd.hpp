// People on their WebSockets, subscribed to their parties.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "control/population.hpp"

namespace lanrage::bench {

class Member;

// What a crowd was told, by type of message.
struct Heard {
  std::uint64_t snapshots = 0;
  std::uint64_t caught_up = 0;
  std::uint64_t joined = 0;
  std::uint64_t left = 0;
  std::uint64_t errors = 0;
  std::string last_error;
};

class Crowd {
 public:
  // The first `people` members of each group, from where the group is. The groups must live on.
  Crowd(EventLoop& loop, SSL_CTX* context, std::uint16_t port, std::span<Group> groups,
        std::size_t people);
  ~Crowd();

  // Connects everybody, `at_once` handshakes at a time, until all are caught up. Who was caught up
  // before resumes from there.
  void connect(std::size_t at_once);
  // Cuts every connection.
  void drop();

  // Each sends its heartbeat again and again, one frame a record, for so long, each as soon as the
  // server has taken the one before the last. Returns how many were sent; all are taken then.
  std::uint64_t send_heartbeats(std::chrono::milliseconds time);

  std::size_t size() const;
  Heard& heard() { return heard_; }
  // Called when a member reads that somebody joined its party.
  std::function<void(std::size_t group)> on_joined;

 private:
  friend class Member;
  struct Known;  // what one of them knows of its party, over its connections

  EventLoop& loop_;
  SSL_CTX* context_;
  std::uint16_t port_;
  std::span<Group> groups_;
  Heard heard_;
  std::uint64_t last_ping_ = 0;  // its number; they go on over connections and rounds
  std::size_t settled_ = 0;      // members that had an answer to it
  std::deque<Known> known_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace lanrage::bench
