#include "agent/relay_meter.hpp"

#include <algorithm>

namespace lanrage::agent {
namespace {

constexpr int kWeight = 8;  // RFC 6298

}  // namespace

RelayMeter::Target* RelayMeter::find(const Endpoint& endpoint) {
  const auto found = std::ranges::find(targets_, endpoint, &Target::endpoint);
  return found == targets_.end() ? nullptr : &*found;
}

const RelayMeter::Target* RelayMeter::find(const Endpoint& endpoint) const {
  const auto found = std::ranges::find(targets_, endpoint, &Target::endpoint);
  return found == targets_.end() ? nullptr : &*found;
}

std::optional<Duration> RelayMeter::rtt(const Endpoint& target) const {
  const Target* known = find(target);
  return known != nullptr ? known->rtt : std::nullopt;
}

bool RelayMeter::silent(const Endpoint& target) const {
  const Target* known = find(target);
  return known != nullptr && known->silent;
}

void RelayMeter::doubt(Instant now, const Endpoint& target) {
  Target* known = find(target);
  if (known != nullptr && known->unanswered == 0) known->next = std::min(known->next, now);
}

void RelayMeter::set_targets(Instant now, const std::vector<Endpoint>& targets) {
  std::vector<Target> kept;
  kept.reserve(targets.size());
  for (const Endpoint& endpoint : targets) {
    const Target* known = find(endpoint);
    kept.push_back(known != nullptr ? *known : Target{.endpoint = endpoint, .next = now});
  }
  targets_ = std::move(kept);
}

void RelayMeter::restart(Instant now) {
  transactions_.clear();
  for (Target& target : targets_)
    target = {.endpoint = target.endpoint, .next = now, .rtt = target.rtt};
}

void RelayMeter::add(const Endpoint& target, Duration rtt) {
  Target* known = find(target);
  if (known == nullptr) return;
  if (known->samples == 0)
    known->rtt = rtt;
  else if (known->samples < kQuick)
    known->rtt = std::min(*known->rtt, rtt);
  else
    *known->rtt += (rtt - *known->rtt) / kWeight;
  ++known->samples;
}

bool RelayMeter::on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message) {
  if (message.method() != stun::Method::binding) return false;
  const auto completed = transactions_.on_response(now, message);
  if (!completed) return false;
  Target* target = find(completed->sent_to);
  const bool answered = from == completed->sent_to && completed->rtt &&
                        message.message_class() == stun::Class::success;
  if (target == nullptr || !answered) return true;
  target->unanswered = 0;
  target->silent = false;
  if (target->asked >= kQuick) target->next = target->asked_at + kGap;
  add(from, *completed->rtt);
  return true;
}

void RelayMeter::on_timeout(Instant now, stun::Datagrams& out) {
  transactions_.on_timeout(now, out);
  for (Target& target : targets_) {
    if (now < target.next) continue;
    if (target.unanswered >= kSilent) {
      target.rtt.reset();
      target.samples = 0;
      target.silent = true;
    }
    const auto id = stun::TransactionId::generate(random_);
    transactions_.start(now, id, stun::binding_request(id), target.endpoint, out);
    ++target.asked;
    ++target.unanswered;
    target.asked_at = now;
    target.next = now + (target.silent ? kGap : target.asked < kQuick ? kQuickGap : kGapUnanswered);
  }
}

std::optional<Instant> RelayMeter::next_timeout() const {
  std::optional<Instant> next = transactions_.next_timeout();
  for (const Target& target : targets_)
    if (!next || target.next < *next) next = target.next;
  return next;
}

}  // namespace lanrage::agent
