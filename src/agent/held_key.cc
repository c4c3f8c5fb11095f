#include "agent/held_key.hpp"

#include "party/membership.hpp"

namespace lanrage::agent {

HeldKey::Followed HeldKey::follow(const party::Ledger& ledger,
                                  const crypto::ExchangeSecret& box_secret,
                                  const std::optional<Bytes>& box) {
  if (box) box_ = box;
  if (is_current(ledger)) return {Outcome::current, std::nullopt};
  if (!box_) return {Outcome::missing, std::nullopt};
  auto key = party::recover_party_key(ledger, box_secret, *box_);
  if (!key) return {Outcome::missing, key.error()};
  key_ = std::move(*key);
  box_.reset();
  return {Outcome::taken, std::nullopt};
}

}  // namespace lanrage::agent
