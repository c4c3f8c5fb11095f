#include "stun/transaction.hpp"

namespace lanrage::stun {

void Transactions::start(Instant now, const TransactionId& id, Bytes request, const Endpoint& to,
                         Datagrams& out) {
  out.push_back({to, request});
  Duration wait = policy_.sends > 1 ? policy_.first_wait : policy_.first_wait * policy_.last_wait;
  outstanding_.insert_or_assign(id, Outstanding{std::move(request), to, now, now + wait, wait, 1});
}

std::optional<Completed> Transactions::on_response(Instant now, const MessageView& response) {
  if (response.message_class() != Class::success && response.message_class() != Class::error) {
    return std::nullopt;
  }
  auto found = outstanding_.find(response.transaction());
  if (found == outstanding_.end()) return std::nullopt;
  const Outstanding& request = found->second;
  Completed completed{found->first, request.to, std::nullopt};
  if (request.sent == 1) completed.rtt = now - request.first_sent;
  outstanding_.erase(found);
  return completed;
}

std::vector<TransactionId> Transactions::on_timeout(Instant now, Datagrams& out) {
  std::vector<TransactionId> given_up;
  for (auto it = outstanding_.begin(); it != outstanding_.end();) {
    Outstanding& request = it->second;
    if (request.due > now) {
      ++it;
    } else if (request.sent == policy_.sends) {
      given_up.push_back(it->first);
      it = outstanding_.erase(it);
    } else {
      out.push_back({request.to, request.request});
      ++request.sent;
      bool last = request.sent == policy_.sends;
      if (last)
        request.wait = policy_.first_wait * policy_.last_wait;
      else if (request.sent > policy_.steady)
        request.wait *= 2;
      request.due = now + request.wait;
      ++it;
    }
  }
  return given_up;
}

std::optional<Instant> Transactions::next_timeout() const {
  std::optional<Instant> next;
  for (const auto& [id, request] : outstanding_) {
    if (!next || request.due < *next) next = request.due;
  }
  return next;
}

}  // namespace lanrage::stun
