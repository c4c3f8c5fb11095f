#include "relay/bind_client.hpp"

#include <algorithm>

#include "relay/bind_messages.hpp"

namespace lanrage::relay {
namespace {

using stun::Attribute;

// Sent four times a second at first, since a game waits for a bind, and two round trips of it may
// both be lost in part; then at 1, 1.5 and 2.5 s, given up after 4.75 s.
constexpr stun::RetryPolicy kRetries{
    .first_wait = std::chrono::milliseconds(250), .sends = 7, .last_wait = 9, .steady = 4};
constexpr int kMaxChallenges = 3;  // in a row; a relay that asks on and on won't ever be content

std::optional<std::uint64_t> read_u64(const stun::MessageView& message, Attribute type) {
  auto value = message.find(type);
  if (!value || value->size() != 8) return std::nullopt;
  return ByteReader(*value).u64();
}

}  // namespace

BindClient::BindClient(const BindTarget& target, Bytes token, const crypto::SigningKey& bind_key,
                       Random& random)
    : target_(target),
      token_(std::move(token)),
      bind_key_(bind_key),
      random_(&random),
      transactions_(kRetries),
      routes_(random) {}

void BindClient::start(Instant now, stun::Datagrams& out) {
  transactions_.clear();
  challenges_ = 0;
  send_request(now, out);
}

void BindClient::send_request(Instant now, stun::Datagrams& out) {
  auto id = stun::TransactionId::generate(*random_);
  stun::MessageBuilder request(stun::Method::bind_relay, stun::Class::request, id);
  request.attribute(Attribute::relay_token, token_);
  if (!nonce_.empty() && claimed_) {
    Bytes statement = bind_statement(token_, target_.id, boot_id_, nonce_, *claimed_);
    request.attribute(Attribute::nonce, nonce_)
        .attribute(Attribute::bind_signature, bind_key_.sign(statement));
  }
  transactions_.start(now, id, request.fingerprint(), target_.endpoint, out);
  next_bind_.reset();
  if (!unanswered_since_) unanswered_since_ = now;
}

bool BindClient::on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message,
                             stun::Datagrams& out) {
  if (from != target_.endpoint) return false;
  if (message.method() == stun::Method::route_relay) return on_route_response(now, message, out);
  if (message.method() != stun::Method::bind_relay) return false;
  if (message.message_class() == stun::Class::indication) {
    bool lately = last_notice_ && now - *last_notice_ < kNoticeSpacing;
    if (!lately && transactions_.size() == 0) {
      last_notice_ = now;
      start(now, out);
    }
    return true;
  }
  auto completed = transactions_.on_response(now, message);
  if (!completed) return false;
  rtt_ = completed->rtt;
  unanswered_since_.reset();
  take_challenge(message);
  if (message.message_class() == stun::Class::success) {
    on_success(now, message);
    tell_routes(now, out);
  } else {
    on_error(now, message, out);
  }
  return true;
}

void BindClient::set_routes(Instant now, std::span<const Route> routes, stun::Datagrams& out) {
  routes_.want(routes);
  tell_routes(now, out);
}

void BindClient::tell_routes(Instant now, stun::Datagrams& out) {
  if (!bound_ || nonce_.empty() || !claimed_) return;
  routes_.tell(now, {target_.id, target_.endpoint, boot_id_, nonce_, *claimed_, bind_key_}, out);
}

bool BindClient::on_route_response(Instant now, const stun::MessageView& message,
                                   stun::Datagrams& out) {
  const auto answer = routes_.on_response(now, message);
  if (answer == RouteClient::Answer::not_ours) return false;
  // A bind brings a nonce, and tells afterwards.
  if (answer == RouteClient::Answer::stale_nonce && transactions_.size() == 0) {
    start(now, out);
  } else {
    tell_routes(now, out);
  }
  return true;
}

void BindClient::take_challenge(const stun::MessageView& message) {
  auto nonce = message.find(Attribute::nonce);
  auto boot_id = read_u64(message, Attribute::boot_id);
  auto mapped = message.mapped_address();
  if (!nonce || nonce->size() != kNonceSize || !boot_id || !mapped) return;
  nonce_.assign(nonce->begin(), nonce->end());
  boot_id_ = *boot_id;
  claimed_ = mapped;
}

void BindClient::on_success(Instant now, const stun::MessageView& message) {
  bound_ = true;
  trouble_ = Trouble::none;
  challenges_ = 0;
  last_success_ = now;
  next_bind_ = now + kBindRenewal +
               Duration(static_cast<Duration::rep>(random_->below(kBindJitter.count())));
  observed_ = message.mapped_address();
  std::pair bound_to{boot_id_, read_u64(message, Attribute::bind_slot).value_or(0)};
  if (bound_to_ != bound_to) {
    ++generation_;
    routes_.forget();
  }
  bound_to_ = bound_to;
}

void BindClient::on_error(Instant now, const stun::MessageView& message, stun::Datagrams& out) {
  auto error = message.error_code();
  int code = error ? error->code : 0;
  if ((code == kChallenge || code == kStaleNonce) && ++challenges_ <= kMaxChallenges &&
      !nonce_.empty()) {
    send_request(now, out);
    return;
  }
  bound_ = false;
  challenges_ = 0;
  trouble_ = code == kTokenExpired ? Trouble::token_expired
             : code == kFull       ? Trouble::full
                                   : Trouble::refused;
  next_bind_ = now + kBindRetry;
}

void BindClient::on_timeout(Instant now, stun::Datagrams& out) {
  if (!transactions_.on_timeout(now, out).empty()) {
    trouble_ = Trouble::no_answer;
    next_bind_ = now + kBindRetry;
  }
  routes_.on_timeout(now, out);
  tell_routes(now, out);
  if (last_success_ && now >= *last_success_ + kBindLapse) {
    bound_ = false;
    last_success_.reset();
  }
  if (next_bind_ && now >= *next_bind_ && transactions_.size() == 0) {
    challenges_ = 0;
    send_request(now, out);
  }
}

std::optional<Instant> BindClient::next_timeout() const {
  std::optional<Instant> next = transactions_.next_timeout();
  auto sooner = [&](Instant at) { next = next ? std::min(*next, at) : at; };
  if (const auto due = routes_.next_timeout(); due && bound_) sooner(*due);
  if (next_bind_) sooner(*next_bind_);
  if (last_success_) sooner(*last_success_ + kBindLapse);
  return next;
}

void BindClient::set_token(Instant now, Bytes token) {
  token_ = std::move(token);
  if (trouble_ == Trouble::token_expired || trouble_ == Trouble::refused) next_bind_ = now;
}

}  // namespace lanrage::relay
