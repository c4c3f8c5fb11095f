// Outstanding requests and their retransmission (RFC 8489 section 6.2.1).
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "stun/datagram.hpp"
#include "stun/message.hpp"

namespace lanrage::stun {

struct RetryPolicy {
  Duration first_wait = std::chrono::milliseconds(250);  // RTO, later doubled
  int sends = 7;                                         // Rc
  int last_wait = 16;                                    // Rm: the last wait, in first waits
  int steady = 1;  // sendings before the wait begins to double; RFC 8489 has one
};

struct Completed {
  TransactionId id;
  Endpoint sent_to;
  // Nothing when the request was sent more than once: which sending was answered is unknown.
  std::optional<Duration> rtt;
};

class Transactions {
 public:
  explicit Transactions(RetryPolicy policy = {}) : policy_(policy) {}

  // Sends `request`, whose transaction id is `id`, and keeps it for retransmission.
  void start(Instant now, const TransactionId& id, Bytes request, const Endpoint& to,
             Datagrams& out);
  // A success or error response ends the transaction with its id. The caller judges where it came
  // from: with CHANGE-REQUEST the answer rightly comes from elsewhere.
  std::optional<Completed> on_response(Instant now, const MessageView& response);
  // Sends again what is due; returns the transactions given up.
  std::vector<TransactionId> on_timeout(Instant now, Datagrams& out);
  std::optional<Instant> next_timeout() const;

  void cancel(const TransactionId& id) { outstanding_.erase(id); }
  void clear() { outstanding_.clear(); }
  bool contains(const TransactionId& id) const { return outstanding_.contains(id); }
  std::size_t size() const { return outstanding_.size(); }

 private:
  struct Outstanding {
    Bytes request;
    Endpoint to;
    Instant first_sent;
    Instant due;
    Duration wait;
    int sent = 1;
  };

  RetryPolicy policy_;
  std::unordered_map<TransactionId, Outstanding> outstanding_;
};

}  // namespace lanrage::stun
