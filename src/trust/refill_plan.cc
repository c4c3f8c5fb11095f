#include "trust/refill_plan.hpp"

#include <algorithm>

namespace lanrage::trust {
namespace {

bool take_due(std::optional<Instant>& at, Instant now) {
  const bool due = at && *at <= now;
  if (due) at.reset();
  return due;
}

}  // namespace

void RefillPlan::look(Instant now, Server server) {
  if (handing_back_) return;
  if (server == Server::has_all) retry_.reset();
  if (server != Server::lacks_records) return hand_back_at_.reset();
  if (hand_back_at_) return;
  const Duration lot(random_.below(static_cast<std::uint64_t>(kLots.count()) + 1));
  hand_back_at_ = std::max(now, not_before_) + lot;
}

void RefillPlan::on_unknown_party(Instant now) {
  if (!ask_at_) ask_at_ = now + ask_again_.next();
}

void RefillPlan::on_party_shown() {
  ask_at_.reset();
  ask_again_.reset();
}

std::optional<RefillPlan::Step> RefillPlan::next_step(Instant now) {
  if (take_due(hand_back_at_, now)) {
    handing_back_ = true;
    return Step::hand_back;
  }
  if (take_due(ask_at_, now)) return Step::ask_again;
  return std::nullopt;
}

void RefillPlan::on_handed_back(Instant now) {
  handing_back_ = false;
  not_before_ = now + retry_.next();
}

std::optional<Instant> RefillPlan::next_timeout() const {
  if (!hand_back_at_ || !ask_at_) return hand_back_at_ ? hand_back_at_ : ask_at_;
  return std::min(*hand_back_at_, *ask_at_);
}

}  // namespace lanrage::trust
